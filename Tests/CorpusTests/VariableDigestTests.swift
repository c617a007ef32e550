import Corpus
import Sodium
import Testing

@Suite("The digest of the variables")
struct VariableDigestTests {
    private func table(
        unit: String = "mg/dL", bounds: ClosedRange<Double> = 0.1...20, edges: [Double] = [-1, 0.5],
        conversions: [String: Variable.Conversion] = ["umol/L": .factor(0.0113), "F": .fahrenheit]
    ) -> VariableTable {
        VariableTable(
            variables: [
                Variable(
                    name: "creatinine", unit: unit, range: bounds, normal: 1, transform: .log, missing: .normal,
                    conversions: conversions),
                Variable(name: "age", unit: "", range: 0...120, normal: 60),
            ], edges: edges)
    }

    @Test("Is over the encoding of the protocol, byte for byte")
    func encoding() {
        // Written by hand from docs/protocol.md: -1 is bff0..., 0.5 is 3fe0..., and 46 is "F".
        let expected = [
            "variables 1",
            "edges\tbff0000000000000\t3fe0000000000000",
            "creatinine\t6d672f644c\t3fb999999999999a\t4034000000000000\t3ff0000000000000\tlog\tnormal\t46=fahrenheit"
                + "\t756d6f6c2f4c*3f872474538ef34d",
            "age\t\t0\t405e000000000000\t404e000000000000\tnone\tskip",
        ].map { "\($0)\n" }.joined()
        #expect(String(decoding: table().canonicalEncoding, as: UTF8.self) == expected)
        #expect(table().digest == Digest(of: Array(expected.utf8)))
    }

    @Test("Changes with every part of the table, and with nothing else")
    func parts() {
        let others = [
            table(unit: "mg/dl"), table(bounds: 0.1...21), table(edges: [-1, 0.25]), table(conversions: [:]),
            table(conversions: ["umol/L": .factor(0.0114), "F": .fahrenheit]),
            // What runs into its neighbour in a printed form.
            table(unit: "mg/dL\t3fb999999999999a"), table(unit: "mg/dL 0.1"),
        ]
        #expect(Set(others.map(\.digest) + [table().digest]).count == others.count + 1)
        #expect(table(conversions: ["F": .fahrenheit, "umol/L": .factor(0.0113)]).digest == table().digest)
    }
}
