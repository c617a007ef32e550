import Federation
import Foundation
import Monitoring
import Testing

@Suite("A spool that several read")
final class SharedSpoolTests {
    private let folder = NSTemporaryDirectory() + "shared-" + UUID().uuidString
    private let log: EventLog

    init() throws {
        log = try EventLog.ofEncrypt { _ in }
        log.begin(epoch: 1, spool: try SpoolWriter(folder: folder))
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: folder) } catch { Issue.record("\(error)") }
    }

    private func tell(_ count: Int) { for _ in 0..<count { log.tell(.hubConnected, [.hub: .text("a/aggregate")]) } }

    /// What a reader gets until there is nothing left, and its place after that.
    private func drain(
        _ spool: SharedSpool, _ number: Int, from place: inout SpoolReader.Place, maximumBytes: Int = 64 << 10
    ) throws -> [SpooledEvent] {
        var all: [SpooledEvent] = []
        while case let batches = try spool.next(after: place, for: number, maximumBytes: maximumBytes), !batches.isEmpty
        {
            for batch in batches {
                #expect(batch.start == place && batch.lost == 0)
                all += batch.events
                place = batch.end
            }
        }
        return all
    }

    private func expectInOrder(_ events: [SpooledEvent], _ sequences: ClosedRange<Int>) {
        #expect(events.compactMap { $0.event.map { Int($0.sequence) } } == Array(sequences))
    }

    @Test("Readers that keep up share what one has parsed; each gets everything once, in order")
    func shares() throws {
        let spool = SharedSpool(folder: folder, parsing: .debug, readers: 2)
        var places = [SpoolReader.Place.start, .start]
        for _ in 0..<3 {
            tell(1000)
            let first = try drain(spool, 0, from: &places[0])
            let second = try drain(spool, 1, from: &places[1])
            #expect(first.count == 1000 && zip(first, second).allSatisfy { $0 === $1 } && second.count == 1000)
        }
    }

    @Test("A reader that comes to the middle of what another has read shares from there on")
    func middle() throws {
        tell(30)
        var (early, late) = (SpoolReader.Place.start, SpoolReader.Place.start)
        _ = try drain(SharedSpool(folder: folder, parsing: .debug, readers: 1), 0, from: &late)
        tell(100)
        let spool = SharedSpool(folder: folder, parsing: .debug, readers: 2)
        let whole = try drain(spool, 0, from: &early)
        let rest = try drain(spool, 1, from: &late)
        expectInOrder(whole, 1...130)
        expectInOrder(rest, 31...130)
        #expect(zip(whole.dropFirst(30), rest).allSatisfy { $0 === $1 })
    }

    @Test("One that is far behind, has left or goes back reads for itself, and misses nothing")
    func behind() throws {
        let spool = SharedSpool(folder: folder, parsing: .debug, readers: 3)
        var places = [SpoolReader.Place.start, .start, .start]
        tell(100)
        let begun = try drain(spool, 1, from: &places[1])
        expectInOrder(begun, 1...100)
        let settled = places[1]
        spool.leave(1)
        tell(9900)
        expectInOrder(try drain(spool, 0, from: &places[0]), 1...10_000)
        expectInOrder(try drain(spool, 1, from: &places[1]), 101...10_000)
        places[1] = settled
        expectInOrder(try drain(spool, 1, from: &places[1], maximumBytes: 1 << 20), 101...10_000)
        expectInOrder(try drain(spool, 2, from: &places[2]), 1...10_000)
        tell(5)
        let last = try (0..<3).map { try drain(spool, $0, from: &places[$0]) }
        for events in last { expectInOrder(events, 10_001...10_005) }
        #expect(last[0][0] === last[1][0] && last[1][0] === last[2][0])
    }

    @Test("Nothing is parsed that nobody asks for; level and time are known all the same")
    func parsesWhatIsAsked() throws {
        tell(1)
        log.tell(.stageFailed, [.reason: .text("x")])
        for (wanted, parsed) in [(nil, [false, false]), (.warning, [false, true]), (.debug, [true, true])]
            as [(EventLevel?, [Bool])]
        {
            var place = SpoolReader.Place.start
            let events = try drain(SharedSpool(folder: folder, parsing: wanted, readers: 1), 0, from: &place)
            #expect(events.map { $0.event != nil } == parsed && events.map(\.level) == [.debug, .error])
            #expect(events[0].time > 0 && events[0].time <= events[1].time)
        }
    }

    @Test("A spool that was emptied is read from its beginning by all")
    func emptied() throws {
        let spool = SharedSpool(folder: folder, parsing: .debug, readers: 2)
        var places = [SpoolReader.Place.start, .start]
        tell(50)
        for number in 0..<2 { expectInOrder(try drain(spool, number, from: &places[number]), 1...50) }
        try FileManager.default.removeItem(atPath: folder)
        log.begin(epoch: 2, spool: try SpoolWriter(folder: folder))
        tell(3)
        for number in 0..<2 { expectInOrder(try drain(spool, number, from: &places[number]), 1...3) }
        tell(2)
        for number in 0..<2 { expectInOrder(try drain(spool, number, from: &places[number]), 4...5) }
    }
}
