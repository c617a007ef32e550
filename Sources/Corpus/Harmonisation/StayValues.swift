/// The values that one table of measurements gives to all stays, as they grow row by row.
struct StayValues {
    private struct PartKey: Hashable {
        let slot: Int
        let time: Int
    }

    private struct Parts {
        var seen: UInt32 = 0
        var sum = 0.0
    }

    /// Readings of one stay that are remembered to notice a repetition, and sums under way: a bound, so that a broken
    /// table cannot grow memory without end. A day of one stay has some hundred readings.
    private static let maximumRemembered = 8192

    private let slots: [EventReading.Slot]
    private let variables: VariableTable
    private var cells: [Accumulator]
    private var touched: [Bool]
    private var remembered: [Set<UInt64>]
    private var parts: [[PartKey: Parts]]
    private var kept: Kept

    init(stays: Int, slots: [EventReading.Slot], variables: VariableTable, kept: Kept) {
        self.kept = kept
        self.slots = slots
        self.variables = variables
        cells = Array(repeating: Accumulator(), count: stays * slots.count)
        touched = Array(repeating: false, count: stays)
        remembered = Array(repeating: [], count: stays)
        parts = Array(repeating: [:], count: stays)
    }

    mutating func take(
        _ outcome: ReadingInterpreter.Outcome, _ rule: EventReading.Rule, stay: Int, time: Int, row: CSVRow,
        counts: inout VariableCounts
    ) throws(CSVError) {
        touched[stay] = true
        switch outcome {
        case .dropped(let reason, let unit):
            if let unit { counts.met(unit: unit) }
            counts.dropped[reason, default: 0] += 1
        case .value(let value, let unit, let converted, let limit):
            counts.met(unit: unit)
            if rule.aggregate != .presence, rule.part == 0,
                try isRepeated(value, rule, stay: stay, time: time, row: row)
            {
                counts.dropped[.duplicate, default: 0] += 1
                return
            }
            counts.used += 1
            if converted { counts.converted += 1 }
            if limit { counts.limits += 1 }
            if rule.part == 0 {
                add(value, rule.slot, stay: stay, time: time)
            } else if let sum = try complete(value, rule, stay: stay, time: time, row: row) {
                add(sum, rule.slot, stay: stay, time: time)
            }
        }
    }

    /// What each stay ends up with; sums that never became whole are counted.
    consuming func finish(_ counts: inout [VariableCounts]) -> SourceValues {
        var found = SourceValues(stays: touched.count, variables: slots.map(\.variable))
        for stay in touched.indices where touched[stay] {
            for (place, slot) in slots.enumerated() {
                var value = cells[stay * slots.count + place].value
                if value.isNaN, slot.aggregate == .presence { value = 0 }
                found[stay, place] = value
            }
            for key in parts[stay].keys { counts[slots[key.slot].variable].dropped[.incomplete, default: 0] += 1 }
        }
        return found
    }

    private mutating func add(_ value: Double, _ slot: Int, stay: Int, time: Int) {
        cells[stay * slots.count + slot].add(
            value, at: time, aggregate: slots[slot].aggregate, variable: variables.variables[slots[slot].variable])
    }

    /// True if the same value of the same variable was charted for the same time before: under two item ids, or twice.
    private mutating func isRepeated(
        _ value: Double, _ rule: EventReading.Rule, stay: Int, time: Int, row: CSVRow
    ) throws(CSVError) -> Bool {
        guard remembered[stay].count < StayValues.maximumRemembered else { return false }
        // SplitMix64's finaliser (Steele, Lea and Flood 2014) over value, time and slot.
        var hash = value.bitPattern ^ (UInt64(bitPattern: Int64(time)) &* 0x9E37_79B9_7F4A_7C15)
        hash = hash &+ UInt64(rule.slot) &* 0xD1B5_4A32_D192_ED03
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        guard remembered[stay].insert(hash ^ (hash >> 31)).inserted else { return true }
        try kept.take(Kept.reading, for: row)
        return false
    }

    /// The sum, once all parts charted for `time` are there.
    private mutating func complete(
        _ value: Double, _ rule: EventReading.Rule, stay: Int, time: Int, row: CSVRow
    ) throws(CSVError) -> Double? {
        let key = PartKey(slot: rule.slot, time: time)
        guard parts[stay][key] != nil || parts[stay].count < StayValues.maximumRemembered else { return nil }
        var entry = parts[stay][key] ?? Parts()
        guard entry.seen & rule.part == 0 else { return nil }
        entry.seen |= rule.part
        entry.sum += value
        guard entry.seen == slots[rule.slot].allParts else {
            if parts[stay].updateValue(entry, forKey: key) == nil { try kept.take(Kept.sum, for: row) }
            return nil
        }
        if parts[stay].removeValue(forKey: key) != nil { kept.giveBack(Kept.sum) }
        return entry.sum
    }
}
