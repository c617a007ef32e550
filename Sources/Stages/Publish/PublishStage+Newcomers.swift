import Federation
import Monitoring
import Sodium
import StageKit
import Topology

// Clouds that the topology has since the newest adapter was sent out, and those that it has no more.
extension PublishStage {
    /// A cloud that has come later needs the adapter that the next round starts from.
    func sendAdapterToNewcomers() throws {
        let trainers = topology.trainers
        try context.journal.note { try $0.cancelDepartures(to: .localTrain, but: trainers) }
        guard model.round.value > 0, releases.last?.content.isFinal != true else { return }
        let names = [adapterName(model.round), adapterName(model.round, part: 1)]
        let states = try context.journal.read { entry in
            try trainers.map { trainer in try names.map { try entry.departureState($0, to: trainer) } }
        }
        // Who refused a change and was not sent the whole, as this stage was killed in between, is sent it now.
        try sendAdapter(
            to: zip(trainers, states).filter { $1[0] == nil && ($1[1] == nil || $1[1] == "refused") }.map(\.0))
    }
}
