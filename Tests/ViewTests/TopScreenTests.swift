import Federation
import Launching
import Monitoring
import Testing
import View

@Suite("tributary top")
struct TopScreenTests {
    private func text(_ screen: TopScreen, _ view: FederationView, _ now: Double, _ width: Int, _ height: Int)
        -> [String]
    {
        screen.frame(of: view, at: Story.at(now), width: width, height: height).map(\.plain)
    }

    /// Two update rounds, an evaluation before and after; in the fourth round west is missing.
    private func story() throws -> Story {
        var story = try Story()
        try story.start()
        try story.evaluation(1, at: 5, auroc: 0.5)
        try story.update(2, at: 10)
        try story.evaluation(3, at: 21, auroc: 0.75)
        try story.update(4, at: 30, without: ["west"], isReleased: false)
        try story.tell(.trainingStarted, "west/local-train", at: 31, round: 4)
        for (step, loss) in [0.9, 0.6, 0.3].enumerated() {
            try story.tell(
                .trainingProgress, "west/local-train", at: 32 + Double(step), round: 4,
                [.step: .number(step), .loss: .real(loss)])
        }
        try story.tell(
            .peerOverLimit, "release/publish", at: 33, round: 4,
            [.from: .text("west/encrypt"), .reason: .text("too much")])
        return story
    }

    /// The table of its stages at second 40, but for publish's line, which is cut to the width.
    private static let stages = """
           CLOUD       STAGE        STATE        SINCE  WHAT
         ▸ north       ingest       ● ready        39s
                       local-train  ○ waiting       6s  for north/encrypt: round 4
                       encrypt      ○ waiting       4s  round 4: its release
           west        ingest       ● ready        39s
                       local-train  ● working       9s  round 4: training  loss ▂█▄▁
                       encrypt      ○ waiting      23s  round 2: its release
           east        ingest       ● ready        39s
                       local-train  ○ waiting       4s  for east/encrypt: round 4
                       encrypt      ○ waiting       2s  round 4: its release
           coordinator aggregate    ○ waiting       2s  for west: round 4: contributions
        """

