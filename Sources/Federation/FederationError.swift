/// Why a name, a layout or a message of the protocol was refused. Texts name what was found and what was expected, and
/// never carry a record or a value of an update.
package enum FederationError: Error, Equatable, CustomStringConvertible {
    case invalidName(kind: String, found: String)
    case invalidLayout(String)
    /// A message that is not what docs/protocol.md says; `place` is the field, as a path.
    case malformed(place: String, String)
    /// A message of a protocol version that this build does not speak.
    case unsupportedVersion(found: UInt64)
    /// A signature that does not verify under the key of the stage that the message names.
    case badSignature(signer: String)
    /// What an outer step cannot be taken with.
    case outerStep(String)

    package var description: String {
        switch self {
        case .invalidName(let kind, let found):
            "\"\(found.prefix(80))\" is not a \(kind) name: use lower-case letters, digits and hyphens"
        case .invalidLayout(let reason): "invalid layout: \(reason)"
        case .malformed(let place, let reason): "malformed message at \(place): \(reason)"
        case .unsupportedVersion(let found):
            "protocol version \(found) is not spoken here (this build speaks \(WireMessage.version))"
        case .badSignature(let signer): "the signature is not one of \(signer)'s key"
        case .outerStep(let reason): "outer step: \(reason)"
        }
    }
}
