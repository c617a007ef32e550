import Aggregation
import Federation
import Foundation
import Glibc
import PowerCut
import Sodium
import Synchronization
import Testing

/// What aggregate keeps for whoever audits a round, when power goes.
@Suite("Evidence and a loss of power", .serialized)
struct EvidenceDurabilityTests {
    private let folder: PowerCutFolder
    private let image: DurableImage
    private let key: SigningKey
    private let publisher: StageName
    private let clouds: [CloudName]

    init() throws {
        folder = try PowerCutFolder()
        image = DurableImage(of: try folder.made("live"))
        key = try SigningKey(seed: .random(count: 32))
        publisher = try StageName("release/publish")
        clouds = try ["east", "north", "west"].map { try CloudName($0) }
    }

    private var shelf: EvidenceShelf { EvidenceShelf(path: "\(image.root)/evidence") }

    private func contents(_ round: UInt32, _ cloud: CloudName) -> [UInt8] { Array("\(cloud) in \(round)".utf8) }

    private func opening(_ round: UInt32) throws -> Signed<Opening> {
        let digest = Digest(of: Array("base".utf8))
        return Signed(
            Opening(
                run: try RunName("run"), round: RoundNumber(round), purpose: .evaluation,
                seat: Seat(try StageName("office/aggregate")),
                layout: try VectorLayout([.init(name: "values", shape: [8], range: 1)]), bits: 12, suite: .paillier,
                keyID: [UInt8](repeating: 3, count: 16), profile: "conservative", clipNorm: 1,
                cohort: clouds.map { Member(cloud: $0, weight: 1) }, quorum: 2, minimumCohort: 2, deadline: 10_000,
                startsFrom: RoundNumber(0), adapterDigest: digest,
                adapter: AdapterPlan(
                    rank: 1, alpha: 1, targets: [], trains: "b", seed: 1, baseModel: "", baseDigest: "",
                    tokenizerDigest: ""), training: nil, split: .test), by: key)
    }

    /// One contribution as it came in a message, the others as files of the journal's spool.
    private func keep(_ round: UInt32, syncsFiles: Bool = true) throws {
        let spool = "\(image.root)/spool"
        if mkdir(spool, 0o700) != 0, errno != EEXIST { throw CocoaError(.fileWriteUnknown) }
        let opening = try opening(round)
        let sum = Array("the sum of \(round)".utf8)
        try shelf.make()
        try shelf.folder(RoundNumber(round)).write(
            opening: opening, record: RoundRecord(opening: opening.digest, sum: Digest(ofContent: sum), parts: []),
            sum: sum,
            contributions: try clouds.enumerated().map { place, cloud in
                guard place > 0 else { return (cloud, .bytes(contents(round, cloud))) }
                let path = "\(spool)/\(cloud)-\(round)"
                if !FileManager.default.fileExists(atPath: path) {
                    let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
                    defer { close(file) }
                    let bytes = contents(round, cloud)
                    #expect(write(file, bytes, bytes.count) == bytes.count)
                    if syncsFiles { #expect(fsync(file) == 0) }
                }
                return (cloud, .file(path))
            })
    }

    private struct Spoiled: Error, CustomStringConvertible { let description: String }

    /// The rounds on a shelf, each of which must be whole.
    private func rounds(_ path: String) throws -> [UInt32] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        let shelf = EvidenceShelf(path: path)
        let rounds = try FileManager.default.contentsOfDirectory(atPath: path).compactMap { UInt32($0) }.sorted()
        for round in rounds {
            let kept = shelf.folder(RoundNumber(round))
            let opening = try kept.opening(key: key.verifyingKey, signer: publisher)
            guard opening.content.round == RoundNumber(round), try kept.record().opening == opening.digest,
                try kept.record().sum == Digest(ofContent: kept.sum())
            else { throw Spoiled(description: "\(round): its opening, record and sum do not go together") }
            for cloud in clouds {
                guard try kept.contribution(of: cloud) == contents(round, cloud) else {
                    throw Spoiled(description: "\(round): the contribution of \(cloud)")
                }
            }
        }
        return rounds
    }

    private func afterLoss(_ name: String) throws -> String {
        try image.restore(to: "\(folder.path)/\(name)")
        return "\(folder.path)/\(name)/evidence"
    }

    @Test("What has been kept is there whole, with the shelf that was made for it")
    func kept() throws {
        defer { image.close() }
        try keep(3)
        #expect(try rounds(afterLoss("first")) == [3])
        try keep(4)
        #expect(try rounds(afterLoss("second")) == [3, 4])
        try keep(4)
        #expect(try rounds(afterLoss("again")) == [3, 4])
    }

    @Test("So it is where whoever made the shelf was killed before its sync")
    func killed() throws {
        defer { image.close() }
        #expect(mkdir(shelf.path, 0o700) == 0)
        try keep(3)
        #expect(try rounds(afterLoss("after")) == [3])
    }

    @Test(
        "At every step the old rounds stay, the new one is there whole or not at all, and can be kept then",
        arguments: [false, true])
    func steps(isAgain: Bool) throws {
        defer { image.close() }
        try keep(3)
        if isAgain { try keep(4) }
        let left = Mutex<[String]>([])
        let faults = Mutex<[String]>([])
        image.afterEachSync {
            do {
                let name = left.withLock { "step-\($0.count)" }
                let path = try afterLoss(name)
                left.withLock { $0.append(path) }
            } catch { faults.withLock { $0.append("\(error)") } }
        }
        try keep(4)
        image.afterEachSync(nil)
        #expect(faults.withLock { $0 } == [])
        let paths = left.withLock { $0 }
        // Four files, the draft and the shelf at least.
        #expect(paths.count >= 6)
        var seen: Set<[UInt32]> = []
        for (step, path) in paths.enumerated() {
            let found = try rounds(path)
            #expect(found == [3] || found == [3, 4], "step \(step)")
            seen.insert(found)
            // A start: what was half made goes.
            EvidenceShelf(path: path).keepNewest(2)
            let names = try FileManager.default.contentsOfDirectory(atPath: path)
            #expect(names.allSatisfy { UInt32($0) != nil }, "step \(step): \(names)")
            #expect(try rounds(path) == found)
        }
        #expect(seen.contains([3, 4]))
        #expect(isAgain || seen.contains([3]))
    }

    /// The control: files and folders that nobody has synced are not there, and one that was linked before its sync is noticed.
    @Test("What is not synced is not there after it, or is empty")
    func unsynced() throws {
        defer { image.close() }
        try shelf.make()
        let draft = shelf.folder(RoundNumber(3))
        #expect(mkdir(draft.path, 0o700) == 0)
        #expect(FileManager.default.createFile(atPath: "\(draft.path)/sum", contents: Data([1])))
        #expect(try FileManager.default.contentsOfDirectory(atPath: afterLoss("nothing")) == [])
        draft.remove()
        try keep(4, syncsFiles: false)
        let path = try afterLoss("empty")
        #expect(throws: Spoiled.self) { try rounds(path) }
    }
}
