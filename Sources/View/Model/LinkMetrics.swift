package import Federation
internal import Monitoring

/// What stages count of their links, out of the metrics that each leaves beside its journal.
package struct LinkMetrics: Sendable {
    private struct Figures {
        var sent = 0.0
        var received = 0.0
        var roundTrip: Double?
        var goodput: Double?
        var measured: Double?
        var measuredAt: Double?
        var least: Double?
        var jitter: Double?
        var isUp = true
    }

    /// Longer texts are none of ours.
    package static let maximumBytes = 4 << 20
    private var figures: [FederationView.Pair: Figures] = [:]

    package init() {}

    /// Takes the text that a stage has left (Prometheus' exposition format). What is not about links is passed over.
    package mutating func take(_ text: String, of stage: StageName) {
        for line in text.utf8.prefix(LinkMetrics.maximumBytes).split(separator: UInt8(ascii: "\n")) {
            guard line.starts(with: "tributary_link_".utf8) || line.starts(with: "tributary_peer_".utf8) else {
                continue
            }
            take(Substring(line), stage)
        }
    }

    private mutating func take(_ line: Substring, _ stage: StageName) {
        guard let open = line.firstIndex(of: "{"), let close = line.lastIndex(of: "}"), open < close,
            let value = Double(line[line.index(after: close)...].drop { $0 == " " }), value.isFinite,
            let peer = label("peer", in: line[open..<close]), let name = peer.stage
        else { return }
        let out = FederationView.Pair(from: stage, to: name)
        let comes = FederationView.Pair(from: name, to: stage)
        switch line[..<open] {
        case Meter.linkBytes.name[...]:
            if label("direction", in: line[open..<close]) == "sent" {
                figures[out, default: Figures()].sent = value
            } else {
                figures[comes, default: Figures()].received = value
            }
        case Meter.roundTrip.name[...]: figures[out, default: Figures()].roundTrip = value
        case Meter.goodput.name[...]: figures[out, default: Figures()].goodput = value
        case Meter.leastRoundTrip.name[...]: figures[out, default: Figures()].least = value
        // Of what comes, its receiver tells.
        case Meter.linkGoodput.name[...]: figures[comes, default: Figures()].measured = value
        case Meter.linkMeasured.name[...]: figures[comes, default: Figures()].measuredAt = value
        case Meter.linkJitter.name[...]: figures[comes, default: Figures()].jitter = value
        case Meter.peerUp.name[...]: figures[out, default: Figures()].isUp = value > 0
        default: break
        }
    }

    /// Names of stages need no escape, so a value that has one is none.
    private func label(_ name: String, in labels: Substring) -> Substring? {
        guard let start = labels.firstRange(of: "\(name)=\"")?.upperBound,
            let end = labels[start...].firstIndex(of: "\"")
        else { return nil }
        return labels[start..<end]
    }

    /// By pair; news that go to everyone are counted where they arrive, so the greater figure is what went over the link.
    package var readings: [FederationView.Pair: FederationView.LinkReading] {
        figures.mapValues { figures in
            FederationView.LinkReading(
                bytes: max(figures.sent, figures.received), roundTripSeconds: figures.roundTrip,
                bytesPerSecond: figures.goodput, isUp: figures.isUp, leastRoundTripSeconds: figures.least,
                jitterSeconds: figures.jitter, goodput: figures.measured, measuredAt: figures.measuredAt)
        }
    }
}

extension Substring {
    fileprivate var stage: StageName? {
        do { return try StageName(String(self)) } catch { return nil }
    }
}
