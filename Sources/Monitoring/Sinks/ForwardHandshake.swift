internal import MessagePack
package import Sodium

/// Forward's handshake over a shared key, the client's side: HELO, PING, PONG. Either side proves that it has the key by a
/// SHA-512 over a salt of the client's, its own name, a nonce of the server's, and the key.
package struct ForwardHandshake {
    /// Why the connection is of no use.
    package struct Fault: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    private let name: [UInt8]
    private let key: SecretBytes
    private let salt: [UInt8]
    private var nonce: [UInt8] = []

    /// - Parameter host: this host; what makes the name one's own is added, so that no peer can give an answer back as its own.
    package init(host: String, key: SecretBytes) throws {
        self.key = key
        salt = try SystemRandom.bytes(count: 16)
        name = Array("\(host)-tributary-\(Hex.encode(try SystemRandom.bytes(count: 4)))".utf8)
    }

    /// PING for a HELO; nil while some of that is missing.
    package mutating func ping(to helo: [UInt8]) throws -> [UInt8]? {
        guard let value = try ForwardFormat.first(of: helo) else { return nil }
        guard case .list(let parts) = value, parts.count == 2, parts[0] == .text("HELO"),
            case .map(let options) = parts[1], let nonce = options.first(where: { $0.key == "nonce" })?.value.octets
        else { throw Fault(description: "the collector does not begin with HELO: does it want a shared key at all?") }
        self.nonce = nonce
        let packer = Packer()
        packer.list(6)
        packer.text("PING")
        packer.text(name)
        packer.bytes(salt)
        packer.text(digest(of: name))
        packer.text("")  // No user: keys alone are spoken.
        packer.text("")
        return packer.bytes
    }

    /// Whether PONG has come whole. Throws where the collector refuses, or does not have the key itself.
    package func accepts(_ pong: [UInt8]) throws -> Bool {
        guard let value = try ForwardFormat.first(of: pong) else { return false }
        guard case .list(let parts) = value, parts.count == 5, parts[0] == .text("PONG"),
            case .bool(let isWelcome) = parts[1]
        else { throw Fault(description: "the collector does not answer with PONG") }
        guard isWelcome else {
            let reason = parts[2].octets.map { String(decoding: $0.prefix(200), as: UTF8.self) } ?? ""
            throw Fault(description: "the collector refuses the shared key: \(reason)")
        }
        guard let host = parts[3].octets, let proof = parts[4].octets, host != name,
            proof == Array(digest(of: host).utf8)
        else { throw Fault(description: "the collector does not have the shared key that it is to have") }
        return true
    }

    private func digest(of host: [UInt8]) -> String { SHA512.hex(of: [salt, host, nonce], then: key) }
}

extension Value {
    /// Of text or of bytes: old and new programs differ in which they send.
    fileprivate var octets: [UInt8]? {
        switch self {
        case .text(let text): Array(text.utf8)
        case .bytes(let bytes): bytes
        default: nil
        }
    }
}
