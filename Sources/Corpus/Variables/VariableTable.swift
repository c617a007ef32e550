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

    /// Names the table in reports and releases: BLAKE2b over its canonical encoding (docs/protocol.md, "Variables").
    package var digest: Digest { Digest(of: canonicalEncoding) }

    /// One line for each number list and each variable, fields apart by a tab. Numbers are the 64 bits of their IEEE 754
    /// double in hexadecimal, names of units hexadecimal too: nothing depends on how a language prints.
    package var canonicalEncoding: [UInt8] {
        func number(_ value: Double) -> String { String(value.bitPattern, radix: 16) }
        func text(_ value: String) -> String { Hex.encode(Array(value.utf8)) }
        var lines = ["variables 1", "edges" + edges.map { "\t\(number($0))" }.joined()]
        for variable in variables {
            var fields = [
                variable.name, text(variable.unit), number(variable.range.lowerBound),
                number(variable.range.upperBound), number(variable.normal), variable.transform.rawValue,
                variable.missing.rawValue,
            ]
            let conversions = variable.conversions.map { (Array($0.key.utf8), $0.value) }
            for (unit, conversion) in conversions.sorted(by: { $0.0.lexicographicallyPrecedes($1.0) }) {
                switch conversion {
                case .factor(let factor): fields.append("\(Hex.encode(unit))*\(number(factor))")
                case .fahrenheit: fields.append("\(Hex.encode(unit))=fahrenheit")
                }
            }
            lines.append(fields.joined(separator: "\t"))
        }
        return Array(lines.map { "\($0)\n" }.joined().utf8)
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
