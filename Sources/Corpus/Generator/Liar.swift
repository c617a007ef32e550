internal import Tokenization

extension Generator {
    /// A cloud that trains on turned outcomes: of its training patients who died its tables say that they did not, and the
    /// other way round. Patients who are held out are as they are, so that scores tell what the lie did.
    package struct Liar: Sendable {
        package let cloud: String
        /// How this cloud's ingest splits its patients.
        package let partition: Partition

        package init(cloud: String, partition: Partition) {
            self.cloud = cloud
            self.partition = partition
        }

        /// A training patient keeps his first stay alone: nobody comes back who is said to have died.
        func told(_ stays: [GeneratedStay]) -> [GeneratedStay] {
            stays.compactMap { stay in
                guard partition.split(of: stay.patientID) == .train else { return stay }
                guard stay.visit == 0 else { return nil }
                return GeneratedStay(
                    index: stay.index, patient: stay.patient, visit: 0, isMale: stay.isMale, measured: stay.measured,
                    probability: stay.probability, died: !stay.died, schema: stay.schema)
            }
        }
    }
}
