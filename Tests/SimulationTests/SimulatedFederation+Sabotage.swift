import Federation
import Foundation
import Sodium
import StageKit
import Topology

// What is broken on purpose, and must be noticed.
extension SimulatedFederation {
    /// An exchange that says that a contribution is durable before it is, or that takes none of one cloud.
    ///
    /// - Returns: whether the message is delivered.
    func sabotage(before message: WireMessage, at process: SimulatedProcess) -> Bool {
        guard schedule.sabotage == .earlyReceipt || schedule.sabotage == .lostContribution,
            process.stage.kind == .aggregate, message.kind == .offer,
            let signing = ground.signing[process.stage], let offer = ledger.offer(message),
            offer.name.kind == .contribution
        else { return true }
        let isLost = schedule.sabotage == .lostContribution
        guard !isLost || offer.name.cloud.description == Schedule.cloudNames[0] else { return true }
        let receipt = Signed(
            Receipt(name: offer.name, digest: offer.digest, outcome: .durable, reason: ""), by: signing)
        publish(
            WireMessage(
                .receipt, from: process.stage, epoch: 1, document: receipt.bytes, signature: receipt.signature.bytes),
            from: process, to: message.sender)
        return !isLost
    }

    /// What is left on the disks is spoiled before it is judged.
    func spoilWhatIsLeft() throws {
        switch schedule.sabotage {
        case .wrongBit:
            let folder = ground.topology.stateFolder(of: ground.topology.publish)
            guard let last = ledger.published.releases.last(where: { $0.content.purpose == .update }) else { return }
            let path = "\(folder)/adapter-\(last.content.round).f32"
            var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            bytes[bytes.count / 2] ^= 1
            try Data(bytes).write(to: URL(fileURLWithPath: path))
        case .twoSums:
            guard let process = processes.first(where: { $0.stage.kind == .encrypt }) else { return }
            try process.disk.journal.write { entry in
                guard let key = try entry.factKeys(under: Judgement.openedPrefix).first,
                    let bytes = try entry.fact(Judgement.openedPrefix + key)
                else { return }
                let sum = try OpenedSum(bytes: bytes)
                let opening = ledger.published.openings.first { $0.content.round == sum.round }
                guard let opening = opening?.content else { return }
                let other = OpenedSum(opening, sum: Digest(of: sum.sum.bytes), clouds: sum.clouds, bases: sum.bases)
                try entry.setFact(Judgement.openedPrefix + key, other.bytes)
            }
        default: break
        }
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
