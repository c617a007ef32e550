import Configuration
import Testing

@Suite("Quantities, paths and suggestions")
struct QuantityTests {
    @Test("durations carry a unit")
    func durations() {
        #expect(Quantity.duration("250ms") == .milliseconds(250))
        #expect(Quantity.duration("1.5s") == .milliseconds(1500))
        #expect(Quantity.duration("10m") == .seconds(600))
        #expect(Quantity.duration("2 h") == .seconds(7200))
        for text in ["", "s", "10", "10 parsecs", "-5s", "1e3s", ".5s", "5.s", "1.2.3s", "99999999999999999999s"] {
            #expect(Quantity.duration(text) == nil, "\(text)")
        }
    }

    @Test("sizes carry a unit: kB counts thousands, KiB counts 1024")
    func sizes() {
        #expect(Quantity.byteSize("512B") == 512)
        #expect(Quantity.byteSize("500kB") == 500_000)
        #expect(Quantity.byteSize("64MiB") == 67_108_864)
        #expect(Quantity.byteSize("1.5GiB") == 1_610_612_736)
        for text in ["", "64", "64mb", "0.3B", "-1kB", "9999999999TiB"] {
            #expect(Quantity.byteSize(text) == nil, "\(text)")
        }
    }

    @Test("paths are taken from a folder and lose their . and .. parts")
    func paths() {
        #expect(FilePath.resolve("../configs/a.yaml", in: "/srv/topology") == "/srv/configs/a.yaml")
        #expect(FilePath.resolve("./a", in: "topology") == "topology/a")
        #expect(FilePath.resolve("../../a", in: "x") == "../a")
        #expect(FilePath.resolve("/etc/a", in: "/srv") == "/etc/a")
        #expect(FilePath.resolve("../../..", in: "/srv") == "/")
        #expect(FilePath.folder(of: "a.yaml") == ".")
    }

    @Test("a suggestion is near, or there is none")
    func suggestions() {
        #expect(Suggestion.nearest(to: "agregate", among: ["aggregate", "publish"]) == "aggregate")
        #expect(Suggestion.nearest(to: "Local-Train", among: ["local-train", "ingest"]) == "local-train")
        #expect(Suggestion.nearest(to: "banana", among: ["aggregate", "publish"]) == nil)
    }
}
