internal import Federation
internal import Sodium

/// A stage's keys that no longer count, and why. A cloud's list of them lies beside its cards and travels with them.
package struct RevokedCard: Hashable, Sendable {
    /// In the folder of the cloud's cards.
    static let file = "revoked"
    private static let mostCards = 1000

    package let card: PublicCard
    package let reason: String

    /// - Parameter reason: for people; what is no plain text of one line is left out of it.
    package init(card: PublicCard, reason: String) {
        self.card = card
        let plain = reason.unicodeScalars.map { $0.value < 32 || (127...159).contains($0.value) ? " " : $0 }
        self.reason = String(String.UnicodeScalarView(plain.prefix(200)))
    }

    var line: String { "\(card.stage) \(Hex.encode(card.curve)) \(card.verifying) \(reason)\n" }

    /// Nil unless every line is one of `line`.
    static func list(_ text: String) -> [RevokedCard]? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.last?.isEmpty == true, lines.count <= mostCards else { return nil }
        var cards: [RevokedCard] = []
        for line in lines.dropLast() {
            let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
            guard words.count == 4,
                let card = PublicCard(text: "stage: \(words[0])\ncurve: \(words[1])\nsign: \(words[2])\n")
            else { return nil }
            cards.append(RevokedCard(card: card, reason: String(words[3])))
        }
        return cards
    }
}
