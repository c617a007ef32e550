import Federation
import Foundation
import Sodium
import StageKit
import Testing

@Suite("What a journal forgets")
struct ForgettingTests {
    private let key: SigningKey
    private let publish: StageName
    private let run: RunName

    init() throws {
        key = try SigningKey(seed: .random(count: 32))
        publish = try StageName("office/publish")
        run = try RunName("run")
    }

    private func opening(_ number: UInt32) throws -> Signed<Opening> {
        Signed(
            Opening(
                run: run, round: RoundNumber(number), purpose: .evaluation,
                seat: Seat(try StageName("office/aggregate")),
                layout: try VectorLayout([.init(name: "values", shape: [2], range: 1)]), bits: 12, suite: .clear,
                keyID: [], profile: "", clipNorm: 0, cohort: [Member(cloud: try CloudName("north"), weight: 1)],
                quorum: 1, minimumCohort: 1, deadline: 1, startsFrom: RoundNumber(0), adapterDigest: Digest(of: []),
                adapter: AdapterPlan(
                    rank: 1, alpha: 1, targets: [], trains: "b", seed: 1, baseModel: "none", baseDigest: "",
                    tokenizerDigest: ""), training: nil, split: .validation), by: key)
    }

    /// Statistics, then updates, every third an evaluation.
    private func release(_ number: UInt32, _ purpose: Purpose? = nil) -> Release {
        Release(
            run: run, round: RoundNumber(number),
            purpose: purpose ?? (number == 1 ? .statistics : number.isMultiple(of: 3) ? .evaluation : .update),
            opening: Digest(of: []), cohort: [], sums: [], metrics: [:], adapterDigest: nil, isFinal: false)
    }

    private func abandonment(_ number: UInt32) -> Abandonment {
        Abandonment(run: run, round: RoundNumber(number), opening: Digest(of: []), missing: [], reason: "late")
    }

    /// Every fifth round was given up.
    private func enter(_ number: UInt32, _ entry: JournalEntry) throws {
        let round = RoundNumber(number)
        try entry.insert(opening(number), round: round)
        if number.isMultiple(of: 5) {
            try entry.insert(Signed(abandonment(number), by: key), round: round)
        } else {
            try entry.insert(Signed(release(number), by: key), round: round)
        }
    }

    private func withRounds(through last: UInt32, _ body: (Journal) throws -> Void) throws {
        let folder = try Folder()
        let journal = try Journal(directory: folder.path)
        try journal.write { entry in for number in 1...last { try enter(number, entry) } }
        try body(journal)
    }

    private func kept<Content: Declaration>(_: Content.Type, _ journal: Journal, _ round: (Content) -> RoundNumber)
        throws -> [UInt32]
    {
        try journal.read { try $0.all(Content.self, key: key.verifyingKey, signer: publish) }
            .map { round($0.content).value }
    }

    @Test("Of rounds long over the first and the newest release of each purpose stay, and what the stage asks for")
    func documents() throws {
        try withRounds(through: 29) { journal in
            try journal.note {
                try $0.forgetRounds(before: RoundNumber(29), but: Remembrance(releases: [RoundNumber(11)]))
            }
            #expect(try kept(Release.self, journal, \.round) == [1, 2, 3, 11, 26, 27, 28, 29])
            #expect(try kept(Opening.self, journal, \.round) == [26, 27, 28, 29])
            #expect(try kept(Abandonment.self, journal, \.round) == [])
        }
    }

    @Test("All that a stage needs from some round on stays, and goes once it does not need it")
    func fromSomeRound() throws {
        try withRounds(through: 29) { journal in
            func forget(before round: UInt32, from: UInt32) throws {
                try journal.note {
                    try $0.forgetRounds(before: RoundNumber(round), but: Remembrance(from: RoundNumber(from)))
                }
            }
            try forget(before: 28, from: 10)
            #expect(try kept(Opening.self, journal, \.round) == Array(10...29))
            #expect(try kept(Abandonment.self, journal, \.round) == [10, 15, 20, 25])
            try forget(before: 29, from: 28)
            #expect(try kept(Opening.self, journal, \.round) == Array(26...29))
            #expect(try kept(Abandonment.self, journal, \.round) == [])
        }
    }

    @Test("Nothing is forgotten while the untrained adapter is the newest: its rounds may have to be told yet")
    func fromTheBeginning() throws {
        try withRounds(through: 29) { journal in
            try journal.note {
                try $0.forgetRounds(before: RoundNumber(29), but: Remembrance(from: RoundNumber(0)))
            }
            #expect(try kept(Opening.self, journal, \.round) == Array(1...29))
        }
    }

