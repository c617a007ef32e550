package import MessagePack

/// A cloud's word before a round closes: from the adapter that the round starts from it has helped to open a sum over these
/// clouds, in a round that was given up. It helps with no sum over others from that adapter (`OpenedSum`), so that a round in
/// which it takes part can be finished over these alone.
package struct HelpedSum: Hashable, Sendable {
    /// The newest round in which it helped with it.
    package let round: RoundNumber
    /// In the order of their names.
    package let clouds: [CloudName]

    package static let maximumClouds = 1024

    package init(round: RoundNumber, clouds: [CloudName]) {
        self.round = round
        self.clouds = clouds
    }

    /// What a cloud that has helped with `sums` has to say of an update from the adapter of round `start`.
    package init?(of sums: [OpenedSum], from start: RoundNumber) {
        let helped = sums.filter { $0.purpose == .update && $0.startsFrom == start }
        guard let newest = helped.max(by: { $0.round < $1.round }) else { return nil }
        self.init(round: newest.round, clouds: newest.clouds)
    }

    package var value: Value {
        .map([("round", .round(round)), ("clouds", .list(clouds.map { .text($0.description) }))])
    }

    /// - Parameter place: of the word, for errors.
    package init(_ value: Value, at place: String) throws {
        var fields = try Fields(value, at: place)
        round = try fields.round("round")
        clouds = try fields.clouds("clouds", at: place)
        try fields.finish()
        guard !clouds.isEmpty, zip(clouds, clouds.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw FederationError.malformed(
                place: "\(place).clouds", "no clouds, or clouds that are not in order, or one twice")
        }
    }

    package var named: String { clouds.map(\.description).joined(separator: ", ") }

    /// Why it cannot be the word of `cloud` on a round; nil if it can.
    ///
    /// - Parameter start: of an update the round whose adapter it starts from; nil of other rounds, whose cohorts are always whole.
    package func misfit(of cloud: CloudName, in round: RoundNumber, startingFrom start: RoundNumber?) -> String? {
        guard let start else { return "it tells of a sum that it has helped to open, which belongs to updates alone" }
        guard clouds.contains(cloud) else { return "it has helped to open a sum that is not of its own" }
        guard self.round > start, self.round < round else {
            return
                "it has helped to open a sum of round \(self.round), which cannot have started from the adapter of round \(start)"
        }
        return nil
    }
}

extension Value {
    package static func optional(_ word: HelpedSum?) -> Value { word?.value ?? .none }
}

extension Fields {
    /// A cloud's word, nil where it has none to give.
    mutating func helped(_ key: String, at place: String) throws -> HelpedSum? {
        try optional(key).map { try HelpedSum($0, at: "\(place).\(key)") }
    }

    mutating func clouds(_ key: String, at place: String) throws -> [CloudName] {
        try list(key, limit: HelpedSum.maximumClouds).map { value in
            guard case .text(let text) = value else {
                throw FederationError.malformed(place: "\(place).\(key)", "expected names")
            }
            return try CloudName(text)
        }
    }
}

extension String {
    /// As much of it as fits in the reason of a document.
    var asReason: String {
        var text = Substring(prefix(1000))
        while text.utf8.count > 1000 { text.removeLast() }
        return String(text)
    }
}
