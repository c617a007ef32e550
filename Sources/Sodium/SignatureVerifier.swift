/// Tells whether a signature is somebody's: of one key, or of any that a signer has.
package protocol SignatureVerifier: Sendable {
    func verifies(_ signature: Signature, of message: some ContiguousCollection) -> Bool
}

extension VerifyingKey: SignatureVerifier {}

/// All keys of one signer: while keys are rotated there are two.
package struct SignerKeys: SignatureVerifier, Hashable {
    package let keys: [VerifyingKey]

    package init(_ keys: [VerifyingKey]) { self.keys = keys }

    package func verifies(_ signature: Signature, of message: some ContiguousCollection) -> Bool {
        keys.contains { $0.verifies(signature, of: message) }
    }
}
