/// Of all programs together. Peers never ask for it: the protocol's version is in what they say (docs/protocol.md).
package enum Version {
    package static let current = "0.1.0"
}
