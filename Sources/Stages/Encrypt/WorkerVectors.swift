import Encryption
import Federation
import StageKit

/// The vectors of a round as they come from the cloud's workers, all over one partition of its records. Ingest's, and that of a cloud of
/// one worker, is one of these.
struct WorkerVectors: Sendable {
    private struct Vector {
        let arrival: Arrival
        let about: VectorAbout
    }

    /// By ascending ordinal.
    private var vectors: [Vector] = []

    var count: Int { vectors.count }
    var arrivals: [Arrival] { vectors.map(\.arrival) }
    /// Over which they were trained; nil where there is none yet, or nothing is shared out.
    var partition: WorkerPartition? { vectors.first?.about.partition }

    func isFree(for worker: StageName) -> Bool { !vectors.contains { $0.arrival.peer == worker } }

    /// - Returns: those that are over an older partition than another: they cannot be counted.
    mutating func take(_ arrival: Arrival, _ about: VectorAbout) -> [Arrival] {
        vectors.append(Vector(arrival: arrival, about: about))
        vectors.sort { $0.arrival.peer < $1.arrival.peer }
        let newest = vectors.compactMap(\.about.partition?.number).max()
        let outdated = vectors.filter { $0.about.partition?.number != newest }
        vectors.removeAll { $0.about.partition?.number != newest }
        return outdated.map(\.arrival)
    }

    /// What they say together; nil where there is none.
    var said: VectorAbout? {
        guard let first = vectors.first?.about else { return nil }
        return VectorAbout(
            opening: first.opening, records: vectors.reduce(0) { $0 + $1.about.records }, loss: first.loss,
            trained: vectors.compactMap(\.about.trained).max(), base: first.base, unit: first.unit,
            partition: first.partition)
    }

    /// What each worker did, of a round that several have trained in.
    func works(in opening: Opening, cloud: CloudName) -> [SpeedsAbout.Work]? {
        guard vectors.count > 1, let training = opening.training,
            let batches = partition?.batches(of: training.batchSize)
        else { return nil }
        let works = zip(vectors, batches).compactMap { vector, batch in
            vector.about.trained.map {
                SpeedsAbout.Work(
                    worker: vector.arrival.peer.ordinal, examples: batch * training.steps(of: cloud),
                    milliseconds: Int($0))
            }
        }
        return works.count == vectors.count ? works : nil
    }

    /// Lends the round's vector: what came, or of several the mean by their parts of the batch, which is overwritten afterwards.
    func withVector<Result>(
        of opening: Opening, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard vectors.count > 1, let training = opening.training,
            let batches = partition?.batches(of: training.batchSize)
        else {
            guard let only = vectors.first else { throw EncryptionError.wrongValueCount(expected: 1, found: 0) }
            return try only.arrival.payload.withBytes(body)
        }
        var mean = try withBytes(arrivals.map(\.payload)[...], []) { try WorkerMean.of($0, batches: batches) }
        defer { for index in mean.indices { mean[index] = 0 } }
        return try mean.withUnsafeBytes(body)
    }

    private func withBytes<Result>(
        _ payloads: ArraySlice<Payload>, _ lent: [UnsafeRawBufferPointer],
        _ body: ([UnsafeRawBufferPointer]) throws -> Result
    ) throws -> Result {
        guard let first = payloads.first else { return try body(lent) }
        return try first.withBytes { try withBytes(payloads.dropFirst(), lent + [$0], body) }
    }
}
