import Collectors
import Federation
import Foundation
import Glibc
import Monitoring
import Testing
import Topology

private let awaySeconds = Equipment.variable("TRIBUTARY_AWAY").flatMap { Double($0) }

extension PipelineSuite {
    /// A federation that goes on while all collectors are gone: for some rounds, and with TRIBUTARY_AWAY for so many seconds.
    @Suite(
        "Collectors that are away",
        .enabled(
            if: Equipment.collectors != nil || Equipment.python != nil,
            "`make collectors` and `make reference` bring collectors"))
    struct AwayTests {
        private static let rounds = 20

        /// How many rounds publish has released, and when.
        private func releases(_ run: FederationRun) throws -> [Event] {
            try run.spooled(run.topology.publish).filter { $0.name == EventKind.roundReleased.name }
        }

        private func released(_ more: Int, _ run: FederationRun) async throws {
            let wanted = try releases(run).count + more
            try await eventually("\(more) more rounds") { try releases(run).count >= wanted }
        }

        /// Lines that the monitor has logged.
        private func notes(_ run: FederationRun) -> [String] {
            let data = FileManager.default.contents(atPath: "\(run.topology.statePath)/logs/monitor.log") ?? Data()
            return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
        }

        private func report(_ run: FederationRun, away: Range<UInt64>, events: Int, feeds: [Feed]) throws {
            var times: [(name: String, seconds: [Double])] = [("before", []), ("away", []), ("after", [])]
            for event in try releases(run) {
                guard event.fields[.purpose] == .text("update"), let seconds = event.fields[.seconds]?.quantity else {
                    continue
                }
                times[event.time < away.lowerBound ? 0 : event.time < away.upperBound ? 1 : 2].seconds.append(seconds)
            }
            let shown = times.map { name, seconds in
                let sorted = seconds.sorted()
                guard !sorted.isEmpty else { return "\(name): no round" }
                func at(_ part: Double) -> String {
                    "\((sorted[Int(Double(sorted.count - 1) * part)] * 10_000).rounded() / 10)"
                }
                return "\(name): \(sorted.count) rounds, median \(at(0.5)) ms, 9 of 10 below \(at(0.9)) ms"
            }
            let length = Double(away.upperBound - away.lowerBound) * 1e-9
            print(
                "collectors away for \((length * 10).rounded() / 10) s, \(events) events, \(feeds.map(\.name).joined(separator: ", ")); \(shown.joined(separator: "; "))"
            )
        }

        @Test(
            "Killed in the middle of a run and started again, every one has every event of every stage, in order, whole"
        )
        func loseNothing() async throws {
            let folder = "/tmp/ta-\(getpid())"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let feeds = try Feeds.all(in: folder)
            let file = "\(folder)/events.jsonl"
            for feed in feeds { try feed.start() }
            var plan = FederationRun.Plan(suite: .clear, updates: 100_000, evaluates: false)
            plan.trainer = "none"
            plan.sinks = feeds.map(\.sink) + ["{kind: file, path: \(file), rotate: 1GiB}"]
            let run = try FederationRun(plan)
            try await run.launch()
            let scraper = try await Scraper(of: run, in: folder)
            try await released(Self.rounds, run)

            let gone = Timestamp.nanoseconds()
            for feed in feeds { feed.kill() }
            scraper?.process.kill()
            let clouds = run.topology.clouds.map(\.name)
            try await eventually("the monitor has noticed all of them") {
                let notes = notes(run)
                return feeds.allSatisfy { feed in
                    clouds.allSatisfy { cloud in notes.contains { $0.contains("\(feed.name) of \(cloud): ") } }
                }
            }
            try await released(Self.rounds, run)
            let length = Double(Timestamp.nanoseconds() - gone) * 1e-9
            if let awaySeconds, awaySeconds > length { try await Task.sleep(for: .seconds(awaySeconds - length)) }
            let back = Timestamp.nanoseconds()
            for feed in feeds { try feed.start() }
            if let scraper { try await scraper.start() }
            try await released(Self.rounds, run)
            _ = try await run.shell("tributary down topology.yaml")
            _ = try await run.event("exited", of: try run.launcher)
            // What did not arrive before the end arrives with the next monitor, which ends once it has.
            let last = try await run.shell(
                """
                tributary monitor topology.yaml --flush 120s 2> monitor.txt & monitor=$!
                until grep -q started monitor.txt || ! kill -0 $monitor; do sleep 0.05; done
                kill $monitor; wait $monitor; echo "status $?"; cat monitor.txt
                """)
            #expect(last.contains("status 0") && !last.contains("still being waited for"), "\(last)")

            var told: [ReceivedEvent.Mark: Event] = [:]
            for stage in run.stages {
                for event in try run.spooled(stage) {
                    told[
                        ReceivedEvent.Mark(
                            stage: "\(stage)", epoch: Int(event.epoch), sequence: Int(event.sequence))] = event
                }
            }
            let line = Feed(
                name: "file", sink: "", start: {}, kill: {},
                received: {
                    let data = try Data(contentsOf: URL(filePath: file))
                    return try String(decoding: data, as: UTF8.self).split(separator: "\n").map {
                        try ReceivedEvent.ofLine(String($0))
                    }
                })
            for feed in feeds + [line] { try await expectAll(told, at: feed) }
            if let scraper { try await scraper.expectCounts() }
            try report(run, away: gone..<back, events: told.count, feeds: feeds + [line])
            withExtendedLifetime(feeds) {}
        }