    @Test("A forgotten round's documents say nothing new; a release that is the newest of its purpose does")
    func late() throws {
        try withRounds(through: 29) { journal in
            func isForgotten(_ document: some Declaration, _ round: UInt32) throws -> Bool {
                try journal.read { try $0.isForgotten(document, round: RoundNumber(round)) }
            }
            #expect(try !isForgotten(abandonment(20), 20))
            try journal.note { try $0.forgetRounds(before: RoundNumber(29)) }
            #expect(try isForgotten(abandonment(20), 20))
            #expect(try isForgotten(opening(25).content, 25))
            #expect(try !isForgotten(opening(26).content, 26))
            #expect(try isForgotten(release(7), 7))
            #expect(try !isForgotten(release(28), 28))
            #expect(try !isForgotten(release(4, .sensitivity), 4), "it was missed, and is told late")
        }
    }

    @Test(
        "Shards stand under the number of a partition, which is no round: whatever is over, what came and what was sent stays known"
    )
    func shards() throws {
        let folder = try Folder()
        let journal = try Journal(directory: folder.path)
        let cloud = try CloudName("north")
        let (ingest, trainer) = (
            StageName(cloud: cloud, kind: .ingest), StageName(cloud: cloud, kind: .localTrain)
        )
        func name(_ kind: TransferKind, _ round: UInt32) -> TransferName {
            TransferName(run: run, kind: kind, round: RoundNumber(round), cloud: cloud)
        }
        func offer(_ name: TransferName) -> Signed<Offer> {
            Signed(
                Offer(
                    name: name, maker: ingest, byteCount: 1, digest: Digest(of: [1]),
                    about: OpeningAbout(opening: Digest(of: [2])).value), by: key)
        }
        try journal.write { entry in
            for kind in [TransferKind.shard, .vector] {
                let (came, went) = (offer(name(kind, 2)), offer(name(kind, 3)))
                try entry.spend(
                    Arrival(
                        offer: came.content, offerBytes: came.bytes, signature: came.signature.bytes, peer: ingest,
                        payload: .bytes([1])))
                try entry.insert(Departure(offer: went, receiver: trainer, payload: .bytes([1])))
                try entry.settleDeparture(went.content.name, to: trainer, as: "durable", reason: "")
            }
            try entry.forgetRounds(before: RoundNumber(29))
        }
        try journal.read { entry in
            let (shard, vector) = (try entry.arrivalState(name(.shard, 2)), try entry.arrivalState(name(.vector, 2)))
            #expect(shard?.state == .used)
            #expect(try entry.hasDeparture(name(.shard, 3)))
            #expect(try !entry.isForgotten(name(.shard, 4)))
            // A vector's round is one.
            #expect(vector == nil)
            #expect(try !entry.hasDeparture(name(.vector, 3)))
            #expect(try entry.isForgotten(name(.vector, 4)))
        }
    }

    @Test("Facts of former rounds are forgotten by their number, others stay")
    func facts() throws {
        let folder = try Folder()
        let journal = try Journal(directory: folder.path)
        try journal.write { entry in
            for key in ["sum/2", "sum/9", "sum/10", "sum/100", "summary/1", "sum"] { try entry.setFact(key, [1]) }
            try entry.forgetFacts(under: "sum/", before: RoundNumber(10))
        }
        #expect(try journal.read { try $0.factKeys(under: "") }.sorted() == ["sum", "sum/10", "sum/100", "summary/1"])
    }

    @Test("However long a run is, its journal is no larger")
    func staysSmall() throws {
        let folder = try Folder()
        let journal = try Journal(directory: folder.path)
        var held: [Int] = []
        for number in 1...400 as ClosedRange<UInt32> {
            try journal.note { entry in
                try enter(number, entry)
                try entry.setFact("sum/\(number)", [UInt8](repeating: 1, count: 300))
                try entry.forgetRounds(before: RoundNumber(number))
                try entry.forgetFacts(under: "sum/", before: RoundNumber(number))
            }
            if number.isMultiple(of: 100) { held.append(try kept(Opening.self, journal, \.round).count) }
        }
        try journal.close()
        let size = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/journal.sqlite")[.size] as? Int ?? 0
        #expect(held == [4, 4, 4, 4])
        #expect(size < 128 << 10, "\(size) bytes")
    }
}
