import Federation
import Foundation
import PowerCut
import Publication
import Sodium
import Synchronization
import Testing

@Suite("Releases and a loss of power", .serialized)
struct ReleaseDurabilityTests {
    private let folder: PowerCutFolder
    private let image: DurableImage
    /// Made with what is above it.
    private var releases: String { "\(image.root)/publish/releases" }

    init() throws {
        folder = try PowerCutFolder()
        image = DurableImage(of: try folder.made("live"))
    }

    private func afterLoss(_ name: String) throws -> String {
        try image.restore(to: "\(folder.path)/\(name)")
        return "\(folder.path)/\(name)/publish/releases"
    }

    /// The rounds that are out and sound, by their folders; all that is called a release must be.
    private func sound(_ directory: String) throws -> [String] {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory)
        let rounds = names.filter { $0.hasPrefix("round-") }.sorted()
        for each in rounds { #expect(ReleaseVerification.verify("\(directory)/\(each)").isSound, "\(each)") }
        return rounds
    }

    @Test("A release that is out is there whole, with its adapter, its list of rounds and `latest`")
    func published() throws {
        defer { image.close() }
        let store = try ReleaseStore(directory: releases, key: Fixtures.key())
        for round: UInt32 in 1...3 {
            let out = try store.publish(Fixtures.draft(round: round, after: round - 1))
            let left = try afterLoss("after-\(round)")
            #expect(try sound(left) == (1...round).map { "round-000\($0)" })
            #expect(ReleaseVerification.verify("\(left)/latest").isSound)
            for file in try FileManager.default.contentsOfDirectory(atPath: out) {
                #expect(
                    DurableImage.bytes("\(left)/round-000\(round)/\(file)") == DurableImage.bytes("\(out)/\(file)"),
                    "\(file)")
            }
            #expect(DurableImage.bytes("\(left)/rounds.jsonl") == DurableImage.bytes("\(releases)/rounds.jsonl"))
            // It opens, and goes on.
            let next = try ReleaseStore(directory: left, key: Fixtures.key())
            #expect(next.latest()?.round.value == round)
            _ = try next.publish(Fixtures.draft(round: round + 1, after: round))
            #expect(try sound(left).count == Int(round) + 1)
        }
    }

    @Test("At every step of a release the old ones stay, and the new one is there whole or not at all")
    func steps() throws {
        defer { image.close() }
        _ = try ReleaseStore(directory: releases, key: Fixtures.key()).publish(Fixtures.draft(round: 1))
        let left = Mutex<[String]>([])
        let store = try ReleaseStore(directory: releases, key: Fixtures.key()) { step in
            let name = left.withLock { "step-\($0.count)" }
            let directory = try afterLoss(name)
            left.withLock { $0.append(directory) }
        }
        _ = try store.publish(Fixtures.draft(round: 2, after: 1))
        let directories = left.withLock { $0 }
        #expect(directories.count == 11)
        var seen: Set<Int> = []
        for directory in directories {
            let rounds = try sound(directory)
            #expect(rounds == ["round-0001"] || rounds == ["round-0001", "round-0002"])
            seen.insert(rounds.count)
            let again = try ReleaseStore(directory: directory, key: Fixtures.key())
            _ = try again.publish(Fixtures.draft(round: 2, after: 1))
            #expect(try sound(directory) == ["round-0001", "round-0002"])
        }
        #expect(seen == [1, 2])
    }

    /// A release that publish's journal does not know of is taken back, and the list of rounds written over.
    @Test("A release that was taken back does not come again, nor does it spoil what follows")
    func takenBack() throws {
        defer { image.close() }
        do {
            let store = try ReleaseStore(directory: releases, key: Fixtures.key())
            _ = try store.publish(Fixtures.draft(round: 1))
            _ = try store.publish(Fixtures.draft(round: 2, after: 1))
        }
        let left = Mutex<[String]>([])
        let store = try ReleaseStore(directory: releases, key: Fixtures.key()) { step in
            let name = left.withLock { "back-\($0.count)" }
            let directory = try afterLoss(name)
            left.withLock { $0.append(directory) }
        }
        _ = try store.publish(Fixtures.draft(round: 3, after: 1))
        for directory in left.withLock({ $0 }) {
            _ = try sound(directory)
            let again = try ReleaseStore(directory: directory, key: Fixtures.key())
            _ = try again.publish(Fixtures.draft(round: 3, after: 1))
            #expect(try sound(directory) == ["round-0001", "round-0003"])
        }
    }
}
