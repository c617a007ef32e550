import Encryption
import Federation
import Keys
import Publication
import StageKit
import Topology

/// Which of several keys of sums a round is opened with.
struct KeyChoice: Sendable {
    /// Nil but under `paillier`.
    private var keys: KeySearch<SumOpener>?
    private let store: KeyStore
    /// For the round that is open, or was last; under `secagg` that comes of each round (`RoundUnmasking`).
    private(set) var opener: SumOpener

    init(_ ground: StageGround<PublishConfiguration>, allowing sizes: PaillierKeySizes) throws {
        store = ground.keys
        let (topology, minimum) = (ground.topology, ground.configuration.minimumCohort)
        guard !topology.cloudsOpen || minimum > topology.threshold else {
            throw StageError.configuration(
                "publish's `minimum-cohort` is \(minimum), and \(topology.threshold) clouds open a sum (`threshold`): no cloud answers such an opening, as those could open a sum of each other's alone; raise the one or lower the other"
            )
        }
        switch ground.topology.suite {
        case .clear, .secagg: (keys, opener) = (nil, .clear)
        case .paillier:
            var keys = KeySearch(numbers: ground.sumKeys, text: ground.sumKeyText, allowing: sizes) {
                try SumOpener(ground, number: $0, $1, allowing: sizes)
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
    /// be used, the round before's goes on and the answer says why. Never back to an older key for want of a newer. Where other
    /// clouds share the key than before, it is the chosen one or the newest that was dealt to so many.
    ///
    /// - Throws: `KeyOfSumsWanted` where there is none for the topology's clouds.
    mutating func advance(after last: Opening?, for topology: Topology) throws -> String? {
        guard keys != nil else { return nil }
        if let last, topology.cloudsOpen, Set(last.cohort.map(\.cloud)) != Set(topology.dataClouds) {
            try change(from: last, for: topology)
            return nil
        }
        var problem: String?
        do {
            if let id = try store.chosenSumKey(), let found = try keys?.key(id) {
                guard found.fits(topology) else { throw EncryptionError.invalidKey(what: "key of sums", Self.misfit) }
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
        guard opener.fits(topology) else { throw KeyOfSumsWanted(topology) }
        return problem
    }

    private static let misfit = "it was dealt to other clouds than the topology has"

    private mutating func change(from last: Opening, for topology: Topology) throws {
        func isOther(_ found: SumOpener) -> Bool {
            found.fits(topology) && found.publicKey?.id.bytes != last.keyID
        }
        // What is wrong with a choice is told where it is chosen; here another that fits will do.
        if let id = try store.chosenSumKey(),
            let found = keys?.newest(where: { $0.publicKey?.id.bytes == id && isOther($0) })
        {
            opener = found
        } else if let found = keys?.newest(where: isOther) {
            opener = found
        } else {
            throw KeyOfSumsWanted(topology)
        }
    }
}

/// Clouds have come or gone, and no key of sums is here that was dealt to those that there are now.
struct KeyOfSumsWanted: Error, CustomStringConvertible {
    let description: String

    init(_ topology: Topology) {
        description =
            "no key of sums here is for \(topology.dataClouds.sorted().map(\.description).joined(separator: ", ")) (\(topology.threshold) of \(topology.dataClouds.count)): deal one with `tributary deal --next` and put it into \(topology.keysPath); no round is opened before"
    }
}
