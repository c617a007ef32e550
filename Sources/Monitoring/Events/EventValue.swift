package import Federation

/// What a field of an event may hold.
package enum EventValue: Sendable, Equatable {
    case text(String)
    case number(Int)
    case real(Double)
    case flag(Bool)
    case list([EventValue])

    package static func name(_ value: some CustomStringConvertible) -> EventValue { .text(value.description) }
    package static func round(_ value: RoundNumber) -> EventValue { .number(Int(value.value)) }
    package static func seconds(_ value: Duration) -> EventValue {
        .real(Double(value.components.seconds) + Double(value.components.attoseconds) * 1e-18)
    }

    /// A number of either kind.
    package var quantity: Double? {
        switch self {
        case .number(let number): Double(number)
        case .real(let number): number
        case .text, .flag, .list: nil
        }
    }

    /// As a person reads it.
    package var shown: String {
        switch self {
        case .text(let text): text
        case .number(let number): "\(number)"
        case .real(let number): "\(number)"
        case .flag(let flag): "\(flag)"
        case .list(let values): values.map(\.shown).joined(separator: ", ")
        }
    }
}
