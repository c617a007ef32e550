import Collectors
import Federation
import Foundation
import Glibc
import JSONText
import Monitoring
import Shipping
import Testing

@Suite("Shipping out of spools")
struct ShipperTests {
    private static func file(
        _ path: String, rotate: Int = 64 << 20, keep: Int = 3, name: String = "file", level: EventLevel = .debug
    ) -> SinkSpecification {
        SinkSpecification(name: name, level: level, target: .file(path: path, rotate: rotate, keep: keep))
    }

    private static func marks(_ path: String) throws -> [Stand.Mark] {
        let data = try Data(contentsOf: URL(filePath: path))
        return try data.split(separator: UInt8(ascii: "\n")).map { Stand.Mark(try EventLine.event($0)) }
    }

    @Test("A monitor that is started again goes on where the one before it was, with nothing missing and nothing twice")
    func goesOn() throws {
        let stand = try Stand()
        let path = "\(stand.folder)/events.jsonl"
        for count in [100, 1, 0, 300] {
            stand.tell(count)
            try stand.ship([Self.file(path)])
            stand.stopMonitor()
        }
        #expect(stand.expectAll(try Self.marks(path)) == 0)
    }

    @Test("A restart of the stage and another epoch of its spool go on in the same order")
    func epochs() throws {
        let stand = try Stand()
        let path = "\(stand.folder)/events.jsonl"
        stand.tell(20)
        try stand.ship([Self.file(path)])
        for stage in stand.stages { try stand.begin(stage, epoch: 2) }
        stand.tell(20)
        stand.stopMonitor()
        #expect(stand.expectAll(try Self.marks(path)) == 0)
    }

    @Test("A full file is moved aside as often as is asked for, lines stay whole, and what is kept is the newest")
    func rotation() throws {
        let stand = try Stand(stages: ["encrypt"])
        let path = "\(stand.folder)/events.jsonl"
        stand.tell(2000)
        try stand.ship([Self.file(path, rotate: 65_536, keep: 2)])
        stand.stopMonitor()
        let files = ["\(path).2", "\(path).1", path]
        #expect(access("\(path).3", F_OK) != 0)
        for file in files.dropLast() {
            let size = try Data(contentsOf: URL(filePath: file)).count
            #expect(size <= 65_536 && size > 60_000)
        }
        let kept = try files.flatMap(Self.marks)
        let told = stand.told[stand.stages[0], default: []].map { Stand.Mark($0) }
        #expect(kept == Array(told.suffix(kept.count)) && kept.count > 300 && kept.count < told.count)
    }

    @Test("A file that somebody else has moved away is made anew")
    func moved() throws {
        let stand = try Stand(stages: ["encrypt"])
        let path = "\(stand.folder)/events.jsonl"
        try stand.ship([Self.file(path)])
        stand.tell(10)
        try Equipment.wait("they are there") { access(path, F_OK) == 0 && stand.reading(.sinkEvents, "file") == 10 }
        #expect(rename(path, "\(path).old") == 0)
        stand.tell(10)
        stand.stopMonitor()
        stand.expectAll(try Self.marks("\(path).old") + Self.marks(path))
    }