        /// Every event has come, whole, and those of each stage in their order.
        private func expectAll(_ told: [ReceivedEvent.Mark: Event], at feed: Feed) async throws {
            var received: [ReceivedEvent] = []
            // A syslog collector or the journal may have read all and not written all yet.
            try await eventually("\(feed.name) has everything") {
                received = try feed.received()
                return Set(received.map(\.mark)).count >= told.count
            }
            #expect(Set(received.map(\.mark)) == Set(told.keys), "\(feed.name)")
            var seen: Set<ReceivedEvent.Mark> = []
            var newest: [String: (Int, Int)] = [:]
            for one in received {
                let event = try #require(told[one.mark], "\(feed.name): \(one)")
                #expect(one.name == event.name && one.level == feed.level(event.level), "\(feed.name): \(one)")
                #expect(one.time == feed.time(event.time), "\(feed.name): \(one)")
                for (field, value) in event.fields.pairs {
                    #expect(
                        one.fields[field.name] == feed.text(value.shown), "\(feed.name): \(event.name).\(field.name)")
                }
                guard seen.insert(one.mark).inserted else { continue }
                if let last = newest[one.mark.stage] {
                    #expect(last < (one.mark.epoch, one.mark.sequence), "\(feed.name): \(one.mark)")
                }
                newest[one.mark.stage] = (one.mark.epoch, one.mark.sequence)
            }
        }
    }
}

/// Prometheus among the collectors, where it is there: it asks by itself, so what it has missed are points in time, and no counts.
private final class Scraper {
    let process: Collector
    private let server: PrometheusServer
    private let page: String

    init?(of run: FederationRun, in folder: String) async throws {
        guard Equipment.prometheus != nil else { return nil }
        page = try await run.servePage()
        server = try PrometheusServer(
            scraping: page, rules: [], port: try FederationRun.freePorts(1)[0], folder: "\(folder)/prometheus")
        process = server.process()
        try await start()
    }

    func start() async throws {
        try process.start()
        try await eventually("Prometheus is ready") { await server.isReady() }
    }

    /// The counts of events of all stages are those that the endpoint serves now.
    func expectCounts() async throws {
        let text = String(decoding: try await server.fetch("\(page)metrics").body, as: UTF8.self)
        let served = text.split(separator: "\n").filter { $0.hasPrefix("tributary_events_total{") }
            .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
        #expect(served.count > 5)
        try await eventually("Prometheus has the counts of the end") {
            let known = try await server.query("tributary_events_total").compactMap { Double($0.value) }
            return known.count == served.count && known.reduce(0, +) == served.reduce(0, +)
        }
    }
}
