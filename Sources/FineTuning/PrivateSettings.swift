package import Federation
package import Tokenization

/// How steps of training are made so that no unit, a record or a patient, moves them by more than noise hides (DP-SGD: Abadi et al. 2016,
/// arXiv 1607.00133).
package struct PrivateSettings: Hashable, Sendable {
    /// The records of each unit.
    package let units: [[Int]]
    package let clip: Double
    package let noise: Double
    package let rate: Double
    /// What a step's sum is divided by: the units that take part in it on the average, of their bucketed number.
    package let expected: Double

    package init(
        units: [[Int]], clip: Double, noise: Double, rate: Double
    ) throws(FineTuningError) {
        guard !units.isEmpty, units.allSatisfy({ !$0.isEmpty }) else {
            throw .setting("expected records for each unit")
        }
        guard clip > 0, clip.isFinite, noise >= 0, noise.isFinite, rate > 0, rate <= 1 else {
            throw .setting("expected a clip above 0, noise of at least 0 and a rate of at most 1")
        }
        self.units = units
        self.clip = clip
        self.noise = noise
        self.rate = rate
        expected = rate * Double(Weight.bucket(units.count))
    }

    package init(_ plan: PrivacyPlan.Steps, _ shard: TokenShard) throws(FineTuningError) {
        let units: [[Int]]
        switch plan.unit {
        case .record: units = (0..<shard.count).map { [$0] }
        case .patient:
            guard let patients = shard.patient else {
                throw .setting(
                    "the records do not say which patient they are of, so patients cannot be protected: let ingest make the shards anew, as one shard a split, or take `unit: record`"
                )
            }
            var records = [[Int]](repeating: [], count: (patients.max().map(Int.init) ?? -1) + 1)
            for (record, patient) in patients.enumerated() { records[Int(patient)].append(record) }
            units = records.filter { !$0.isEmpty }
        }
        try self.init(units: units, clip: plan.clip, noise: plan.noise, rate: plan.rate)
    }
}
