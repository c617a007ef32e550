internal import MessagePack
package import Sodium

/// A sum that a cloud has helped to open, as its journal keeps it from before its share leaves.
package struct OpenedSum: Equatable, Sendable {
    package let round: RoundNumber
    package let purpose: Purpose
    /// Of an update: the adapter that it was trained from.
    package let startsFrom: RoundNumber
    package let sum: Digest
    /// Whose contributions are in it, in the order of their names.
    package let clouds: [CloudName]
    /// Of those whose update was late: the round that it was trained for.
    package let bases: [CloudName: RoundNumber]

    package init(_ opening: Opening, sum: Digest, clouds: [CloudName], bases: [CloudName: RoundNumber] = [:]) {
        self.bases = bases
        round = opening.round
        purpose = opening.purpose
        startsFrom = opening.startsFrom
        self.sum = sum
        self.clouds = clouds
    }

    /// Why a cloud that has helped with this sum does not help with another; nil if the two tell nothing together that each does
    /// not tell alone. A round that publish gives up after it has the shares is opened again from the same adapter: were other
    /// clouds in that sum, the one less the other would be nearly one cloud's update.
    package func conflict(with other: OpenedSum) -> String? {
        if other.round == round {
            return other.sum == sum ? nil : "this cloud has helped to open another sum of round \(round)"
        }
        guard purpose == .update, other.purpose == .update, other.startsFrom == startsFrom, other.clouds != clouds
        else {
            return nil
        }
        return
            "this cloud has helped to open a sum over \(named(clouds)) in round \(round), from the same adapter: less this one over \(named(other.clouds)), it would show what the difference of clouds trained"
    }

    private func named(_ clouds: [CloudName]) -> String { clouds.map(\.description).joined(separator: ", ") }

    package var bytes: [UInt8] {
        encode(
            .map([
                ("round", .round(round)), ("purpose", .text(purpose.rawValue)), ("starts-from", .round(startsFrom)),
                ("sum", .digest(sum)), ("clouds", .list(clouds.map { .text($0.description) })),
                ("bases", basesValue),
            ]))
    }

    package init(bytes: [UInt8]) throws {
        var fields = try Fields(decodeDocument(bytes), at: "opened")
        round = try fields.round("round")
        purpose = try fields.choice("purpose")
        startsFrom = try fields.round("starts-from")
        sum = try fields.digest("sum")
        clouds = try fields.clouds("clouds", at: "opened")
        bases = try OpenedSum.bases(fields.take("bases"))
        try fields.finish()
    }

    private var basesValue: Value {
        .list(bases.sorted { $0.key < $1.key }.map { .list([.text($0.key.description), .round($0.value)]) })
    }

    private static func bases(_ value: Value) throws -> [CloudName: RoundNumber] {
        guard case .list(let rows) = value, rows.count <= HelpedSum.maximumClouds else {
            throw FederationError.malformed(place: "opened.bases", "expected a list of clouds and rounds")
        }
        return try rows.reduce(into: [:]) { bases, row in
            guard case .list(let pair) = row, pair.count == 2, case .text(let name) = pair[0],
                case .unsigned(let number) = pair[1], let round = UInt32(exactly: number)
            else { throw FederationError.malformed(place: "opened.bases", "expected [cloud, round]") }
            bases[try CloudName(name)] = RoundNumber(round)
        }
    }

    /// The round that a cloud's vector in it was trained for.
    package func base(of cloud: CloudName) -> RoundNumber? { clouds.contains(cloud) ? bases[cloud] ?? round : nil }
}
