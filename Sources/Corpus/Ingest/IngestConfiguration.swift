package import Configuration

/// What ingest's config file says: where the tables lie, how they are read, and who is tested on.
package struct IngestConfiguration: Sendable {
    /// The folder of tables; it may be made after the config is checked.
    package let tables: String
    package let variables: String
    package let mapping: String
    /// Narrows the cohort further than the mapping does: attribute to allowed values.
    package let keep: [String: Set<String>]
    package let partition: Partition

    package init(
        tables: String, variables: String, mapping: String, keep: [String: Set<String>] = [:], partition: Partition
    ) {
        self.tables = tables
        self.variables = variables
        self.mapping = mapping
        self.keep = keep
        self.partition = partition
    }
}

extension IngestConfiguration: Configurable {
    package init(from file: Section) throws {
        tables = file.path("tables", about: "the folder of tables")
        variables = file.path(
            "variables", kind: .file, about: "the federation's variables file: the same in every cloud, and at publish")
        mapping = file.path("mapping", kind: .file, about: "the mapping file of this cloud's schema")
        keep = Dictionary(
            file.entries(
                "keep", required: false,
                about: "attribute to allowed values: narrows the cohort further than the mapping does"
            ) { _, value in Set(value.list(count: 1...64) { $0.string() }) }
            .map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        partition = try file.section(
            "split", as: Partition.self, about: "who is trained on, validated on and tested on; by patient")
    }

    package static func read(at path: String) throws -> IngestConfiguration { try ConfigurationFile.read(at: path) }
}
