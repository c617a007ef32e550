import Federation
import Monitoring
import Testing

@Suite("Who could have seen what")
struct RoundAccountTests {
    /// What three stages told of round 2.
    private func round(sealed: String = "d1", counted: String = "d1") throws -> [Event] {
        let lines = Lines()
        func log(_ stage: String) throws -> EventLog {
            EventLog(stage: try StageName(stage), run: try RunName("demo"), level: .info, write: lines.write)
        }
        let number = RoundNumber(2)
        try log("office/publish").tell(
            .roundOpened, round: number,
            [.opening: .text("o"), .suite: .text("paillier"), .purpose: .text("update")])
        try log("north/encrypt").tell(
            .contributionSealed, round: number, [.digest: .text(sealed), .opening: .text("o")])
        try log("office/aggregate").tell(
            .contributionCounted, round: number, [.from: .text("north"), .digest: .text(counted)])
        try log("office/aggregate").tell(
            .roundClosed, round: number, [.opening: .text("o"), .digest: .text("sum")])
        try log("north/encrypt").tell(
            .shareMade, round: number, [.opening: .text("o"), .cohort: .list([.text("north")]), .root: .text("r")])
        try log("office/publish").tell(
            .roundReleased, round: number, [.opening: .text("o"), .digest: .text("release")])
        return try lines.events()
    }

    @Test("Each party is told with what it held, and a round that agrees has nothing against it")
    func tells() throws {
        let account = try #require(RoundAccount(RoundNumber(2), entries: try round()))
        #expect(account.disagreements == [] && account.end == "released" && account.suite == "paillier")
        let of = { (name: String) in account.sights.filter { $0.party.description == name } }
        #expect(of("office/aggregate").first?.held.contains("sealed contributions of north") == true)
        #expect(of("office/aggregate").first?.digests == ["d1"])
        #expect(of("north/encrypt").count == 2 && of("office/publish").first?.held.contains("opened sum") == true)
    }

    @Test("A contribution that was exchanged, a second opening, and a second sum are each told")
    func disagrees() throws {
        let exchanged = try #require(RoundAccount(RoundNumber(2), entries: try round(counted: "other")))
        #expect(exchanged.disagreements.count == 1 && exchanged.disagreements[0].contains("another contribution"))
        let lines = Lines()
        let log = EventLog(
            stage: try StageName("west/encrypt"), run: try RunName("demo"), level: .info, write: lines.write)
        log.tell(.shareMade, round: RoundNumber(2), [.opening: .text("o2"), .root: .text("r2")])
        let twice = try #require(RoundAccount(RoundNumber(2), entries: try round() + lines.events()))
        #expect(twice.disagreements.count == 2)
    }

    @Test(
        "Who was left out of the sum is told with whose word it was, and a word that was not given is against the round"
    )
    func exclusions() throws {
        func events(_ stage: String, _ kind: EventKind, _ fields: EventFields) throws -> [Event] {
            let lines = Lines()
            let log = EventLog(stage: try StageName(stage), run: try RunName("demo"), level: .info, write: lines.write)
            log.tell(kind, round: RoundNumber(2), fields)
            return try lines.events()
        }
        let held = try events(
            "office/aggregate", .roundHeld,
            [.leftOut: .list([.text("west")]), .reason: .text("north has helped to open a sum")])
        let told = try #require(RoundAccount(RoundNumber(2), entries: try round() + held))
        #expect(told.disagreements.isEmpty)
        #expect(told.remarks == ["office/aggregate left west out of the sum: north has helped to open a sum"])
        let invented = try events("north/encrypt", .wordInvented, [.cohort: .list([.text("north"), .text("east")])])
        let against = try #require(RoundAccount(RoundNumber(2), entries: try round() + held + invented))
        #expect(against.disagreements.count == 1 && against.disagreements[0].contains("that north has not given"))
    }

    @Test("A round that no trail tells of has no account")
    func unknown() throws { #expect(RoundAccount(RoundNumber(3), entries: try round()) == nil) }
}
