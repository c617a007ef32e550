import Federation
import Monitoring
import StageKit
import Synchronization
import Testing

@Suite("What troubles a stage", .timeLimit(.minutes(1)))
struct TroubleTests {
    private let start = ContinuousClock.now
    private let publish: StageName
    private let north: StageName

    init() throws {
        publish = try StageName("office/publish")
        north = try StageName("north/encrypt")
    }

    @Test(
        "each is told when it comes, when it goes, and not in between; a peer that is understood again or silent is none"
    )
    func watch() {
        var watch = TroubleWatch()
        func news(_ seconds: Int) -> [Trouble]? { watch.news(start + .seconds(seconds)) }
        #expect(news(0) == nil)
        watch.clock(of: publish, ahead: .milliseconds(-9_049))
        watch.heard(north.description, version: 2, start)
        let told = news(1) ?? []
        #expect(told.map(\.kind) == [.clock, .version])
        #expect(told.map(\.about) == ["office/publish", "north/encrypt"])
        #expect(told.first?.text.hasPrefix("its clock is 9.0 s behind this host's") == true)
        #expect(told.last?.text.hasPrefix("it speaks protocol version 2, and this build 1") == true)
        watch.heard(north.description, version: 2, start + .seconds(50))
        #expect(news(60) == nil)
        watch.understood(publish)
        #expect(news(61) == nil)
        watch.clock(of: publish, ahead: nil)
        #expect(news(62)?.map(\.kind) == [.version])
        #expect(news(109) == nil)
        #expect(news(110) == [])
        watch.heard(north.description, version: 3, start + .seconds(120))
        #expect(news(120)?.first?.text.contains("version 3") == true)
        watch.understood(north)
        #expect(news(121) == [])
    }

