package import Federation
package import Sodium

/// Who a stage is and whom it knows: keys, hubs that it dials, its epoch.
package struct StageIdentity: Sendable {
    package let stage: StageName
    package let run: RunName
    package let epoch: UInt64
    package let signing: SigningKey
    package let dials: Set<StageName>
    /// The verifying keys of all stages of the federation.
    package let keys: [StageName: VerifyingKey]

    package init(
        stage: StageName, run: RunName, epoch: UInt64, signing: SigningKey, dials: Set<StageName>,
        keys: [StageName: VerifyingKey]
    ) {
        self.stage = stage
        self.run = run
        self.epoch = epoch
        self.signing = signing
        self.dials = dials
        self.keys = keys
    }

    /// Throws where the stage has no card here.
    package func key(of stage: StageName) throws -> VerifyingKey {
        guard let key = keys[stage] else { throw MessageFault(reason: "no public key of \(stage) is known here") }
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
