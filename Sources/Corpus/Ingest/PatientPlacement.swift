/// Which worker of a cloud trains on which patients: their ranking by the split's own hash (`Partition.rank(of:)`), cut where the
/// shares add up. So all stays of a patient lie at one worker, whatever the order of rows, and shares that change a little move
/// the patients next to a cut alone. Held-out records are not cut.
package struct PatientPlacement: Sendable {
    /// The training stays of each worker, in the order of the shares.
    package let records: [Int]
    private let worker: [String: Int]

    /// - Parameters:
    ///   - stays: of the training split.
    ///   - partition: of this cloud: its salt is what ranks.
    ///   - shares: of the training stays, one for each worker, above 0; only what they are of their sum matters. A worker has more or
    ///     less than its share by half the stays of each of the patients next to its cuts at most, and one patient at least.
    /// - Throws: `IngestError.fewPatients`.
    package init(_ stays: [Stay], ranked partition: Partition, shares: [Double]) throws(IngestError) {
        var counts: [String: Int] = [:]
        for stay in stays { counts[stay.patient, default: 0] += 1 }
        guard !shares.isEmpty, counts.count >= shares.count else {
            throw .fewPatients(found: counts.count, workers: shares.count)
        }
        let ranked = counts.keys.map { (rank: partition.rank(of: $0), patient: $0) }.sorted {
            $0.rank != $1.rank ? $0.rank.lexicographicallyPrecedes($1.rank) : $0.patient < $1.patient
        }.map(\.patient)
        // Stays of the patients before each place.
        var before = [0]
        for patient in ranked { before.append(before[before.count - 1] + (counts[patient] ?? 0)) }
        let total = shares.reduce(0, +)
        var cuts = [0]
        var share = 0.0
        for index in shares.indices.dropLast() {
            share += shares[index]
            let wanted = Double(stays.count) * share / total
            // One patient at least for each worker before and behind the cut.
            let places = cuts[index] + 1...ranked.count - (shares.count - index - 1)
            let nearest = places.min { abs(Double(before[$0]) - wanted) < abs(Double(before[$1]) - wanted) }
            cuts.append(nearest ?? places.lowerBound)
        }
        cuts.append(ranked.count)
        records = shares.indices.map { before[cuts[$0 + 1]] - before[cuts[$0]] }
        worker = Dictionary(
            uniqueKeysWithValues: shares.indices.flatMap { index in
                ranked[cuts[index]..<cuts[index + 1]].map { ($0, index) }
            })
    }

    /// The place among the shares of the worker that trains on a patient; nil for one who is not trained on.
    package func place(of patient: String) -> Int? { worker[patient] }
}
