import Federation
import Monitoring
import Sodium
import StageKit
import Topology

// Clouds that the topology has since the newest adapter was sent out, and those that it has no more.
extension PublishStage {
    /// A cloud that has come later needs the adapter that the next round starts from.
    func sendAdapterToNewcomers() throws {
        let trainers = topology.dataClouds.map { StageName(cloud: $0, kind: .localTrain) }
        try context.journal.note { try $0.cancelDepartures(to: .localTrain, but: trainers) }
        guard model.round.value > 0, let release = releases.of(model.round),
            releases.last?.content.isFinal != true
        else { return }
        let name = adapterName(model.round)
        let newcomers = try context.journal.read { entry in
            try trainers.filter { try entry.departureState(name, to: $0) == nil }
        }
        guard !newcomers.isEmpty else { return }
        let spooled = context.spoolPath(for: name)
        try SpoolFile(reading: model.current.path).link(as: spooled)
        let payload = Payload.file(path: spooled, count: model.current.count * 4)
        let offer = context.offer(
            name, payload: payload, digest: model.digest, about: AdapterAbout(release: release.digest))
        try context.send(newcomers.map { Departure(offer: offer, receiver: $0, payload: payload) })
        context.log.tell(.adapterSent, round: model.round, [.receivers: .list(newcomers.map { .name($0.cloud) })])
    }
}
