internal import Configuration

extension Topology {
    /// The JSON Schema of a topology file, derived from its reader.
    package static var schema: String {
        SchemaDerivation.schema(title: "Tributary topology") { _ = TopologyFile(from: $0) }
    }
}
