package import Federation
package import Sodium

/// W3C Trace Context, version 00: which trace an event belongs to, and which span of it. A round is one trace over all
/// clouds: its id comes from the opening that all of them hold, so that nothing has to be handed on for it.
package struct TraceContext: Sendable, Hashable {
    /// 16 bytes.
    package let trace: [UInt8]
    /// 8 bytes.
    package let span: [UInt8]

    /// The header's text: `00-<trace>-<span>-01` (sampled). Made once: every event of a round has it.
    package let description: String

    private init(trace: [UInt8], span: [UInt8]) {
        self.trace = trace
        self.span = span
        description = "00-\(Hex.encode(trace))-\(Hex.encode(span))-01"
    }

    /// A stage's part of a round.
    package init(opening: Digest, stage: StageName) {
        let trace = Array(Digest(of: Array("trace of a round\n".utf8) + opening.bytes).bytes.prefix(16))
        self.init(trace: trace, span: Self.span(trace, "\(stage)"))
    }

    /// What a stage does outside of rounds: a trace of that instance's own.
    package init(run: RunName, stage: StageName, epoch: UInt64) {
        let text = "trace of a stage\n\(run)\n\(stage)\n\(epoch)"
        let trace = Array(Digest(of: Array(text.utf8)).bytes.prefix(16))
        self.init(trace: trace, span: Self.span(trace, "\(stage)"))
    }

    /// A span below this one: a phase of the stage's part, or publish's span for the round as a whole (`round`).
    package func span(named name: String) -> [UInt8] { Self.span(trace, name) }

    private static func span(_ trace: [UInt8], _ name: String) -> [UInt8] {
        Array(Digest(of: trace + Array(name.utf8)).bytes.prefix(8))
    }

    /// Nil for what is no such header.
    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "00", parts[3].utf8.count == 2, parts[1].utf8.count == 32,
            parts[2].utf8.count == 16, let trace = Hex.decode(String(parts[1])), let span = Hex.decode(String(parts[2]))
        else { return nil }
        self.init(trace: trace, span: span)
    }
}