    @Test("80 by 24: everything that matters is there, and nothing is wider")
    func small() throws {
        let view = try story().view()
        let frame = text(TopScreen(view.plan), view, 40, 80, 24)
        #expect(
            frame.joined(separator: "\n") == """
                 one-machine  run demo · paillier · keys threshold                 08:00:40 UTC
                 ━━━━━━━━━━━━━━━─────  3 of 4 steps   round 4 update  10s   waits for west
                \(Self.stages)
                   release     publish      ○ waiting      10s  round 4: the sum of the contrib…
                 ROUND   █ compute  ▓ seal  ▒ gather  ░ share  ▪ open
                     1  evaluation (validation) ███              2.00 s            AUROC 0.500
                     2  update                  █████████▓▓▒░░▪  10.0 s  61.5 KiB  loss 0.4100
                     3  evaluation (validation) ███              2.00 s            AUROC 0.750
                     4  update                  ███████████████  10.0 s  41.0 KiB  2 of 3 here
                 AUROC ▁█ 0.500 → 0.750    loss ▅ 0.4100
                 events 1.6/s   sealed 200 values/s   sent 4.10 KiB/s   ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁█▁▁
                 08:00:33 ! release/publish peer_over_limit  too much  from=west/encrypt

                 ↑↓ choose a stage   enter its events   ? help   q quit
                """)
    }

    @Test("120 by 40: more rounds, and the newest events")
    func large() throws {
        let view = try story().view()
        let frame = text(TopScreen(view.plan), view, 40, 120, 40)
        #expect(
            frame.joined(separator: "\n") == """
                 one-machine  run demo · paillier · keys threshold                                                         08:00:40 UTC
                 ━━━━━━━━━━━━━━━━━━━━━━────────  3 of 4 steps   round 4 update  10s   waits for west

                \(Self.stages)
                   release     publish      ○ waiting      10s  round 4: the sum of the contributions

                 ROUND   █ compute  ▓ seal  ▒ gather  ░ share  ▪ open
                     1  evaluation (validation) ███████████                                              2.00 s            AUROC 0.500
                     2  update                  █████████████████████████████████▓▓▓▓▓▓▒▒▒▒▒░░░░░░░░▪▪▪  10.0 s  61.5 KiB  loss 0.4100
                     3  evaluation (validation) ███████████                                              2.00 s            AUROC 0.750
                     4  update                  ███████████████████████████████████████████████████████  10.0 s  41.0 KiB  2 of 3 here

                 AUROC ▁█ 0.500 → 0.750    loss ▅ 0.4100
                 events 1.6/s   sealed 200 values/s   sent 4.10 KiB/s   ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁███▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁█▁▁
                 08:00:33 ! release/publish peer_over_limit  too much  from=west/encrypt

                 EVENTS
                 08:00:33 west/local-train training_progress  step=1  loss=0.6000
                 08:00:33 release/publish peer_over_limit  too much  from=west/encrypt
                 08:00:34 north/local-train round_trained  seconds=3  first_loss=0.7000  last_loss=0.2000
                 08:00:34 west/local-train training_progress  step=2  loss=0.3000
                 08:00:35 north/encrypt contribution_sealed  values=1000  bytes=20000  quantise_seconds=0.2500  seal_seconds=0.5000
                 08:00:35 north/encrypt contribution_receipted  to=coordinator/aggregate  wire_bytes=21000
                 08:00:35 coordinator/aggregate contribution_counted  from=north  bytes=20000  add_seconds=0.1000  waiting_for=[east,we…
                 08:00:36 east/local-train round_trained  seconds=3  first_loss=0.7000  last_loss=0.2200
                 08:00:37 east/encrypt contribution_sealed  values=1000  bytes=20000  quantise_seconds=0.2500  seal_seconds=0.5000
                 08:00:37 east/encrypt contribution_receipted  to=coordinator/aggregate  wire_bytes=21000
                 08:00:37 coordinator/aggregate contribution_counted  from=east  bytes=20000  add_seconds=0.1000  waiting_for=[west]

                 ↑↓ choose a stage   enter its events   ? help   q quit
                """)
    }

    /// The same, once publish's clock is off for aggregate and east's disk is full.
    private func hindered() throws -> FederationView {
        var view = try story().view()
        func report(_ phase: ProcessReport.Phase, _ status: String?, _ trouble: StageTrouble) -> ProcessReport {
            ProcessReport(
                phase: phase, process: 7, restarts: 0, status: status, statusSince: Story.at(38),
                lastEnd: "exit status 75",
                troubles: [trouble], isLaunched: true)
        }
        func since(_ seconds: Double) -> Double { Double(Story.at(seconds)) * 1e-9 }
        view.take(
            report(
                .ready, "waiting for west: round 4: contributions",
                StageTrouble(
                    kind: .clock, about: "release/publish", text: "its clock is 8.9 s ahead of this host's",
                    remedy: "let both hosts set their clocks from the network (chrony, systemd-timesyncd)",
                    since: since(25))),
            of: try StageName("coordinator/aggregate"))
        view.take(
            report(
                .backingOff, nil,
                StageTrouble(
                    kind: .disk, about: "/state/east/encrypt", text: "its disk is full", remedy: "make room there",
                    since: since(39))),
            of: try StageName("east/encrypt"))
        return view
    }

    @Test("what hinders a stage stands under it, within 80 columns; nothing stands there without")
    func troubles() throws {
        let view = try hindered()
        let frame = text(TopScreen(view.plan), view, 40, 80, 30)
        let row = try #require(frame.firstIndex { $0.contains("✗ restarting") })
        #expect(
            frame[row...(row + 3)].joined(separator: "\n") == """
                               encrypt      ✗ restarting    2s  exit status 75
                     ! 1s      disk: /state/east/encrypt: its disk is full: make room there
                   coordinator aggregate    ○ waiting       2s  for west: round 4: contributions
                     ! 15s     clock: release/publish: its clock is 8.9 s ahead of this host's:…
                """)
        #expect(frame.allSatisfy { Columns.of($0) <= 80 })
        // Without colour the mark and the words are there all the same.
        #expect(frame.filter { $0.contains(" ! ") }.count == 3)
        let quiet = text(TopScreen(view.plan), try story().view(), 40, 80, 30)
        #expect(quiet.filter { $0.contains(" ! ") }.count == 1 && !quiet.contains { $0.contains("disk") })
    }

    @Test("what hinders a stage out of sight is counted where it is looked for")
    func hiddenTroubles() throws {
        let view = try hindered()
        var screen = TopScreen(view.plan)
        let top = text(screen, view, 40, 80, 12)
        #expect(top.contains { $0.hasSuffix("WHAT   ! 2 out of sight") })
        for _ in 0..<8 { _ = screen.press(.down) }
        #expect(screen.chosen == 8)
        let middle = text(screen, view, 40, 80, 12)
        #expect(middle.contains { $0.contains("▸") && $0.contains("restarting") })
        #expect(middle.contains { $0.contains("its disk is full") })
        // At every place the chosen stage is in sight, and no hindrance stands at the top without its stage.
        for height in 8...30 {
            for _ in 0..<20 { _ = screen.press(.up) }
            for place in view.stages.indices {
                let frame = text(screen, view, 40, 80, height)
                let header = try #require(frame.firstIndex { $0.contains("CLOUD") })
                #expect(frame.contains { $0.hasPrefix(" ▸ ") }, "\(place) of \(height)")
                #expect(!frame[header + 1].hasPrefix("     ! "), "\(place) of \(height)")
                let (seen, told) = (
                    frame.count { $0.hasPrefix("     ! ") },
                    frame[header].split(separator: "! ").last.flatMap { Int($0.prefix(1)) } ?? 0
                )
                #expect(seen + told == 2, "\(place) of \(height)")
                _ = screen.press(.down)
            }
        }
    }

    @Test("a stage's own screen has what hinders it in full, and what to do")
    func troubleInFull() throws {
        let view = try hindered()
        var screen = TopScreen(view.plan)
        for key in [Key.end, .up, .enter] { _ = screen.press(key) }
        let frame = text(screen, view, 40, 60, 24)
        #expect(
            frame[2...6].joined(separator: "\n") == """
                 !  clock: release/publish: its clock is 8.9 s ahead of this
                    host's (for 15s)
                 →  let both hosts set their clocks from the network
                    (chrony, systemd-timesyncd)
                \(String(repeating: "─", count: 60))
                """)
        #expect(frame.contains { $0.contains("round_closed") || $0.contains("contribution_counted") })
    }

    @Test("a federation that has not begun")
    func empty() throws {
        let view = FederationView(try Story().plan)
        let frame = text(TopScreen(view.plan), view, 0, 80, 24)
        #expect(
            frame.joined(separator: "\n") == """
                 one-machine  run demo · paillier · keys threshold                 08:00:00 UTC
                 ────────────────────  no round yet
                   CLOUD       STAGE        STATE        SINCE  WHAT
                 ▸ north       ingest       ○ unknown
                               local-train  ○ unknown
                               encrypt      ○ unknown
                   west        ingest       ○ unknown
                               local-train  ○ unknown
                               encrypt      ○ unknown
                   east        ingest       ○ unknown
                               local-train  ○ unknown
                               encrypt      ○ unknown
                   coordinator aggregate    ○ unknown
                   release     publish      ○ unknown
                 events 0/s   sealed 0 values/s   sent 0 B/s








                 ↑↓ choose a stage   enter its events   ? help   q quit
                """)
    }

    @Test("every frame has as many lines as there are, none wider than the terminal, whatever its size")
    func sizes() throws {
        let view = try story().view()
        for (width, height) in [(20, 4), (40, 10), (80, 24), (81, 25), (120, 40), (200, 60), (500, 5)] {
            for glyphs in [Glyphs.unicode, .ascii] {
                var screen = TopScreen(view.plan, glyphs: glyphs)
                for key in [nil, Key.enter, .escape, .character("?")] {
                    if let key { _ = screen.press(key) }
                    let frame = screen.frame(of: view, at: Story.at(40), width: width, height: height)
                    #expect(frame.count == height)
                    #expect(frame.allSatisfy { $0.width <= width })
                    if glyphs == .ascii {
                        #expect(
                            frame.allSatisfy {
                                $0.plain.unicodeScalars.allSatisfy { $0.isASCII || "…↑↓→".unicodeScalars.contains($0) }
                            })
                    }
                }
            }
        }
    }

    @Test("keys choose a stage, show its events, scroll them, and quit")
    func keys() throws {
        let view = try story().view()
        var screen = TopScreen(view.plan)
        func press(_ keys: [Key]) -> Bool { keys.allSatisfy { screen.press($0) } }
        #expect(press([.down, .character("j"), .up]))
        #expect(screen.chosen == 1)
        for _ in 0..<50 { _ = screen.press(.down) }
        #expect(screen.chosen == view.stages.count - 1)
        #expect(press([.home]) && screen.chosen == 0)
        #expect(press([.end]) && screen.chosen == view.stages.count - 1)
        #expect(press([.enter]) && screen.mode == .tail)
        let tail = text(screen, view, 40, 80, 24)
        #expect(tail[0].hasPrefix(" release/publish"))
        #expect(tail.contains { $0.contains("peer_over_limit") && $0.contains("too much") })
        #expect(press([.character("q")]) && screen.mode == .overview)
        #expect(press([.character("?")]) && screen.mode == .help)
        #expect(press([.character("x")]) && screen.mode == .overview)
        #expect(!press([.character("q")]))
        #expect(!press([.interrupt]))
    }

    @Test("keys come out of bytes, whole or in pieces")
    func bytes() {
        var reader = KeyReader()
        func take(_ bytes: [UInt8]) -> [Key] { reader.take(bytes) }
        func flush() -> [Key] { reader.flush() }
        #expect(take([0x6A, 0x1B, 0x5B, 0x41, 0x0D]) == [.character("j"), .up, .enter])
        #expect(take([0x1B]) == [])
        #expect(reader.isInEscape)
        #expect(take([0x5B, 0x36]) == [])
        #expect(take([0x7E, 0x03]) == [.pageDown, .interrupt])
        #expect(take([0x1B]) == [])
        #expect(flush() == [.escape])
        #expect(take([0x1B, 0x5B] + [UInt8](repeating: 0x30, count: 40)) == [])
        #expect(take([0x71]) == [.character("q")])
    }

    @Test("what an event says does not reach the terminal as a command")
    func hostile() throws {
        var story = try Story()
        try story.tell(.stageFailed, "north/ingest", at: 1, [.reason: .text("\u{1B}]0;owned\u{07}\u{9B}2J")])
        let view = story.view()
        var screen = TopScreen(view.plan)
        for key in [nil, Key.enter] {
            if let key { _ = screen.press(key) }
            let frame = screen.frame(of: view, at: Story.at(2), width: 100, height: 30)
            #expect(frame.contains { $0.plain.contains("owned") })
            #expect(
                frame.allSatisfy {
                    $0.plain.unicodeScalars.allSatisfy { $0.value >= 32 && !(127...159).contains($0.value) }
                })
        }
    }

    @Test("colours are SGR around pieces, and plain text has none")
    func colours() {
        var line = StyledLine("a ")
        line.add("b", .bad)
        #expect(line.coloured == "a \u{1B}[31mb\u{1B}[0m")
        #expect(line.plain == "a b")
    }

    @Test("sparklines go from the least to the greatest, and wide characters take two columns")
    func sparklines() {
        #expect(Glyphs.unicode.sparkline([0, 1, 2, 3, 4, 5, 6, 7], width: 8) == "▁▂▃▄▅▆▇█")
        #expect(Glyphs.unicode.sparkline([9, 0, 7], width: 2) == "▁█")
        #expect(Glyphs.unicode.sparkline([.nan, 1, .infinity], width: 5) == "▅")
        #expect(Glyphs.unicode.sparkline([], width: 5).isEmpty)
        #expect(Columns.of("日本") == 4)
        #expect(Columns.cut("日本語", to: 4) == "日…")
    }
}
