import Federation
import Monitoring
import Sodium
import StageKit
import Topology

// How a released adapter comes to the clouds: whole; or what an update has changed, as its sums or as the values in its places.
extension PublishStage {
    /// - Parameter part: 0 for a whole adapter, 1 for what a round has changed.
    func adapterName(_ round: RoundNumber, part: UInt32 = 0) -> TransferName {
        TransferName(run: context.run, kind: .adapter, round: round, cloud: context.stage.cloud, part: part)
    }

    func adapterDepartures(
        _ adapter: StoredVector, _ change: AdapterChange?, release: Digest, to receivers: [StageName]
    ) throws -> [Departure] {
        let name = adapterName(adapter.round, part: change == nil ? 0 : 1)
        let payload: Payload
        let digest: Digest
        var sums: AdapterAbout.Sums?
        switch change {
        case .values(let values):
            payload = try context.spool(values, for: name)
            digest = Digest(ofContent: values)
        case .sums(let made, let its, let about): (payload, digest, sums) = (made, its, about)
        case nil:
            payload = .file(path: context.spoolPath(for: name), count: adapter.count * 4)
            digest = adapter.digest
        }
        let offer = context.offer(
            name, payload: payload, digest: digest,
            about: AdapterAbout(
                release: release,
                change: change.map { _ in .init(from: model.round, whole: adapter.digest, sums: sums) }))
        return receivers.map { Departure(offer: offer, receiver: $0, payload: payload) }
    }

    /// Sends the newest adapter whole.
    func sendAdapter(to receivers: [StageName]) throws {
        guard !receivers.isEmpty, let release = releases.of(model.round) else { return }
        let spooled = context.spoolPath(for: adapterName(model.round))
        try SpoolFile(reading: model.current.path).link(as: spooled)
        try context.send(
            try adapterDepartures(model.current, nil, release: release.digest, to: receivers))
        context.log.tell(.adapterSent, round: model.round, [.receivers: .list(receivers.map { .name($0.cloud) })])
    }

    func receipted(_ delivery: Delivery) async throws {
        let name = delivery.name
        guard name.kind == .adapter, name.part == 1, delivery.outcome == .refused, name.round == model.round, !isDone
        else { return }
        // It has not the adapter that was changed: come late, or in another language.
        guard try context.journal.read({ try $0.departureState(adapterName(name.round), to: delivery.receiver) }) == nil
        else { return }
        try sendAdapter(to: [delivery.receiver])
    }
}
