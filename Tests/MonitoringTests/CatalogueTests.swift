import Federation
import Monitoring
import Testing

@Suite("Catalogue of events")
struct CatalogueTests {
    @Test("Names are unique snake_case words, each event says when it is told, each field what it says")
    func isWellFormed() {
        let names = Catalogue.kinds.map(\.name)
        #expect(Set(names).count == names.count)
        for kind in Catalogue.kinds {
            #expect(kind.name.allSatisfy { ($0.isLowercase && $0.isASCII) || $0 == "_" }, "\(kind.name)")
            #expect(kind.when.hasSuffix("."), "\(kind.name)")
            #expect(Set(kind.fields.map(\.name)).count == kind.fields.count, "\(kind.name)")
            for field in kind.fields { #expect(!field.text.isEmpty, "\(kind.name).\(field.name)") }
            for phase in kind.phases { #expect(kind.fields.contains(phase.length), "\(kind.name)") }
        }
    }

    @Test("No field has the name of a part of the envelope, and one in seconds or bytes says so in its name")
    func fieldNames() {
        let envelope: Set = [
            "time", "level", "event", "version", "run", "cloud", "stage", "epoch", "sequence", "round", "trace",
        ]
        for field in Catalogue.kinds.flatMap(\.fields) {
            #expect(!envelope.contains(field.name), "\(field.name)")
            if let unit = field.unit { #expect(field.name.contains(unit), "\(field.name)") }
        }
    }

    @Test("An undeclared field, a wrong type, another level, and an unknown name are each named")
    func findsFaults() throws {
        let lines = Lines()
        let log = try EventLog.ofEncrypt(write: lines.write)
        log.tell(.roundJoined, [.purpose: .text("update")])
        log.tell(.roundJoined, [.bytes: .number(1)])
        log.tell(.roundJoined, [.purpose: .number(1)])
        log.tell(EventKind("round_joined", .error, "."))
        log.tell(EventKind("no_such_event", .info, "."))
        let faults = try lines.events().map(Catalogue.faults)
        #expect(faults[0].isEmpty && faults.dropFirst().allSatisfy { $0.count == 1 })
        #expect(faults[1][0].contains("bytes") && faults[4][0].contains("no_such_event"))
    }
}
