internal import Synchronization

/// What a stage counts. Adding to it takes a lock that nobody holds for longer than a copy takes.
package final class Meters: Sendable {
    /// Seconds; from a message's way to a night of training.
    package static let bounds: [Double] = [
        0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000,
    ]
    /// Series of one metric; a label that a stranger can fill must not fill the memory.
    package static let maximumSeries = 256

    package struct Series: Hashable, Sendable {
        package let meter: Meter
        /// As many as the meter has labels.
        package let labels: [String]

        package init(_ meter: Meter, _ labels: [String] = []) {
            self.meter = meter
            self.labels = labels
        }
    }

    package struct Histogram: Sendable, Equatable {
        /// Of each bound how many lay at or below it and above the bound before; the last are those above all.
        package var counts = [UInt64](repeating: 0, count: Meters.bounds.count + 1)
        package var sum = 0.0

        package init() {}

        package init(counts: [UInt64], sum: Double) {
            self.counts = counts
            self.sum = sum
        }

        mutating func observe(_ value: Double) {
            counts[Meters.bounds.firstIndex { value <= $0 } ?? Meters.bounds.count] += 1
            sum += value
        }
    }

    package enum Reading: Sendable, Equatable {
        case value(Double)
        case histogram(Histogram)
    }

    private struct State {
        var readings: [Series: Reading] = [:]
        var seriesCounts: [Meter: Int] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package func add(_ amount: Double = 1, to meter: Meter, _ labels: [String] = []) {
        change(meter, labels) { reading in
            guard case .value(let value)? = reading else { return .value(amount) }
            return .value(value + amount)
        }
    }

    package func set(_ meter: Meter, _ labels: [String] = [], to value: Double) {
        change(meter, labels) { _ in .value(value) }
    }

    package func observe(_ value: Double, in meter: Meter, _ labels: [String] = []) {
        change(meter, labels) { reading in
            var histogram = Histogram()
            if case .histogram(let known)? = reading { histogram = known }
            histogram.observe(value)
            return .histogram(histogram)
        }
    }

    private func change(_ meter: Meter, _ labels: [String], _ body: (Reading?) -> Reading) {
        state.withLock { state in
            let series = Series(meter, labels)
            if let index = state.readings.index(forKey: series) {
                state.readings.values[index] = body(state.readings.values[index])
                return
            }
            guard state.seriesCounts[meter, default: 0] < Meters.maximumSeries else { return }
            state.seriesCounts[meter, default: 0] += 1
            state.readings[series] = body(nil)
        }
    }

    /// What a series stands at; nil where it has not been set.
    package func value(of meter: Meter, _ labels: [String] = []) -> Double? {
        state.withLock { state in
            guard case .value(let value)? = state.readings[Series(meter, labels)] else { return nil }
            return value
        }
    }

    package func readings() -> [Series: Reading] { state.withLock { $0.readings } }

    /// What an event counts, by the catalogue.
    package func count(_ kind: EventKind, _ fields: EventFields) {
        add(to: .events, [kind.name, kind.level.rawValue])
        for phase in kind.phases {
            if let length = fields[phase.length]?.quantity {
                observe(length, in: .phaseSeconds, [phase.name.rawValue])
            }
        }
        for rule in kind.meters {
            switch rule {
            case .counts(let meter, nil): add(to: meter)
            case .counts(let meter, let field?): add(to: meter, [fields[field]?.shown ?? ""])
            case .adds(let meter, let field): if let amount = fields[field]?.quantity { add(amount, to: meter) }
            case .sets(let meter, let field): if let value = fields[field]?.quantity { set(meter, to: value) }
            }
        }
    }
}
