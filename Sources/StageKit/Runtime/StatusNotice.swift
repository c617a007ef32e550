package import Federation
internal import Launching
internal import Monitoring

/// What a stage says of itself to whoever supervises it, as lines of sd_notify(3): what it does or waits for, and what troubles it.
/// systemd shows STATUS alone (`systemctl status`), so that has both; the launcher keeps the two apart, each with since when, and is
/// told them apart in variables of its own.
package struct StatusNotice: Sendable {
    /// More troubles are counted: it is one line.
    private static let mostTold = 3
    /// systemd reads datagrams of 4 KiB.
    private static let longestSituation = 300

    private var situation = ""
    private var troubles: [(trouble: Trouble, since: UInt64)] = []

    package init() {}

    /// - Returns: the datagrams by which it is told.
    package mutating func take(_ situation: String) -> [String] {
        let text = situation.unicodeScalars
        self.situation =
            text.count > StatusNotice.longestSituation
            ? String(text.prefix(StatusNotice.longestSituation - 1)) + "…" : situation
        return [status]
    }

    /// - Parameters:
    ///   - troubles: all that there are now.
    ///   - time: milliseconds since 1970, UTC.
    /// - Returns: the datagrams by which they are told.
    package mutating func take(_ troubles: [Trouble], at time: UInt64) -> [String] {
        let before = self.troubles
        self.troubles = troubles.map { trouble in
            let known = before.first { $0.trouble.kind == trouble.kind && $0.trouble.about == trouble.about }
            return (trouble, known?.since ?? time)
        }
        return [ServiceNotice.lines(troubles), status]
    }

    private var status: String {
        guard !troubles.isEmpty else { return "STATUS=\(situation)" }
        var parts = situation.isEmpty ? [] : [situation]
        parts += troubles.prefix(StatusNotice.mostTold).map { trouble, since in
            let remedy = StageTrouble.Kind(trouble.kind).remedy.map { ": \($0)" } ?? ""
            let time = String(decoding: Timestamp.text(since * 1_000_000).prefix(19), as: UTF8.self)
            return "\(trouble.kind.rawValue): \(trouble.about): \(trouble.text) (since \(time)Z)\(remedy)"
        }
        let others = troubles.count - StatusNotice.mostTold
        if others > 0 { parts.append("and \(others) more") }
        return "X_TRIBUTARY_STATUS=\(situation)\nSTATUS=\(parts.joined(separator: "; "))"
    }
}

extension StageTrouble.Kind {
    fileprivate init(_ kind: Trouble.Kind) {
        switch kind {
        case .clock: self = .clock
        case .version: self = .version
        case .round: self = .round
        }
    }
}
