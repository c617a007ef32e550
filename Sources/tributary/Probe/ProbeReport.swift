internal import Federation
internal import Glibc
internal import Topology
internal import View

/// What is known of the links between clouds.
struct ProbeReport: Encodable {
    struct Stages: Encodable {
        let from: String
        let to: String
        let up: Bool
        let bytes: Double
        let roundTripSeconds: Double?
        let leastRoundTripSeconds: Double?
        let jitterSeconds: Double?
        let goodputBytesPerSecond: Double?
        let goodputAgeSeconds: Double?
    }

    struct Link: Encodable {
        let from: String
        let to: String
        let up: Bool
        /// The least of those that its stages' connections show.
        let roundTripSeconds: Double?
        let jitterSeconds: Double?
        /// The newest figure.
        let goodputBytesPerSecond: Double?
        let goodputAgeSeconds: Double?
        let stages: [Stages]
    }

    let links: [Link]
    var active: [ActiveProbe.Result]?

    static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    init(_ topology: Topology, now: Double) {
        var metrics = LinkMetrics()
        for stage in HostMetrics(topology).stages { metrics.take(stage.text, of: stage.name) }
        self.init(metrics.readings, clouds: topology.clouds.map(\.name), now: now)
    }

    init(_ readings: [FederationView.Pair: FederationView.LinkReading], clouds: [CloudName], now: Double) {
        let between = readings.filter { $0.key.from.cloud != $0.key.to.cloud }
        func stages(_ from: CloudName, _ to: CloudName) -> [Stages] {
            between.filter { $0.key.from.cloud == from && $0.key.to.cloud == to }
                .sorted { ($0.key.from, $0.key.to) < ($1.key.from, $1.key.to) }
                .map { pair, reading in
                    Stages(
                        from: "\(pair.from)", to: "\(pair.to)", up: reading.isUp, bytes: reading.bytes,
                        roundTripSeconds: reading.roundTripSeconds,
                        leastRoundTripSeconds: reading.leastRoundTripSeconds, jitterSeconds: reading.jitterSeconds,
                        goodputBytesPerSecond: reading.goodput,
                        goodputAgeSeconds: reading.measuredAt.map { max(0, now - $0) })
                }
        }
        links = clouds.flatMap { from in
            clouds.compactMap { to -> Link? in
                let (there, back) = (stages(from, to), stages(to, from))
                guard !there.isEmpty else { return nil }
                let newest = there.filter { $0.goodputBytesPerSecond != nil }
                    .min { ($0.goodputAgeSeconds ?? .infinity) < ($1.goodputAgeSeconds ?? .infinity) }
                return Link(
                    from: "\(from)", to: "\(to)", up: there.contains(where: \.up),
                    // A connection's round trip is the same from both of its ends.
                    roundTripSeconds: (there + back).compactMap(\.leastRoundTripSeconds).min(),
                    jitterSeconds: there.compactMap(\.jitterSeconds).min(),
                    goodputBytesPerSecond: newest?.goodputBytesPerSecond,
                    goodputAgeSeconds: newest?.goodputAgeSeconds, stages: there)
            }
        }
    }
}

/// For people: a row for each link.
struct ProbeText {
    private let terminal: Terminal

    init(_ terminal: Terminal) { self.terminal = terminal }

    func show(_ report: ProbeReport) {
        guard !report.links.isEmpty || report.active != nil else {
            return print("no stage of this host has a link to another cloud yet: is anything up? See `tributary ps`")
        }
        let from = max(4, report.links.map(\.from.count).max() ?? 0)
        let to = max(4, report.links.map(\.to.count).max() ?? 0)
        func row(_ cells: [String]) -> String {
            "\(Terminal.padded(cells[0], from))  \(Terminal.padded(cells[1], to))  \(right(cells[2], 10))  \(right(cells[3], 9))  \(right(cells[4], 14))  \(right(cells[5], 6))"
        }
        print(terminal.paint(row(["FROM", "TO", "ROUND TRIP", "JITTER", "GOODPUT", "AGE"]), .grey))
        for link in report.links {
            let cells = [
                link.from, link.to, link.up ? time(link.roundTripSeconds) : "down", time(link.jitterSeconds),
                link.goodputBytesPerSecond.map(Self.rate) ?? "-",
                link.goodputAgeSeconds.map { Figures.age(UInt64(min($0, 1e9) * 1e9)) } ?? "-",
            ]
            print(row(cells))
        }
        for result in report.active ?? [] {
            let link = "iperf3 \(result.from) -> \(result.to): "
            if let refusal = result.refusal {
                print(terminal.paint(link + "refused, " + refusal, .yellow))
            } else {
                print(
                    link
                        + "\(result.upBytesPerSecond.map(Self.rate) ?? "-") there, \(result.downBytesPerSecond.map(Self.rate) ?? "-") back"
                )
            }
        }
    }

    private func time(_ seconds: Double?) -> String {
        seconds.map { Figures.duration(UInt64(max(0, min($0, 1e6)) * 1e9)) } ?? "-"
    }

    private func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    /// As network people have it.
    static func rate(_ bytesPerSecond: Double) -> String {
        let megabits = bytesPerSecond * 8 / 1e6
        return "\(Figures.fixed(megabits, megabits < 10 ? 2 : megabits < 100 ? 1 : 0)) Mbit/s"
    }
}
