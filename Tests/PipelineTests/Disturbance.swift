import Federation
import Testing

/// Which stage is disturbed in an update round, and after which event of whose. Another cloud's encrypt stage is held meanwhile,
/// so that the round cannot end before.
struct Disturbance: Sendable, CustomTestStringConvertible {
    let stage: StageKind
    let cloud: String
    let event: String
    /// Whose event it is.
    let of: StageKind
    let ofCloud: String
    var held = "east"
    var testDescription: String { "\(cloud)/\(stage) after \(event) of \(ofCloud)/\(of)" }

    /// The second update round.
    static let round = 3
}
