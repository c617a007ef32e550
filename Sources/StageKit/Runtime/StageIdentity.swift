package import Federation
package import Keys
package import Sodium

/// Who a stage is and whom it knows: keys, hubs that it dials, its epoch.
package struct StageIdentity: Sendable {
    package let stage: StageName
    package let run: RunName
    package let epoch: UInt64
    package let signing: SigningKey
    package let dials: Set<StageName>
    private let signers: Signers

    private enum Signers {
        /// They stay as they are.
        case fixed([StageName: VerifyingKey])
        /// As the folder of cards has them at the time.
        case live(Keyring)
    }

    /// - Parameter keys: the verifying keys of all stages of the federation.
    package init(
        stage: StageName, run: RunName, epoch: UInt64, signing: SigningKey, dials: Set<StageName>,
        keys: [StageName: VerifyingKey]
    ) {
        (self.stage, self.run, self.epoch, self.signing, self.dials) = (stage, run, epoch, signing, dials)
        signers = .fixed(keys)
    }

    package init(
        stage: StageName, run: RunName, epoch: UInt64, signing: SigningKey, dials: Set<StageName>, keyring: Keyring
    ) {
        (self.stage, self.run, self.epoch, self.signing, self.dials) = (stage, run, epoch, signing, dials)
        signers = .live(keyring)
    }

    /// The keys of all stages that count now.
    package var keys: [StageName: any SignatureVerifier] {
        switch signers {
        case .fixed(let keys): keys
        case .live(let keyring): keyring.now.cards.mapValues { SignerKeys($0.map(\.verifying)) }
        }
    }

    /// Of the cards that count now: `STAGE FINGERPRINT`, in order.
    var fingerprints: [String] {
        switch signers {
        case .fixed(let keys): keys.keys.sorted().map(\.description)
        case .live(let keyring):
            keyring.now.cards.values.joined().map { "\($0.stage) \($0.fingerprint)" }.sorted()
        }
    }

    /// Whoever may sign for a stage now. Throws where no card of it is here, or none that counts.
    package func key(of stage: StageName) throws -> any SignatureVerifier {
        let key: (any SignatureVerifier)? =
            switch signers {
            case .fixed(let keys): keys[stage]
            case .live(let keyring): keyring.now.signer(stage)
            }
        guard let key else { throw MessageFault(reason: "no public key of \(stage) that counts is known here") }
        return key
    }

    /// The same with the keys that have been revoked: for what lies in the journal, which was believed when it came.
    package func everKey(of stage: StageName) throws -> any SignatureVerifier {
        let key: (any SignatureVerifier)? =
            switch signers {
            case .fixed(let keys): keys[stage]
            case .live(let keyring): keyring.now.everSigner(stage)
            }
        guard let key else { throw MessageFault(reason: "no public key of \(stage) is known here") }
        return key
    }

    func message(
        _ kind: MessageKind, sequence: UInt64 = 0, transfer: TransferName? = nil, first: Int = 0, end: Int = 0,
        document: [UInt8] = [], signature: [UInt8] = [], bulk: [UInt8] = []
    ) -> WireMessage {
        WireMessage(
            kind, from: stage, epoch: epoch, sequence: sequence, transfer: transfer, first: first, end: end,
            document: document, signature: signature, bulk: bulk)
    }
}

/// A peer's mistake that is not one of form.
struct MessageFault: Error {
    let reason: String
}
