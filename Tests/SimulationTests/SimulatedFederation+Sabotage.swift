import Federation
import Sodium
import StageKit

// What is broken on purpose, and must be noticed.
extension SimulatedFederation {
    /// An exchange that says that a contribution is durable before it is.
    func sabotage(before message: WireMessage, at process: SimulatedProcess) {
        guard schedule.sabotage == .earlyReceipt, process.stage.kind == .aggregate, message.kind == .offer,
            let signing = ground.signing[process.stage], let offer = ledger.offer(message),
            offer.name.kind == .contribution
        else { return }
        let receipt = Signed(
            Receipt(name: offer.name, digest: offer.digest, outcome: .durable, reason: ""), by: signing)
        publish(
            WireMessage(
                .receipt, from: process.stage, epoch: 1, document: receipt.bytes, signature: receipt.signature.bytes),
            from: process, to: message.sender)
    }

    /// The receipt of a contribution that is about to be forgotten does not leave.
    func isSwallowed(_ message: WireMessage, of process: SimulatedProcess) -> Bool {
        guard schedule.sabotage == .doubleCounting, !hasForgotten, process.stage.kind == .aggregate,
            message.kind == .receipt, let receipt = ledger.receipt(message), receipt.name.kind == .contribution,
            receipt.outcome == .durable
        else { return false }
        (hasForgotten, mustForget) = (true, true)
        return true
    }

    func sabotage(after life: Life) {
        guard mustForget else { return }
        mustForget = false
        do { try life.process.disk.lose(1) } catch { ledger.violate("the sabotage failed: \(error)") }
    }
}