    @Test("A sink that cannot be used holds up no other, and gets everything once it can")
    func independent() throws {
        let stand = try Stand()
        let (good, bad) = ("\(stand.folder)/good.jsonl", "\(stand.folder)/none/bad.jsonl")
        stand.tell(50)
        try stand.ship([Self.file(bad, name: "bad"), Self.file(good, name: "good")])
        try Equipment.wait("the good one has all") { stand.reading(.sinkEvents, "good") == 100 }
        try Equipment.wait("the bad one has failed") { stand.reading(.sinkFailures, "bad") > 0 }
        #expect(stand.reading(.sinkUp, "bad") == 0 && stand.reading(.sinkUp, "good") == 1)
        #expect(stand.notes.all.filter { $0.contains("bad of north") }.count == 1, "\(stand.notes.all)")
        #expect(mkdir("\(stand.folder)/none", 0o700) == 0)
        try Equipment.wait("the bad one has all") { stand.reading(.sinkEvents, "bad") == 100 }
        stand.stopMonitor()
        for path in [good, bad] { #expect(stand.expectAll(try Self.marks(path)) == 0) }
    }

    @Test(
        "What the spool had no room for is counted once, and told to the collector in its place; the rest is in order")
    func losses() throws {
        let stand = try Stand(stages: ["encrypt"], limit: 64 << 10)
        let folder = "\(stand.folder)/none"
        let path = "\(folder)/events.jsonl"
        #expect(mkdir(folder, 0o700) == 0)
        stand.tell(10)
        try stand.ship([Self.file(path)])
        try Equipment.wait("the first are there") { stand.reading(.sinkEvents, "file") == 10 }
        #expect(rename(folder, "\(folder).away") == 0)
        stand.tell(2000)
        try Equipment.wait("it has failed") { stand.reading(.sinkFailures, "file") > 1 }
        #expect(rename("\(folder).away", folder) == 0)
        try Equipment.wait("it goes on") {
            stand.reading(.sinkUp, "file") == 1 && stand.reading(.sinkEvents, "file") > 10
        }
        let counted = stand.reading(.sinkLost, "file")
        stand.stopMonitor()
        let lines = try Data(contentsOf: URL(filePath: path)).split(separator: UInt8(ascii: "\n"))
        let events = try lines.map { try EventLine.event($0) }
        let lost = events.filter { $0.name == "events_lost" }
        let count = lost.compactMap { $0.fields[.events]?.quantity }.reduce(0, +)
        #expect(count > 500 && lost.allSatisfy { $0.sequence == 0 })
        #expect(counted == count, "\(stand.notes.all)")
        #expect(lost.allSatisfy { Catalogue.faults(of: $0).isEmpty && $0.fields[.sink] == .text("file") })
        let sequences = events.filter { $0.name != "events_lost" }.map { Int($0.sequence) }
        #expect(sequences == sequences.sorted() && Set(sequences).count == sequences.count)
        #expect(sequences.count + Int(count) == 2010)
        let place = try #require(events.firstIndex { $0.name == "events_lost" })
        #expect(sequences[place - 1] + Int(count) + 1 == sequences[place])
    }

    @Test("A sink that is new to a spool has lost nothing of what was removed before it came")
    func newSink() throws {
        let stand = try Stand(stages: ["encrypt"], limit: 64 << 10)
        stand.tell(1000)
        let path = "\(stand.folder)/events.jsonl"
        try stand.ship([Self.file(path)])
        try Equipment.wait("it is there") { stand.reading(.sinkEvents, "file") > 100 }
        #expect(stand.reading(.sinkLost, "file") == 0)
        stand.stopMonitor()
        let marks = try Self.marks(path)
        let told = stand.told[stand.stages[0], default: []].map { Stand.Mark($0) }
        #expect(marks == Array(told.suffix(marks.count)))
    }

    @Test(
        "A file of places that is spoiled costs repetitions, and no event",
        arguments: ["", "nonsense", "north/encrypt 5"])
    func spoiledPlaces(_ text: String) throws {
        let stand = try Stand()
        let path = "\(stand.folder)/events.jsonl"
        stand.tell(30)
        try stand.ship([Self.file(path)])
        stand.stopMonitor()
        try Data(text.utf8).write(to: URL(filePath: "\(stand.folder)/monitor/file-north.place"))
        stand.tell(30)
        try stand.ship([Self.file(path)])
        stand.stopMonitor()
        #expect(stand.expectAll(try Self.marks(path)) == 60)
    }

    @Test("A spool that was emptied while the monitor was away is read from its beginning")
    func emptied() throws {
        let stand = try Stand(stages: ["encrypt"])
        let path = "\(stand.folder)/events.jsonl"
        stand.tell(30)
        try stand.ship([Self.file(path)])
        stand.stopMonitor()
        try FileManager.default.removeItem(atPath: stand.spool(stand.stages[0]))
        try stand.begin(stand.stages[0], epoch: 2)
        stand.tell(5)
        try stand.ship([Self.file(path)])
        stand.stopMonitor()
        stand.expectAll(try Self.marks(path))
    }

    @Test("A collector that takes nothing does not keep the monitor from ending in its time")
    func stuckCollector() throws {
        let stand = try Stand(stages: ["encrypt"])
        let path = "\(stand.folder)/log"
        // Bound, and never read.
        let number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(number) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
        stand.tell(1000)
        try stand.ship([SinkSpecification(name: "log", target: .syslog(.unix(path: path), .daemon, .text))])
        let begun = ContinuousClock.now
        #expect(stand.monitor?.stop(within: .milliseconds(200)) == false)
        #expect(ContinuousClock.now - begun < .seconds(60))
    }
}
