package import Federation
internal import Glibc
package import Sodium
internal import Synchronization

/// Whose keys count at one moment.
package struct KeyringState: Sendable {
    /// Those that count, newest first.
    package let cards: [StageName: [PublicCard]]
    package let revoked: [RevokedCard]
    private let stages: [[UInt8]: StageName]

    /// - Parameter cards: all that are known, newest first. Throws where two stages have one CURVE key.
    package init(cards: [PublicCard], revoked: [RevokedCard]) throws {
        let gone = Set(revoked.map(\.card))
        let live = cards.filter { !gone.contains($0) }
        self.cards = Dictionary(grouping: live, by: \.stage)
        self.revoked = revoked
        stages = try Dictionary(live.map { ($0.curve, $0.stage) }) { first, second in
            guard first == second else { throw KeyError.shared(stages: "\(first) and \(second)") }
            return first
        }
    }

    /// The stage that a CURVE key belongs to, if the key counts.
    package func stage(ofCurve key: [UInt8]) -> StageName? { stages[key] }

    /// The CURVE keys of a stage, newest first.
    package func curves(of stage: StageName) -> [[UInt8]] { cards[stage, default: []].map(\.curve) }

    package func revocation(ofCurve key: [UInt8]) -> RevokedCard? { revoked.first { $0.card.curve == key } }

    /// Whoever may sign for a stage from now on; nil where no key of it counts.
    package func signer(_ stage: StageName) -> SignerKeys? { cards[stage].map { SignerKeys($0.map(\.verifying)) } }

    /// Also the revoked ones: what a stage has believed, and has written down, stays what it was.
    package func everSigner(_ stage: StageName) -> SignerKeys? {
        let keys =
            cards[stage, default: []].map(\.verifying)
            + revoked.lazy.map(\.card).filter { $0.stage == stage }.map(\.verifying)
        return keys.isEmpty ? nil : SignerKeys(keys)
    }
}

/// The keys of a federation's stages as the folder of cards has them now: cards may come, go and be revoked while stages run.
package final class Keyring: Sendable {
    private struct Book {
        var state: KeyringState
        var cards: [PublicCard]
        var seen: [String]
    }

    /// What has changed in the folder.
    package struct Change: Sendable {
        package let added: [PublicCard]
        /// No longer there, or revoked.
        package let removed: [PublicCard]
        package let revoked: [RevokedCard]
        /// Why not all of the folder could be read: what could not stays as it was.
        package let problem: String?
    }

    private let store: KeyStore
    private let book: Mutex<Book>

    /// Throws where a card or a list is spoiled.
    package init(_ store: KeyStore) throws {
        self.store = store
        let seen = try Self.look(store)
        let cards = try store.allCards()
        let state = try KeyringState(cards: cards, revoked: Self.revoked(store))
        book = Mutex(Book(state: state, cards: cards, seen: seen))
    }

    package var now: KeyringState { book.withLock { $0.state } }

    /// Looks whether a file has changed, a few system calls for each, and reads all of them again if so; nil where nothing has.
    package func refresh() -> Change? {
        let seen: [String]
        do { seen = try Self.look(store) } catch { seen = ["\(error)"] }
        let before = book.withLock { $0 }
        guard seen != before.seen else { return nil }
        var problems: [String] = []
        var (cards, revoked) = (before.cards, before.state.revoked)
        do { cards = try store.allCards() } catch { problems.append("\(error)") }
        // Whatever else is spoiled: who is revoked is out.
        do { revoked = try Self.revoked(store) } catch { problems.append("\(error)") }
        var state = before.state
        do { state = try KeyringState(cards: cards, revoked: revoked) } catch { problems.append("\(error)") }
        book.withLock { $0 = Book(state: state, cards: cards, seen: seen) }
        let (old, new) = (before.state.cards.values.flatMap(\.self), state.cards.values.flatMap(\.self))
        let known = Set(before.state.revoked)
        let change = Change(
            added: Set(new).subtracting(old).sorted { $0.stage < $1.stage },
            removed: Set(old).subtracting(new).sorted { $0.stage < $1.stage },
            revoked: state.revoked.filter { !known.contains($0) },
            problem: problems.isEmpty ? nil : problems.joined(separator: "; "))
        let isSame = change.added.isEmpty && change.removed.isEmpty && change.revoked.isEmpty && problems.isEmpty
        return isSame ? nil : change
    }

    private static func revoked(_ store: KeyStore) throws -> [RevokedCard] {
        try store.cloudsWithCards().flatMap(store.revokedCards)
    }

    /// Names, numbers, lengths and times of all files that count.
    private static func look(_ store: KeyStore) throws -> [String] {
        var seen: [String] = []
        for cloud in try store.cloudsWithCards() {
            for name in try FolderListing.names(in: "\(store.root)/public/\(cloud)")
            where name.hasSuffix(".pub") || name == RevokedCard.file {
                let path = "\(store.root)/public/\(cloud)/\(name)"
                var information = stat()
                guard stat(path, &information) == 0 else { continue }
                let (changed, modified) = (information.st_ctim, information.st_mtim)
                seen.append(
                    "\(path) \(information.st_ino) \(information.st_size) \(changed.tv_sec).\(changed.tv_nsec) \(modified.tv_sec).\(modified.tv_nsec)"
                )
            }
        }
        return seen
    }
}
