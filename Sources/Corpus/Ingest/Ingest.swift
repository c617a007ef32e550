package import Federation
package import Sodium
package import Tokenization

/// Ingest step by step, without a socket: open, harmonise, take part in the statistics round with what `statistics` gives,
/// and with the released sums write records and shards.
package struct Ingest {
    package let configuration: IngestConfiguration
    package let variables: VariableTable
    package let mapping: Mapping

    /// Reads and checks the files that the configuration names; tables are not touched yet.
    package init(_ configuration: IngestConfiguration) throws {
        self.configuration = configuration
        variables = try VariableTable.read(at: configuration.variables)
        mapping = try Mapping.read(at: configuration.mapping, variables: variables)
    }

    /// Opens every table that the mapping wants and looks for its columns; reads no row.
    ///
    /// - Throws: what `harmonise` would before its first row.
    package func rehearse() throws {
        let folder = try TableFolder(path: configuration.tables, isOfHeaders: true)
        _ = try Harmoniser(mapping: mapping, variables: variables).harmonise(folder, keep: configuration.keep)
    }

    /// Streams the tables once.
    package func harmonise() throws -> Harmonised {
        let folder = try TableFolder(path: configuration.tables)
        let (stays, counts) = try Harmoniser(mapping: mapping, variables: variables)
            .harmonise(folder, keep: configuration.keep)
        guard !stays.isEmpty else { throw IngestError.emptyCohort(folder: configuration.tables) }
        return Harmonised(
            stays: stays, counts: counts, variables: variables, partition: configuration.partition,
            mapping: mapping.name)
    }
}

/// A cloud's stays, split by patient. Never leaves the cloud.
package struct Harmonised: Sendable {
    package let stays: [Stay]
    package let counts: IngestCounts
    package let variables: VariableTable
    package let partition: Partition
    /// The mapping's name.
    package let mapping: String

    package init(stays: [Stay], counts: IngestCounts, variables: VariableTable, partition: Partition, mapping: String) {
        self.stays = stays
        self.counts = counts
        self.variables = variables
        self.partition = partition
        self.mapping = mapping
    }

    package func stays(in split: TokenShard.Split) -> [Stay] {
        stays.filter { partition.split(of: $0.patient) == split }
    }

    /// What this cloud adds to the statistics round, over its training stays: in the order of `StatisticsVector.layout`.
    package var statistics: [Double] { StatisticsVector.values(of: stays(in: .train), variables: variables) }

    package func statisticsLayout(bits: Int) throws -> VectorLayout {
        try StatisticsVector.layout(of: variables, bits: bits)
    }

    /// Names exactly what the statistics and the shards are made of: statistics run once for each digest.
    package var digest: Digest {
        let hasher = Digest.Hasher()
        hasher.update(Array("\(variables.digest) \(partition)\n".utf8))
        for stay in stays {
            hasher.update(Array("\(stay.id.utf8.count) \(stay.id) \(stay.patient.utf8.count) \(stay.patient) ".utf8))
            let values = stay.values.map { $0.isNaN ? "-" : String($0.bitPattern, radix: 16) }
            hasher.update(Array("\(values.joined(separator: " ")) \(stay.died)\n".utf8))
        }
        return hasher.finish()
    }

    /// In the order of the stays.
    package func records(in split: TokenShard.Split, standardisation: Standardisation) -> [TextRecord] {
        stays(in: split).map { TextRecord($0, standardisation: standardisation) }
    }

    /// Who of the cloud's workers trains on whom.
    ///
    /// - Parameter shares: of the training stays, one for each worker, above 0.
    /// - Throws: `IngestError.fewPatients`.
    package func placement(shares: [Double]) throws -> PatientPlacement {
        try PatientPlacement(stays(in: .train), ranked: partition, shares: shares)
    }

    /// One shard for each split that has a stay.
    package func shards(
        standardisation: Standardisation, encoder: some RecordEncoder, cloud: CloudName
    ) throws -> [TokenShard] {
        try TokenShard.Split.allCases.compactMap {
            try shard(of: stays(in: $0), $0, standardisation: standardisation, encoder: encoder, cloud: cloud)
        }
    }

    /// The same for each of several workers, in the order of the placement: its training records, and at the first all that are held
    /// out.
    package func shards(
        placed placement: PatientPlacement, standardisation: Standardisation, encoder: some RecordEncoder,
        cloud: CloudName
    ) throws -> [[TokenShard]] {
        try placement.records.indices.map { worker in
            try TokenShard.Split.allCases.compactMap { split in
                let stays = stays(in: split).filter {
                    split == .train ? placement.place(of: $0.patient) == worker : worker == 0
                }
                return try shard(of: stays, split, standardisation: standardisation, encoder: encoder, cloud: cloud)
            }
        }
    }

    /// Nil of no stays.
    private func shard(
        of stays: [Stay], _ split: TokenShard.Split, standardisation: Standardisation, encoder: some RecordEncoder,
        cloud: CloudName
    ) throws -> TokenShard? {
        let examples = try stays.map { try encoder.encode(TextRecord($0, standardisation: standardisation)) }
        guard !examples.isEmpty else { return nil }
        var numbers: [String: Int32] = [:]
        let patients = stays.map { stay -> Int32 in
            let number = numbers[stay.patient] ?? Int32(numbers.count)
            numbers[stay.patient] = number
            return number
        }
        return try TokenShard(
            examples: examples.map(\.tokens), answer: examples.map { Int32($0.answer) },
            label: examples.map { $0.died ? 1 : 0 }, patient: patients, split: split,
            tokenizer: encoder.tokenizerDigest,
            cloud: cloud.description)
    }
}