    @Test("what is said of them is bounded, whatever peers say")
    func bounded() {
        var watch = TroubleWatch()
        for number in 0..<1000 { watch.heard("peer-\(number)/encrypt", version: .max, start) }
        watch.clock(of: publish, ahead: .milliseconds(Int64(1) << 54))
        let told = watch.news(start) ?? []
        #expect(told.count == TroubleWatch.most)
        // The launcher reads datagrams of 4 KiB, and cuts a line after 200 characters.
        #expect(ServiceNotice.lines(told).utf8.count < 4096)
        let lines = ServiceNotice.lines(told).split(separator: "\n")
        #expect(lines.allSatisfy { $0.count - "X_TRIBUTARY_TROUBLE=".count < 200 })
        #expect(
            lines.first?.hasPrefix("X_TRIBUTARY_TROUBLE=clock office/publish its clock is 18014398509481.9 s ahead")
                == true)
        #expect(ServiceNotice.lines([]) == "X_TRIBUTARY_TROUBLE=")
    }

    @Test(
        "what systemd shows has the troubles with since when and what to do; the launcher is told what the stage does alone"
    )
    func status() {
        var notice = StatusNotice()
        // Without troubles it is sd_notify's STATUS and nothing else.
        #expect(notice.take("round 4: sealing") == ["STATUS=round 4: sealing"])
        let clock = Trouble(.clock, about: "office/publish", "its clock is 9.0 s ahead")
        let told = notice.take([clock], at: 1_769_846_400_000)
        let shown = """
            X_TRIBUTARY_STATUS=round 4: sealing
            STATUS=round 4: sealing; clock: office/publish: its clock is 9.0 s ahead (since 2026-01-31T08:00:00Z): let both hosts \
            set their clocks from the network (chrony, systemd-timesyncd)
            """
        #expect(told == ["X_TRIBUTARY_TROUBLE=clock office/publish its clock is 9.0 s ahead", shown])
        // It does something else, and the trouble lasts since the same time, whatever it is told as now.
        let next = notice.take("waiting: a round")
        #expect(next == [shown.replacing("round 4: sealing", with: "waiting: a round")])
        let worse = Trouble(.clock, about: "office/publish", "its clock is 11.0 s ahead")
        let version = Trouble(.version, about: "north/encrypt", "it speaks 2")
        let both = notice.take([worse, version], at: 1_769_846_460_000).last ?? ""
        #expect(both.contains("11.0 s ahead (since 2026-01-31T08:00:00Z)"))
        #expect(both.contains("; version: north/encrypt: it speaks 2 (since 2026-01-31T08:01:00Z): compare"))
        // Over, and new when it comes back.
        #expect(notice.take([], at: 1_769_846_461_000) == ["X_TRIBUTARY_TROUBLE=", "STATUS=waiting: a round"])
        #expect(notice.take([clock], at: 1_769_846_462_000).last?.contains("(since 2026-01-31T08:01:02Z)") == true)
    }

    @Test("the longest status fits the datagram that systemd reads, and each of its parts a line")
    func statusIsBounded() {
        var watch = TroubleWatch()
        for number in 0..<1000 { watch.heard("peer-\(number)/encrypt", version: .max, start) }
        watch.clock(of: publish, ahead: .milliseconds(Int64(1) << 54))
        var notice = StatusNotice()
        _ = notice.take(String(repeating: "ü", count: 5000))
        let told = notice.take(watch.news(start) ?? [], at: 1_769_846_400_000)
        #expect(told.allSatisfy { $0.utf8.count < 4096 }, "\(told.map(\.utf8.count))")
        let lines = told.last?.split(separator: "\n") ?? []
        #expect(lines.count == 2 && lines.last?.hasPrefix("STATUS=ü") == true)
        #expect(lines.last?.hasSuffix("; and 5 more") == true)
    }

    // MARK: In a stage that runs

    /// This host's clocks.
    private final class Clocks: Sendable {
        private let seconds = Mutex(0)
        private let start = ContinuousClock.now
        var now: ContinuousClock.Instant { start + .seconds(seconds.withLock { $0 }) }
        var milliseconds: UInt64 { 1_700_000_000_000 + UInt64(seconds.withLock { $0 }) * 1000 }
        func advance() { seconds.withLock { $0 += 1 } }
    }

    private final class Told: Sendable {
        let all = Mutex([[Trouble]]())
    }

    private struct NoWires: Wires {
        func push(_ message: WireMessage, to hub: StageName) {}
        func publish(_ message: WireMessage, topic: [UInt8]) {}
    }

    @Test("What a stage itself knows is told with the rest, before it, and until it is over")
    func own() {
        var watch = TroubleWatch()
        let now = ContinuousClock.now
        let missing = Trouble(.round, about: "north", "it is missing since round 4, 2026-01-31T08:00Z")
        watch.clock(of: publish, ahead: .seconds(9))
        #expect(watch.news(now, own: [missing])?.map(\.kind) == [.round, .clock])
        #expect(watch.news(now, own: [missing]) == nil)
        #expect(watch.news(now)?.map(\.kind) == [.clock])
        #expect(
            ServiceNotice.lines([missing])
                == "X_TRIBUTARY_TROUBLE=round north it is missing since round 4, 2026-01-31T08:00Z")
        var notice = StatusNotice()
        _ = notice.take("waiting for north/encrypt: the step was given up")
        let told = notice.take([missing], at: 1_769_846_400_000).last ?? ""
        #expect(told.contains("round: north: it is missing since round 4, 2026-01-31T08:00Z (since 2026-"), "\(told)")
        #expect(told.contains("tributary doctor"), "\(told)")
    }

    private struct NoWork: WorkPlace {
        func start(_ piece: WorkPiece) { piece.drop() }
    }

    private final class Idle: Stage {}

    @Test("beats whose clock is off, and messages of another version, are told while they last")
    func running() async throws {
        let office = try Office()
        let clocks = Clocks()
        let told = Told()
        let surroundings = Surroundings(
            monotonic: { clocks.now }, wall: { clocks.milliseconds }, workPlace: NoWork(),
            reportTroubles: { troubles in told.all.withLock { $0.append(troubles) } })
        try await { @StageActor in
            let context = StageContext(
                identity: try office.identity(office.north), journal: try Journal(directory: office.folder.path),
                log: EventLog(stage: office.north, run: office.run, level: .error), publisher: office.aggregate,
                wires: NoWires(), surroundings: surroundings, finish: { _ in })
            let runtime = StageRuntime(Idle(), context: context, hasHub: false, outcome: Outcome())
            try await runtime.start()
            func beat(ahead: Int64) async throws {
                clocks.advance()
                let time = UInt64(Int64(clocks.milliseconds) + ahead)
                try await runtime.take(
                    .message(
                        WireMessage(
                            .beat, from: office.aggregate, epoch: 1, document: WireMessage.beatDocument(time: time))))
            }
            for _ in 0..<9 { try await beat(ahead: 1_500) }
            #expect(told.all.withLock { $0 } == [])
            for _ in 0..<9 { try await beat(ahead: 60_000) }
            #expect(told.all.withLock { $0.map { $0.map(\.kind) } } == [[.clock]])
            #expect(told.all.withLock { $0.last?.first?.about } == office.aggregate.description)
            #expect(told.all.withLock { $0.last?.first?.text.hasPrefix("its clock is 60.0 s ahead") } == true)
            for _ in 0..<9 { try await beat(ahead: 0) }
            #expect(told.all.withLock { $0.last } == [])
            for _ in 0..<3 {
                clocks.advance()
                try await runtime.take(.otherVersion(peer: office.aggregate.description, 2))
            }
            #expect(told.all.withLock { $0.last?.map(\.kind) } == [.version])
            #expect(told.all.withLock { $0.count } == 3)
            try await beat(ahead: 0)
            #expect(told.all.withLock { $0.last } == [] && told.all.withLock { $0.count } == 4)
        }()
    }
}
