import Federation
import Foundation
import Monitoring
import Testing

@Suite("Spool of events")
final class SpoolTests {
    private let folder = NSTemporaryDirectory() + "spool-" + UUID().uuidString

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    deinit {
        do { try FileManager.default.removeItem(atPath: folder) } catch { Issue.record("\(error)") }
    }

    private func line(_ number: Int, length: Int = 20) -> [UInt8] {
        let text = "\(number) "
        return Array((text + String(repeating: "x", count: length - text.utf8.count - 1) + "\n").utf8)
    }

    private func numbers(_ batch: SpoolReader.Batch) -> [Int] {
        batch.lines.compactMap { Int(String(decoding: $0, as: UTF8.self).split(separator: " ")[0]) }
    }

    @Test("What is kept is read in order, by a reader that comes later, and by one that goes on where it stopped")
    func keepsOrder() throws {
        let writer = try SpoolWriter(folder: folder)
        for number in 0..<10 { #expect(writer.append(line(number))) }
        var reader = SpoolReader(folder: folder)
        #expect(numbers(try reader.next(maximumBytes: 1 << 16)) == Array(0..<10))
        #expect(try reader.next(maximumBytes: 1 << 16).lines.isEmpty)
        for number in 10..<20 { #expect(writer.append(line(number))) }
        var other = SpoolReader(folder: folder, from: try #require(SpoolReader.Place(reader.place.text)))
        #expect(numbers(try other.next(maximumBytes: 1 << 16)) == Array(10..<20) && other.place.ordinal == 20)
    }

    @Test("A writer goes on after another one; a torn line stays one that readers step over")
    func goesOn() throws {
        do {
            let writer = try SpoolWriter(folder: folder)
            for number in 0..<3 { #expect(writer.append(line(number))) }
        }
        let file = try #require(FileManager.default.contentsOfDirectory(atPath: folder).first)
        let handle = try #require(FileHandle(forWritingAtPath: "\(folder)/\(file)"))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("{\"half".utf8))
        try handle.close()
        let writer = try SpoolWriter(folder: folder)
        #expect(writer.append(line(4)))
        var reader = SpoolReader(folder: folder)
        let batch = try reader.next(maximumBytes: 1 << 16)
        #expect(batch.lines.count == 5 && numbers(batch) == [0, 1, 2, 4] && batch.lost == 0)
    }

    @Test("The oldest go when the limit is reached, and a reader that comes too late is told how many it has lost")
    func isBounded() throws {
        let writer = try SpoolWriter(folder: folder, limit: 16_000)
        var early = SpoolReader(folder: folder)
        for number in 0..<10 { #expect(writer.append(line(number, length: 100))) }
        #expect(numbers(try early.next(maximumBytes: 1 << 16)) == Array(0..<10))
        for number in 10..<1000 { #expect(writer.append(line(number, length: 100))) }
        let sizes = try FileManager.default.contentsOfDirectory(atPath: folder).map {
            try #require(FileManager.default.attributesOfItem(atPath: "\(folder)/\($0)")[.size] as? Int)
        }
        #expect(sizes.reduce(0, +) <= 17_000 && sizes.count <= 17)
        var seen: [Int] = []
        var lost: UInt64 = 0
        while true {
            let batch = try early.next(maximumBytes: 1 << 12)
            if batch.lines.isEmpty { break }
            lost += batch.lost
            seen += numbers(batch)
        }
        let first = try #require(seen.first)
        #expect(seen == Array(first...999) && lost == UInt64(first - 10))
    }

    @Test("A reader follows while a writer goes through many files, and misses nothing")
    func followsRotation() throws {
        let writer = try SpoolWriter(folder: folder, limit: 1 << 20)
        var reader = SpoolReader(folder: folder)
        var seen: [Int] = []
        for number in 0..<5000 {
            #expect(writer.append(line(number, length: 100)))
            if number % 37 == 0 { seen += numbers(try reader.next(maximumBytes: 1 << 16)) }
        }
        while case let more = numbers(try reader.next(maximumBytes: 1 << 16)), !more.isEmpty { seen += more }
        #expect(seen == Array(0..<5000))
    }

    @Test("A place that is none is not taken", arguments: ["", "1 2", "a b c", "1 2 3", "-1 0 0"])
    func refusesPlaces(_ text: String) { #expect(SpoolReader.Place(text) == nil) }
}
