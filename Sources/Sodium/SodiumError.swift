/// What libsodium refused, by name; never the secret it was about.
package enum SodiumError: Error, Equatable, CustomStringConvertible {
    /// libsodium could not start (no source of randomness).
    case unavailable
    /// Guarded memory could not be had: usually RLIMIT_MEMLOCK, see docs/operating.md.
    case outOfGuardedMemory(bytes: Int)
    /// A key, seed or signature of the wrong length.
    case wrongLength(what: String, expected: Int, found: Int)
    /// A public key that is not a point of the curve, or a secret that makes none.
    case invalidKey(what: String)

    package var description: String {
        switch self {
        case .unavailable: "libsodium could not start: the system's random generator is not available"
        case .outOfGuardedMemory(let bytes):
            "no guarded memory for \(bytes) bytes: raise RLIMIT_MEMLOCK (`ulimit -l`)"
        case .wrongLength(let what, let expected, let found): "\(what): expected \(expected) bytes, found \(found)"
        case .invalidKey(let what): "\(what) is not a valid key"
        }
    }
}
