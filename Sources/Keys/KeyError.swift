/// Why a key could not be read or made. Names files, never what is in them.
package enum KeyError: Error, Equatable, CustomStringConvertible {
    case missing(path: String, what: String)
    /// Never overwritten: whoever trusts the old key would be cut off without a word.
    case exists(path: String)
    /// Others than the owner may use the secret (or write to its folder).
    case exposed(path: String, mode: UInt32, wanted: UInt32)
    case foreign(path: String, owner: UInt32, user: UInt32)
    case malformed(path: String, String)
    /// The public card is not that of the secrets beside it.
    case mismatch(card: String)
    /// Whoever has one key has the other's.
    case shared(stages: String)
    /// None of a stage's keys counts any more.
    case revoked(stage: String, path: String, reason: String)
    case system(operation: String, path: String, reason: String)

    package var description: String {
        switch self {
        case .missing(let path, let what): "\(path): there is no \(what) here; make keys with `tributary keys`"
        case .exists(let path):
            "\(path): a key lies here already and keys are never overwritten; move it away to make a new one"
        case .exposed(let path, let mode, let wanted):
            "\(path): mode \(KeyError.octal(mode)) lets others than its owner at it; run `chmod \(KeyError.octal(wanted)) \(path)`"
        case .foreign(let path, let owner, let user):
            "\(path): belongs to user \(owner), but this process runs as user \(user); run `chown \(user) \(path)`"
        case .malformed(let path, let reason): "\(path): \(reason)"
        case .mismatch(let card):
            "\(card): is not the card of the secret keys in this store; remove it, `tributary keys` writes the right one"
        case .shared(let stages): "\(stages) have the same CURVE key: make one of them anew"
        case .revoked(let stage, let path, let reason):
            "\(path): the keys of \(stage) are revoked (\(reason)); make new ones with `tributary renew`, and send their card to the other clouds"
        case .system(let operation, let path, let reason): "\(path): cannot \(operation): \(reason)"
        }
    }

    private static func octal(_ mode: UInt32) -> String { "0" + String(mode, radix: 8) }
}
