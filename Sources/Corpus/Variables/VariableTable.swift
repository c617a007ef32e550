package import Configuration
package import Sodium

/// The harmonised variables in their fixed order, and the edges that cut z-scores into bins: the same file in every cloud,
/// because the order of the statistics vector and of the tokens follows from it.
package struct VariableTable: Sendable, Hashable {
    package static let maximumCount = 256

    package let variables: [Variable]
    /// Ascending; a z-score at or above edge i and below edge i + 1 lies in bin i + 1.
    package let edges: [Double]
    private let places: [String: Int]

    package init(variables: [Variable], edges: [Double]) {
        self.variables = variables
        self.edges = edges
        places = Dictionary(variables.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package var count: Int { variables.count }
    package var binCount: Int { edges.count + 1 }

    package func index(of name: String) -> Int? { places[name] }

    package func bin(_ z: Double) -> Int { edges.firstIndex { z < $0 } ?? edges.count }

    /// Names the table in reports and releases: BLAKE2b over its canonical text.
    package var digest: Digest {
        var text = "edges \(edges)\n"
        for variable in variables {
            let conversions = variable.conversions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            text += "\(variable.name) \(variable.unit) \(variable.range) \(variable.normal) \(variable.transform) "
            text += "\(variable.missing) \(conversions)\n"
        }
        return Digest(of: Array(text.utf8))
    }
}

extension VariableTable: Configurable {
    package static func read(at path: String) throws -> VariableTable { try ConfigurationFile.read(at: path) }

    package init(from file: Section) throws {
        _ = file.int("version", in: 1...1)
        let edges = file.required("edges").list(count: 1...31) { $0.double(in: -10...10) }
        if edges != edges.sorted() || Set(edges).count != edges.count {
            file.refuse("edges", "expected ascending numbers")
        }
        let variables = file.required("variables").list(count: 1...VariableTable.maximumCount) {
            try $0.section(as: Variable.self)
        }
        var seen: Set<String> = []
        for variable in variables where !seen.insert(variable.name).inserted {
            file.refuse("variables", "\"\(variable.name)\" is there twice")
        }
        self.init(variables: variables, edges: edges)
    }
}
