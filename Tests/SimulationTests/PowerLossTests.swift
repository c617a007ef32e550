import Federation
import Foundation
import PowerCut
import SeededRandom
import StageKit
import Testing

/// What a journal keeps when power goes. The disk is a copy of what was synced, or of that and a torn tail of the rest.
@Suite("A loss of power", .serialized)
struct PowerLossTests {
    private let root: String

    init() throws {
        let parent = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : "/tmp"
        root = "\(parent)/tributary-power-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }

    private func inFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        defer { do { try FileManager.default.removeItem(atPath: root) } catch { print("\(root) stays: \(error)") } }
        return try body(root)
    }

    @Test("leaves every transaction that was written, at least, and each with its payload", arguments: 1...12)
    func written(seed: UInt64) throws {
        try inFolder { root in
            let live = "\(root)/live"
            try FileManager.default.createDirectory(atPath: live, withIntermediateDirectories: true)
            let image = DurableImage(of: live)
            defer { image.close() }
            let model = try JournalModel(folder: live, seed: seed)
            for step in 0..<40 {
                try model.advance()
                let copy = "\(root)/copy-\(step)"
                try image.restore(to: copy)
                #expect(throws: Never.self, "seed \(seed), after \(step + 1) transactions") { try model.check(copy) }
                try FileManager.default.removeItem(atPath: copy)
            }
            #expect(image.syncs > 20)
        }
    }

    @Test("is noticed where a payload was not synced before it was named")
    func unsynced() throws {
        try inFolder { root in
            let live = "\(root)/live"
            try FileManager.default.createDirectory(atPath: live, withIntermediateDirectories: true)
            let image = DurableImage(of: live)
            defer { image.close() }
            let model = try JournalModel(folder: live, seed: 5)
            var faults = 0
            for step in 0..<40 {
                try model.advance(syncsFiles: false)
                let copy = "\(root)/copy-\(step)"
                try image.restore(to: copy)
                do { try model.check(copy) } catch is JournalModel.Fault { faults += 1 }
                try FileManager.default.removeItem(atPath: copy)
            }
            #expect(faults > 0)
        }
    }

    /// What lies behind the last sync may be there, in part, torn, or overwritten with anything.
    @Test("drops a torn tail of the log and keeps what is before it", arguments: 1...3)
    func torn(seed: UInt64) throws {
        try inFolder { root in
            let live = "\(root)/live"
            try FileManager.default.createDirectory(atPath: live, withIntermediateDirectories: true)
            let model = try JournalModel(folder: live, seed: seed)
            for _ in 0..<6 { try model.advance(largest: 5_000) }
            try model.advance(isSynced: true, largest: 5_000)
            let logPath = "\(live)/journal.sqlite-wal"
            let synced = DurableImage.bytes(logPath).count
            for _ in 0..<4 { try model.advance(isSynced: false, largest: 5_000) }
            let log = DurableImage.bytes(logPath)
            // A header of 32 bytes, then frames of 24 and a page (sqlite.org/fileformat.html, section 4).
            let frame = 24 + 4096
            #expect((synced - 32).isMultiple(of: frame) && (log.count - 32).isMultiple(of: frame) && log.count > synced)
            var results: Set<Int> = []
            var random = SimulatedRandom(seed: seed)
            func attempt(_ bytes: [UInt8], _ comment: String) throws {
                let copy = "\(root)/copy"
                try FileManager.default.createDirectory(atPath: "\(copy)/spool", withIntermediateDirectories: true)
                try FileManager.default.copyItem(atPath: "\(live)/journal.sqlite", toPath: "\(copy)/journal.sqlite")
                try Data(bytes).write(to: URL(fileURLWithPath: "\(copy)/journal.sqlite-wal"))
                #expect(throws: Never.self, "seed \(seed), \(comment)") { results.insert(try model.check(copy)) }
                try FileManager.default.removeItem(atPath: copy)
            }
            for start in stride(from: synced, to: log.count, by: frame) {
                for offset in [0, 1, 7, 8, 23, 24, 25, 24 + 2048, frame - 1] {
                    let cut = start + offset
                    try attempt(Array(log[..<cut]), "cut at \(cut)")
                    let tail = log.count - cut
                    try attempt(log[..<cut] + [UInt8](repeating: 0, count: tail), "zeros from \(cut)")
                    try attempt(
                        log[..<cut] + (0..<tail).map { _ in UInt8.random(in: 0...255, using: &random) },
                        "noise from \(cut)")
                    // Blocks reach a disk in any order: a hole of one sector, and what is behind it.
                    var holed = log
                    for index in cut..<min(cut + 512, log.count) { holed[index] = 0 }
                    try attempt(holed, "a hole at \(cut)")
                }
            }
            try attempt(log, "whole")
            // From nothing of the tail to all of it.
            #expect(results == Set(model.synced...model.step))
            // What was synced must not be cut, and is missed if it is.
            #expect(throws: JournalModel.Fault.self) {
                let copy = "\(root)/short"
                try FileManager.default.createDirectory(atPath: "\(copy)/spool", withIntermediateDirectories: true)
                try FileManager.default.copyItem(atPath: "\(live)/journal.sqlite", toPath: "\(copy)/journal.sqlite")
                try Data(log[..<(synced - 1)]).write(to: URL(fileURLWithPath: "\(copy)/journal.sqlite-wal"))
                try model.check(copy)
            }
        }
    }

    @Test("leaves both names of a file that has two")
    func linked() throws {
        try inFolder { root in
            let live = "\(root)/live"
            try FileManager.default.createDirectory(atPath: live, withIntermediateDirectories: true)
            let image = DurableImage(of: live)
            defer { image.close() }
            let journal = try Journal(directory: live)
            try journal.write { try $0.setFact("one", [1]) }
            let file = try SpoolFile(creating: "\(live)/adapter")
            try file.append([1, 2, 3])
            try file.link(as: "\(journal.spool)/adapter")
            try file.sync()
            try image.restore(to: "\(root)/copy")
            #expect(DurableImage.bytes("\(root)/copy/adapter") == [1, 2, 3])
            #expect(DurableImage.bytes("\(root)/copy/spool/adapter") == [1, 2, 3])
        }
    }
}
