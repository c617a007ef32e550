import Federation
import Monitoring
import Testing

@Suite("Metrics")
struct MetersTests {
    @Test("Events count by the catalogue: themselves, phases as histograms, fields into counters and gauges")
    func countsEvents() throws {
        let log = try EventLog.ofEncrypt(.error, write: { _ in })
        for _ in 0..<3 {
            log.tell(
                .contributionSealed,
                [.values: .number(1000), .bytes: .number(50), .quantiseSeconds: .real(0.002), .sealSeconds: .real(2)])
        }
        let readings = log.meters.readings()
        #expect(readings[.init(.events, ["contribution_sealed", "info"])] == .value(3))
        #expect(readings[.init(.sealedValues)] == .value(3000))
        guard case .histogram(let seal)? = readings[.init(.phaseSeconds, ["seal"])] else {
            Issue.record("no histogram of sealing")
            return
        }
        #expect(seal.counts.reduce(0, +) == 3 && seal.sum == 6)
    }

    @Test("A label that strangers fill stays bounded")
    func isBounded() {
        let meters = Meters()
        for number in 0..<10_000 { meters.add(to: .messagesRefused, ["stranger-\(number)"]) }
        #expect(meters.readings().count == Meters.maximumSeries)
    }

    @Test("The text has each family once, escapes labels, and counts a histogram up to +Inf")
    func exposition() {
        let meters = Meters()
        meters.add(to: .messagesRefused, ["a \"quoted\" \\ name\n"])
        meters.observe(0.002, in: .phaseSeconds, ["seal"])
        meters.observe(1e9, in: .phaseSeconds, ["seal"])
        var exposition = Exposition()
        exposition.add(meters.readings(), labels: [("cloud", "north"), ("stage", "encrypt")])
        exposition.add(meters.readings(), labels: [("cloud", "south"), ("stage", "encrypt")])
        let lines = exposition.text.split(separator: "\n").map(String.init)
        #expect(lines.filter { $0.hasPrefix("# TYPE tributary_phase_seconds ") }.count == 1)
        #expect(
            lines.contains(
                #"tributary_messages_refused_total{cloud="north",stage="encrypt",from="a \"quoted\" \\ name\n"} 1"#))
        let of = { (end: String) in lines.filter { $0.contains("cloud=\"south\"") && $0.contains("le=\"\(end)\"") } }
        #expect(of("0.001").first?.hasSuffix(" 0") == true && of("0.003").first?.hasSuffix(" 1") == true)
        #expect(of("+Inf").first?.hasSuffix(" 2") == true)
    }

    @Test("Several stages' texts become one, each family once, and nothing of another program's gets in")
    func merge() {
        func text(_ stage: String) -> String {
            let meters = Meters()
            meters.add(to: .messagesRefused, ["x"])
            meters.observe(0.002, in: .phaseSeconds, ["seal"])
            var exposition = Exposition()
            exposition.add(meters.readings(), labels: [("stage", stage)])
            return exposition.text
        }
        var merge = ExpositionMerge()
        merge.add(text("encrypt"))
        merge.add(text("aggregate"))
        merge.add("stray_total 1\n")
        let lines = merge.text.split(separator: "\n")
        #expect(lines.filter { $0.hasPrefix("# TYPE tributary_phase_seconds ") }.count == 1)
        #expect(lines.filter { $0.hasPrefix("tributary_phase_seconds_count{") }.count == 2)
        #expect(lines.filter { $0.hasPrefix("tributary_messages_refused_total{") }.count == 2)
        #expect(!merge.text.contains("stray"))
        var both = Exposition()
        for stage in ["encrypt", "aggregate"] {
            let meters = Meters()
            meters.add(to: .messagesRefused, ["x"])
            meters.observe(0.002, in: .phaseSeconds, ["seal"])
            both.add(meters.readings(), labels: [("stage", stage)])
        }
        #expect(Set(both.text.split(separator: "\n")) == Set(lines))
    }
}
