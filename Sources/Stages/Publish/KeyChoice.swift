import Encryption
import Federation
import Keys
import Publication
import StageKit
import Topology

/// Which of several keys of sums a round is opened with.
package struct KeyChoice: Sendable {
    /// Nil but under `paillier`.
    private var keys: KeySearch<SumOpener>?
    private let store: KeyStore
    /// For the round that is open, or was last; under `secagg` that comes of each round (`RoundUnmasking`).
    private(set) var opener: SumOpener

    init(_ ground: StageGround<PublishConfiguration>) throws {
        store = ground.keys
        switch ground.topology.suite {
        case .clear, .secagg: (keys, opener) = (nil, .clear)
        case .paillier:
            var keys = KeySearch(numbers: ground.sumKeys, text: ground.sumKeyText) {
                try SumOpener(ground, number: $0, $1)
            }
            opener = try keys.oldest()
            self.keys = keys
        }
    }

    /// Goes on with a round that was opened before: under its own key, whatever has been chosen since.
    mutating func resume(_ opening: Opening) throws(EncryptionError) {
        if let found = try keys?.key(opening.keyID) { opener = found }
    }

    /// Takes the key for a new round: the chosen one, else that of the round before, else the first. If the chosen one cannot
    /// be used, the round before's goes on and the answer says why. Never back to an older key for want of a newer.
    mutating func advance(after last: Opening?) throws -> String? {
        guard keys != nil else { return nil }
        var problem: String?
        do {
            if let id = try store.chosenSumKey(), let found = try keys?.key(id) {
                opener = found
                return nil
            }
        } catch  where error is KeyError || error is EncryptionError {
            guard last != nil else { throw StageError.configuration("\(error)") }
            problem = "\(error)"
        }
        do {
            if let last, let found = try keys?.key(last.keyID) { opener = found }
        } catch {
            let reasons = [problem, "\(error)"].compactMap(\.self).joined(
                separator: "; and the key of the last round: ")
            throw StageError.configuration("\(reasons): choose a key with `tributary rotate`")
        }
        return problem
    }
}
