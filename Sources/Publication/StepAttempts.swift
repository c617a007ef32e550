package import Federation

/// The rounds of a step that were given up since the last release: how many, and who was missing from the newest of them without a break
/// since when. In the journal, so that a restart neither forgives nor forgets.
package struct StepAttempts: Equatable, Sendable {
    package static let fact = "attempts"

    package struct Absence: Equatable, Sendable {
        package let round: RoundNumber
        /// Milliseconds since 1970, UTC.
        package let time: UInt64

        package init(round: RoundNumber, time: UInt64) {
            self.round = round
            self.time = time
        }
    }

    /// The newest release's round, whose attempts these follow.
    package let after: RoundNumber
    package private(set) var count = 0
    package private(set) var missing: [CloudName: Absence] = [:]
    /// When the first was given up.
    package private(set) var first: Absence?

    package init(after: RoundNumber) { self.after = after }

    /// - Parameter clouds: who was missing; nobody where that was not the reason.
    package mutating func add(_ round: RoundNumber, missing clouds: [CloudName], at time: UInt64) {
        count += 1
        let now = Absence(round: round, time: time)
        first = first ?? now
        missing = Dictionary(clouds.map { ($0, missing[$0] ?? now) }) { known, _ in known }
    }

    /// Until the next attempt, unless somebody who was missing is heard before. Most of what a round is given up for is over at once (a
    /// stage has died with its secrets); what is not may last for days, in which clouds are not to train for nothing all the time.
    ///
    /// - Parameter isCostly: each opening uses up what is not had again, a budget of privacy.
    package func pause(isCostly: Bool) -> Duration {
        guard count > 1 else { return .zero }
        let (shortest, longest): (Duration, Duration) =
            isCostly ? (.seconds(600), .seconds(21_600)) : (.seconds(5), .seconds(600))
        return min(shortest * (1 << min(count - 2, 10)), longest)
    }

    // MARK: As the journal keeps it

    /// A line of the newest release, of how many, and of the first; then one for each cloud that is missing.
    package var encoded: [UInt8] {
        var lines = ["\(after) \(count) \(first?.round.value ?? 0) \(first?.time ?? 0)"]
        for (cloud, absence) in missing.sorted(by: { $0.key < $1.key }) {
            lines.append("\(cloud) \(absence.round) \(absence.time)")
        }
        return Array(lines.joined(separator: "\n").utf8)
    }

    package init(encoded: [UInt8]) throws {
        func number<Number: FixedWidthInteger>(_ text: Substring) throws -> Number {
            guard let value = Number(text) else { throw PublicationError.attempts }
            return value
        }
        let lines = String(decoding: encoded, as: UTF8.self).split(separator: "\n").map { $0.split(separator: " ") }
        guard let head = lines.first, head.count == 4, lines.dropFirst().allSatisfy({ $0.count == 3 }) else {
            throw PublicationError.attempts
        }
        after = RoundNumber(try number(head[0]))
        count = try number(head[1])
        if count > 0 { first = Absence(round: RoundNumber(try number(head[2])), time: try number(head[3])) }
        for line in lines.dropFirst() {
            missing[try CloudName(String(line[0]))] = Absence(
                round: RoundNumber(try number(line[1])), time: try number(line[2]))
        }
    }
}
