import Foundation
import Publication
import Sodium
import Testing

struct ReleaseVerificationTests {
    /// Three releases under key 1; `body` gets their directory.
    private func withReleases(_ body: (String) throws -> Void) throws {
        try Fixtures.withDirectory { directory in
            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            for (round, previous) in [(2, 0), (3, 2), (5, 3)] as [(UInt32, UInt32)] {
                _ = try store.publish(Fixtures.draft(round: round, after: previous))
            }
            try body(directory)
        }
    }

    private var key: Minisign.PublicKey {
        get throws { Minisign.PublicKey(try Fixtures.key().verifyingKey) }
    }

    @Test("A sound chain has no findings, with a pinned key and without")
    func acceptsSound() throws {
        try withReleases { directory in
            let pinned = try ReleaseVerification.verify("\(directory)/round-0005", key: key)
            #expect(pinned.problems == [])
            #expect(
                pinned.notes == [
                    "the chain of 3 releases goes back to the first",
                    "rounds.jsonl lists the run's 5 rounds up to this release",
                ])
            let unpinned = ReleaseVerification.verify("\(directory)/round-0005")
            #expect(unpinned.isSound && unpinned.notes.count == 3)
        }
    }

    @Test(
        "The stock minisign verifies a release, and fails once the manifest is changed",
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: MinisignTests.minisign),
            "install the Debian package minisign"))
    func minisignVerifies() throws {
        try withReleases { directory in
            let folder = "\(directory)/round-0005"
            let arguments = ["-Vm", "manifest.json", "-p", "tributary.pub"]
            #expect(try Fixtures.run(MinisignTests.minisign, arguments, in: folder).status == 0)
            try spoil("\(folder)/manifest.json")
            #expect(try Fixtures.run(MinisignTests.minisign, arguments, in: folder).status != 0)
            #expect(!ReleaseVerification.verify(folder).isSound)
        }
    }

    private func spoil(_ path: String) throws {
        var bytes = try Fixtures.read(path)
        bytes[bytes.count / 2] ^= 1
        try Fixtures.write(bytes, path)
    }

    @Test(
        "A changed file is found by name",
        arguments: ["README.md", "adapter_config.json", "adapter_model.safetensors", "tributary.pub"])
    func findsChanges(_ name: String) throws {
        try withReleases { directory in
            let folder = "\(directory)/round-0005"
            #expect(try ReleaseVerification.verify(folder, key: key).isSound)
            try spoil("\(folder)/\(name)")
            let found = try ReleaseVerification.verify(folder, key: key)
            #expect(found.problems == ["\(name): its SHA-256 is not the manifest's: it was changed"])
        }
    }

    @Test("A missing file, an extra one, a shortened one and a link in a file's place are found")
    func findsMissingAndExtra() throws {
        try withReleases { directory in
            let folder = "\(directory)/round-0005"
            let card = "\(folder)/README.md"
            let original = try Fixtures.read(card)
            try Fixtures.write([1], "\(folder)/extra.bin")
            try FileManager.default.removeItem(atPath: card)
            let found = try ReleaseVerification.verify(folder, key: key).problems
            #expect(found.count == 2)
            #expect(found.contains { $0.contains("README.md: cannot open") })
            #expect(found.contains("extra.bin: is here, but the manifest does not list it"))
            try FileManager.default.removeItem(atPath: "\(folder)/extra.bin")
            try Fixtures.write(Array(original.dropLast()), card)
            #expect(
                try ReleaseVerification.verify(folder, key: key).problems.first?.contains("bytes, the manifest says")
                    == true)
            try FileManager.default.removeItem(atPath: card)
            try FileManager.default.createSymbolicLink(
                atPath: card, withDestinationPath: "\(directory)/round-0003/README.md")
            #expect(try !ReleaseVerification.verify(folder, key: key).isSound)
        }
    }

    @Test("A release under another key, or with another release's signature, is refused")
    func refusesOtherKeys() throws {
        try withReleases { directory in
            let other = Minisign.PublicKey(try Fixtures.key(2).verifyingKey)
            let found = ReleaseVerification.verify("\(directory)/round-0005", key: other)
            #expect(found.problems.first?.contains("signed by key") == true)
            let signature = try Fixtures.read("\(directory)/round-0003/manifest.json.minisig")
            try Fixtures.write(signature, "\(directory)/round-0005/manifest.json.minisig")
            #expect(try !ReleaseVerification.verify("\(directory)/round-0005", key: key).isSound)
        }
    }

    @Test("A changed, a missing and an exchanged earlier release break the chain")
    func followsChain() throws {
        try withReleases { directory in
            let folder = "\(directory)/round-0005"
            try FileManager.default.moveItem(atPath: "\(directory)/round-0003", toPath: "\(directory)/aside")
            #expect(
                try ReleaseVerification.verify(folder, key: key).problems == [
                    "round 5 does not follow round 2 as it lies here: the chain is broken"
                ])
            try FileManager.default.moveItem(atPath: "\(directory)/aside", toPath: "\(directory)/round-0003")
            #expect(try ReleaseVerification.verify(folder, key: key).isSound)
            try spoil("\(directory)/round-0002/manifest.json")
            #expect(
                try ReleaseVerification.verify(folder, key: key).problems.first?.contains("the chain of rounds") == true
            )
        }
    }

    @Test("A release that tells another history than the one it follows is found, though all is signed")
    func findsRewrittenHistory() throws {
        try Fixtures.withDirectory { directory in
            let store = try ReleaseStore(directory: directory, key: Fixtures.key())
            _ = try store.publish(Fixtures.draft(round: 2))
            let folder = try store.publish(Fixtures.draft(round: 3, after: 2))
            #expect(try ReleaseVerification.verify(folder, key: key).isSound)
            let text = String(decoding: try Fixtures.read("\(folder)/manifest.json"), as: UTF8.self)
            #expect(text.contains("\"rounds\": 3,"))
            let changed = Array(text.replacingOccurrences(of: "\"rounds\": 3,", with: "\"rounds\": 4,").utf8)
            let signature = try Minisign.SignatureFile.make(
                for: changed, key: Fixtures.key(), trustedComment: ReleaseManifest(changed).trustedComment)
            try Fixtures.write(changed, "\(folder)/manifest.json")
            try Fixtures.write(Array(signature.file.utf8), "\(folder)/manifest.json.minisig")
            let found = try ReleaseVerification.verify(folder, key: key)
            #expect(found.problems.first == "round 3 tells another history than round 2, which it follows")
        }
    }

    @Test(
        "A list of rounds that was changed, shortened or exchanged is found; what later releases added is not looked at"
    )
    func checksList() throws {
        try withReleases { directory in
            let path = "\(directory)/rounds.jsonl"
            let list = try Fixtures.read(path)
            let lines = list.split(separator: 10, omittingEmptySubsequences: false).map { Array($0) }
            func problems() throws -> [String] {
                try ReleaseVerification.verify("\(directory)/round-0005", key: key).problems
            }
            #expect(try problems() == [])
            try Fixtures.write(list + Array("what is to come\n".utf8), path)
            #expect(try problems() == [])
            let other = Array(
                String(decoding: list, as: UTF8.self).replacingOccurrences(of: "1.5", with: "2.5").utf8)
            let swapped = [lines[1], lines[0]] + lines[2...]
            for (spoiled, reason) in [
                (Array(list.dropLast()), "it ends after 4 rounds"), (other, "it was changed"),
                (Array(swapped.joined(separator: [10])), "does not come after"),
                (Array("{}\n".utf8) + list, "line 1:"), (Array(list.filter { $0 != 10 }), "it ends after 0 rounds"),
                ([UInt8](repeating: 32, count: 2 << 20), "a line of more than"),
            ] {
                try Fixtures.write(spoiled, path)
                let found = try problems()
                #expect(found.first?.contains(reason) == true, "\(found)")
            }
        }
    }

    @Test("The list may lie in the folder, and says more than the release that lies alone")
    func takesListAlong() throws {
        try withReleases { directory in
            try Fixtures.withDirectory { elsewhere in
                let folder = "\(elsewhere)/adapter"
                try FileManager.default.copyItem(atPath: "\(directory)/round-0003", toPath: folder)
                try FileManager.default.copyItem(atPath: "\(directory)/rounds.jsonl", toPath: "\(folder)/rounds.jsonl")
                let found = try ReleaseVerification.verify(folder, key: key)
                #expect(found.problems == [])
                #expect(found.notes.last == "rounds.jsonl lists the run's 3 rounds up to this release")
            }
        }
    }

    @Test("A release that was downloaded alone is sound, and the note says how far the chain was followed")
    func acceptsAlone() throws {
        try withReleases { directory in
            try Fixtures.withDirectory { elsewhere in
                try FileManager.default.copyItem(atPath: "\(directory)/round-0005", toPath: "\(elsewhere)/adapter")
                let found = try ReleaseVerification.verify("\(elsewhere)/adapter", key: key)
                #expect(found.problems == [])
                #expect(
                    found.notes == [
                        "the release before round 5 is not beside this one: the chain was followed over 1",
                        "rounds.jsonl is neither in this folder nor beside it: of the run's 5 rounds the 2 newest are told",
                    ])
            }
        }
    }

    @Test("A folder that is no release is one clear finding")
    func refusesOtherFolders() throws {
        try Fixtures.withDirectory { directory in
            let found = try ReleaseVerification.verify(directory, key: key)
            #expect(found.problems == ["\(directory)/manifest.json: cannot open: No such file or directory"])
        }
        #expect(!ReleaseVerification.verify("/no/such/folder").isSound)
    }
}
