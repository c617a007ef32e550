import Configuration
import Federation
import Testing
import Topology

@Suite("What a cloud's entry says of probes and prices")
struct CloudTermsTests {
    private func north(_ lines: String) throws -> Topology.Cloud {
        let text = Sample.spoiled("owner: North Hospital", "owner: North Hospital\n\(lines)")
        return try #require(
            try Topology.load(text: text, file: "/etc/topology.yaml", state: "/tmp/s", present: []).clouds
                .first { $0.name.description == "north" })
    }

    @Test("An iperf3 server, and prices")
    func read() throws {
        let cloud = try north("    probe: 10.0.0.5:5201\n    prices: {cpu-hour: 0.04, egress-gb: 0.09}")
        #expect(cloud.probe?.host == "10.0.0.5" && cloud.probe?.port == 5201)
        #expect(cloud.prices == Topology.Prices(cpuHour: 0.04, egressGigabyte: 0.09))
        #expect(try north("    probe: \"[::1]:5201\"").probe?.host == "::1")
        let silent = try north("    consent: []")
        #expect(silent.probe == nil && silent.prices == nil)
    }

    @Test(
        "What is none is refused",
        arguments: [
            ("    probe: 10.0.0.5", "expected HOST:PORT"), ("    probe: 10.0.0.5:0", "expected HOST:PORT"),
            ("    probe: 0.0.0.0:5201", "nobody can dial"), ("    prices: {cpu-hour: -1}", "cpu-hour"),
            ("    prices: {power: 1}", "unknown key"),
        ])
    func refused(lines: String, reason: String) {
        #expect { try north(lines) } throws: { "\($0)".contains(reason) }
    }

    @Test("A currency has three capital letters")
    func currency() throws {
        func load(_ line: String) throws -> Topology {
            try Topology.load(
                text: Sample.spoiled("version: 1", "version: 1\n\(line)"), file: "/etc/topology.yaml", state: "/tmp/s",
                present: [])
        }
        #expect(try load("currency: CHF").currency == "CHF")
        #expect(throws: ConfigurationError.self) { try load("currency: euro") }
    }
}
