import Adapter
import Federation
import Foundation
import Publication
import Sodium
import Synchronization
import Testing

struct ReleaseStoreTests {
    @Test("A release is a PEFT folder with card, manifest and signature, and `latest` points at it")
    func publishes() throws {
        try Fixtures.withDirectory { directory in
            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            #expect(store.latest() == nil)
            let folder = try store.publish(Fixtures.draft(round: 2, attachments: ["tokenizer.json": [0x7B, 0x7D]]))
            #expect(folder == "\(directory)/round-0002")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [
                    "README.md", "adapter_config.json", "adapter_model.safetensors", "manifest.json",
                    "manifest.json.minisig", "tokenizer.json", "tributary.pub",
                ])
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/latest") == "round-0002")
            #expect(try PEFTFolder.read(folder, base: Fixtures.adapter().base) == Fixtures.adapter())
            #expect(store.latest()?.round.value == 2)
            #expect(ReleaseVerification.verify("\(directory)/latest").isSound)
        }
    }

    @Test("The card's front matter is what the Hub reads, and a chosen name cannot break its tables")
    func writesCard() throws {
        try Fixtures.withDirectory { directory in
            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            let folder = try store.publish(Fixtures.draft(round: 1))
            let card = String(decoding: try Fixtures.read("\(folder)/README.md"), as: UTF8.self)
            #expect(card.hasPrefix("---\nbase_model: \"example/tiny-llama\"\nlibrary_name: peft\n"))
            #expect(card.contains("| 1 | statistics | east | Hospital \\| east | 1.5 |"))
            #expect(card.contains("Publish and aggregate together could open one cloud's update."))
            #expect(card.contains("Nothing was simulated."))
        }
    }

    @Test("Two runs with the same rounds publish byte-identical files; only the manifest tells the time")
    func isDeterministic() throws {
        let folders = try [1_700_000_000, 1_800_000_000].map { time in
            try Fixtures.withDirectory { directory in
                let folder = try ReleaseStore(directory: directory, key: Fixtures.key())
                    .publish(Fixtures.draft(round: 1, createdAt: time))
                return try FileManager.default.contentsOfDirectory(atPath: folder).reduce(into: [String: [UInt8]]()) {
                    $0[$1] = try Fixtures.read("\(folder)/\($1)")
                }
            }
        }
        let differing = folders[0].keys.filter { folders[0][$0] != folders[1][$0] }
        #expect(differing.sorted() == ["manifest.json", "manifest.json.minisig"])
    }

    @Test("The same release again changes nothing; another one of that round is refused, and so is an older round")
    func neverOverwrites() throws {
        try Fixtures.withDirectory { directory in
            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            let folder = try store.publish(Fixtures.draft(round: 3))
            let before = try Fixtures.read("\(folder)/manifest.json")
            #expect(try store.publish(Fixtures.draft(round: 3, createdAt: 1_800_000_000)) == folder)
            #expect(throws: PublicationError.self) { try store.publish(Fixtures.draft(round: 3, step: 0.02)) }
            #expect(throws: PublicationError.self) { try store.publish(Fixtures.draft(round: 2)) }
            #expect(throws: PublicationError.self) {
                try store.publish(Fixtures.draft(round: 4, after: 3, run: "other"))
            }
            #expect(try Fixtures.read("\(folder)/manifest.json") == before)
            #expect(try store.publish(Fixtures.draft(round: 4, after: 3)).hasSuffix("round-0004"))
        }
    }

    @Test("An attachment cannot take a release's own name or leave the folder")
    func refusesAttachments() throws {
        try Fixtures.withDirectory { directory in
            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            for name in ["manifest.json", "README.md", "rounds.jsonl", "../x", ".hidden", ""] {
                #expect(throws: PublicationError.self) {
                    try store.publish(Fixtures.draft(round: 1, attachments: [name: [1]]))
                }
            }
            #expect(throws: Never.self) { try store.publish(Fixtures.draft(round: 1, attachments: ["notes.txt": [1]])) }
        }
    }

    @Test("One process at a time holds a store")
    func locks() throws {
        try Fixtures.withDirectory { directory in
            do {
                let store = try ReleaseStore(directory: directory, key: Fixtures.key())
                #expect(throws: PublicationError.self) { try ReleaseStore(directory: directory, key: Fixtures.key()) }
                _ = try store.publish(Fixtures.draft(round: 1))
            }
            #expect(throws: Never.self) { try ReleaseStore(directory: directory, key: Fixtures.key()) }
        }
    }

    @Test("The newest releases stay as many as are kept, and the last of them verifies")
    func prunes() throws {
        try Fixtures.withDirectory { directory in
            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            for round in 1...4 as ClosedRange<UInt32> {
                _ = try store.publish(Fixtures.draft(round: round, after: round - 1))
            }
            try store.prune(keeping: 2)
            let names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
            #expect(names == ["latest", "round-0003", "round-0004", "rounds.jsonl"])
            #expect(ReleaseVerification.verify("\(directory)/latest").isSound)
            try store.prune(keeping: 0)
            #expect(FileManager.default.fileExists(atPath: "\(directory)/round-0004"))
        }
    }

    private struct Crash: Error {}

    @Test("After a stop at any step the next opening finds the old state or the new one, and the release can be made")
    func survivesCrashes() throws {
        var stops = 0
        while try !crashes(afterSteps: stops) { stops += 1 }
        #expect(
            stops == 11, "the list, one folder, six files, two flushes or renames, one link: each was a place to stop")
    }

    /// Stops the second publication after so many steps; true where it had no more steps to stop at.
    private func crashes(afterSteps stop: Int) throws -> Bool {
        try Fixtures.withDirectory { directory in
            _ = try ReleaseStore(directory: directory, key: Fixtures.key()).publish(Fixtures.draft(round: 1))
            let done = Mutex(0)
            var finished = true
            var renamed = false
            do {
                let seen = Mutex(false)
                let store = try ReleaseStore(directory: directory, key: Fixtures.key()) { step in
                    if step == .renamedFolder { seen.withLock { $0 = true } }
                    let count = done.withLock { count in
                        count += 1
                        return count
                    }
                    if count > stop { throw Crash() }
                }
                do {
                    _ = try store.publish(Fixtures.draft(round: 2, after: 1))
                } catch is Crash {
                    finished = false
                }
                renamed = seen.withLock { $0 }
            }
            // What a reader sees before anything is repaired: a sound release behind `latest`.
            #expect(ReleaseVerification.verify("\(directory)/latest").isSound)

            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            #expect(store.latest()?.round.value == (renamed ? 2 : 1))
            let names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
            #expect(
                names
                    == (renamed
                        ? ["latest", "round-0001", "round-0002", "rounds.jsonl"]
                        : ["latest", "round-0001", "rounds.jsonl"]))
            let latest = try FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/latest")
            #expect(latest == (renamed ? "round-0002" : "round-0001"))
            let folder = try store.publish(Fixtures.draft(round: 2, after: 1))
            #expect(ReleaseVerification.verify(folder).isSound)
            return finished
        }
    }

    @Test("A release that its publisher does not know of is taken back, and the list of rounds with it")
    func takesBack() throws {
        try Fixtures.withDirectory { directory in
            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            _ = try store.publish(Fixtures.draft(round: 1))
            let before = try Fixtures.read("\(directory)/rounds.jsonl")
            _ = try store.publish(Fixtures.draft(round: 2, after: 1))
            _ = try store.publish(Fixtures.draft(round: 3, after: 1, rounds: Fixtures.rounds(after: 2, through: 3)))
            let names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
            #expect(names == ["latest", "round-0001", "round-0003", "rounds.jsonl"])
            let list = try Fixtures.read("\(directory)/rounds.jsonl")
            #expect(list.starts(with: before) && list.filter { $0 == 10 }.count == 2)
            #expect(ReleaseVerification.verify("\(directory)/latest").isSound)
        }
    }

    @Test("A publisher whose last release, or whose list of rounds, is not here any more publishes nothing")
    func missesItsReleases() throws {
        try Fixtures.withDirectory { directory in
            do {
                let store = try ReleaseStore(directory: directory, key: Fixtures.key())
                _ = try store.publish(Fixtures.draft(round: 1))
                _ = try store.publish(Fixtures.draft(round: 2, after: 1))
                #expect(throws: PublicationError.self) { try store.publish(Fixtures.draft(round: 5, after: 3)) }
                #expect(throws: PublicationError.self) { try store.publish(Fixtures.draft(round: 5)) }
            }
            let list = "\(directory)/rounds.jsonl"
            let bytes = try Fixtures.read(list)
            // What a crash left behind is of no account; what is missing or changed is.
            try Fixtures.write(bytes + [123], list)
            #expect(throws: Never.self) { try ReleaseStore(directory: directory, key: Fixtures.key()) }
            for spoiled in [Array(bytes.dropLast()), bytes.enumerated().map { $0 == 9 ? $1 ^ 1 : $1 }] {
                try Fixtures.write(spoiled, list)
                #expect(throws: PublicationError.self) { try ReleaseStore(directory: directory, key: Fixtures.key()) }
            }
        }
    }

    @Test("What a release adds does not grow with the run, and its manifest neither")
    func staysSmall() throws {
        try Fixtures.withDirectory { directory in
            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            var sizes: [Int] = []
            for round in 1...40 as ClosedRange<UInt32> {
                let folder = try store.publish(Fixtures.draft(round: round, after: round - 1))
                sizes.append(try Fixtures.read("\(folder)/manifest.json").count)
                try store.prune(keeping: 3)
            }
            #expect(sizes[39] < sizes[9] + 64)
            let list = try Fixtures.read("\(directory)/rounds.jsonl")
            #expect(list.count < 40 * 700)
            #expect(ReleaseVerification.verify("\(directory)/latest").isSound)
        }
    }
}
