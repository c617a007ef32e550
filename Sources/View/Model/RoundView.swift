package import Federation
package import Monitoring

/// What a stage spent a part of a round on.
package struct PhaseSpan: Sendable, Equatable {
    package let stage: StageName
    package let phase: RoundPhase.Name
    /// Nanoseconds since 1970.
    package let start: UInt64
    package let end: UInt64

    package init(stage: StageName, phase: RoundPhase.Name, start: UInt64, end: UInt64) {
        self.stage = stage
        self.phase = phase
        self.start = start
        self.end = end
    }

    /// The spans that an event tells of: the last ended when it was told, the others right before one another.
    package static func spans(of event: Event) -> [PhaseSpan] {
        guard let kind = Catalogue.kind(event.name) else { return [] }
        var end = event.time
        var spans: [PhaseSpan] = []
        for phase in kind.phases.reversed() {
            guard let seconds = event.fields[phase.length]?.quantity, seconds.isFinite, seconds >= 0 else { continue }
            let length = UInt64(min(seconds * 1e9, Double(end)).rounded())
            spans.append(PhaseSpan(stage: event.stage, phase: phase.name, start: end - min(length, end), end: end))
            end -= min(length, end)
        }
        return spans.reversed()
    }
}

/// One round, from its opening to its release.
package struct RoundView: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        case open
        case released
        case abandoned(String)
    }

    /// How far a cloud has come in it.
    package enum Step: Int, Sendable, Comparable {
        case nothing, joined, training, trained, sealed, sent, counted

        package static func < (left: Step, right: Step) -> Bool { left.rawValue < right.rawValue }

        package var word: String {
            switch self {
            case .nothing: "not heard of"
            case .joined: "joined"
            case .training: "training"
            case .trained: "sealing"
            case .sealed: "sending"
            case .sent: "sent"
            case .counted: "counted"
            }
        }
    }

    /// A stretch of the round as a whole: clouds work side by side, so each ends with the slowest.
    package struct Segment: Sendable, Equatable {
        package enum Name: String, Sendable, CaseIterable {
            /// Training, scoring, reading: what a cloud does before it has a vector.
            case compute
            case seal
            /// The last contributions are on their way and being added.
            case gather
            /// Clouds check the sum and make their shares of its opening.
            case share
            /// The sum goes to publish, which opens it and releases.
            case open
        }

        package let name: Name
        package let start: UInt64
        package let end: UInt64
    }

    package let number: UInt32
    package internal(set) var purpose = ""
    package internal(set) var split = ""
    package internal(set) var values = 0
    package internal(set) var bits = 0
    package internal(set) var cohort: [String] = []
    /// When publish opened it, or, where publish is elsewhere, when it was first heard of here.
    package internal(set) var openedAt: UInt64
    package internal(set) var closedAt: UInt64?
    package internal(set) var endedAt: UInt64?
    package internal(set) var outcome = Outcome.open
    package internal(set) var isFinal = false
    package internal(set) var spans: [PhaseSpan] = []
    package internal(set) var omittedSpans = 0
    package internal(set) var steps: [String: Step] = [:]
    /// Clouds that a deadline went by without.
    package internal(set) var missing: [String] = []
    /// Sent in it by clouds, before CURVE.
    package internal(set) var bytes = 0.0
    /// Mean training loss of the last steps, by local-train stage.
    package internal(set) var losses: [StageName: Double] = [:]
    /// The local-train stages that have begun and have not ended.
    var training: Set<StageName> = []
    /// What its release tells: auroc, log_loss, ...
    package internal(set) var figures: [String: Double] = [:]
    /// Seconds that publish expected of it; nil where it planned nothing.
    package internal(set) var predictedSeconds: Double?
    /// The trace that all its events belong to, in hexadecimal digits.
    package internal(set) var trace = ""
    /// Told by publish itself, not guessed from what others do.
    var isOpenedByPublish = false
    /// Steps of the plan that had been released when it was opened.
    var stepsBefore: Int?

    init(_ number: UInt32, seenAt time: UInt64) {
        self.number = number
        openedAt = time
    }

    package var isOpen: Bool { outcome == .open }

    /// The clouds whose contributions aggregate has not counted, while it gathers them.
    package var awaited: [String] {
        guard isOpen, closedAt == nil else { return [] }
        return cohort.filter { (steps[$0] ?? .nothing) < .counted }
    }

    package var counted: Int { cohort.count { steps[$0] == .counted } }

    /// Nanoseconds; to now, while it is open.
    package func duration(at now: UInt64) -> UInt64 {
        let end = endedAt ?? max(now, openedAt)
        return end > openedAt ? end - openedAt : 0
    }

    /// The mean over the clouds that have told theirs; of a cloud, the mean over its local-train stages.
    package var meanLoss: Double? {
        guard !losses.isEmpty else { return nil }
        func mean(_ values: [Double]) -> Double { values.sorted().reduce(0, +) / Double(values.count) }
        return mean(Dictionary(grouping: losses, by: \.key.cloud).values.map { mean($0.map(\.value)) })
    }

    /// `update`, `evaluation (validation)`.
    package var title: String { split.isEmpty ? purpose : "\(purpose) (\(split))" }

    /// The round's time, part by part, without gaps; the last one grows while it is open.
    package func segments(at now: UInt64) -> [Segment] {
        let end = endedAt ?? max(now, openedAt)
        func last(_ phases: Set<RoundPhase.Name>) -> UInt64? {
            spans.lazy.filter { phases.contains($0.phase) }.map(\.end).max()
        }
        let computed = last([.read, .train, .sensitivity, .score])
        let sealed = last([.quantise, .seal])
        // Where publish alone opens sums, nothing is shared.
        let isShared = spans.contains { $0.phase == .share }
        let openStart = isShared ? isOpen ? nil : spans.lazy.filter { $0.phase == .open }.map(\.start).max() : closedAt
        let ends: [(Segment.Name, UInt64?)] = [
            (.compute, computed ?? sealed), (.seal, sealed), (.gather, closedAt),
            (.share, closedAt == nil ? nil : openStart), (.open, closedAt == nil ? nil : end),
        ]
        // While clouds still train, what others have sealed is no end of anything.
        let waits = isOpen && closedAt == nil && cohort.contains { (steps[$0] ?? .nothing) < .sealed }
        var segments: [Segment] = []
        var start = openedAt
        for (name, stop) in ends {
            let isLastKnown = waits ? name == .compute : stop == nil
            let stop = isLastKnown ? end : min(max(stop ?? end, start), end)
            if stop > start { segments.append(Segment(name: name, start: start, end: stop)) }
            start = stop
            if isLastKnown { break }
        }
        return segments
    }
}
