import StageKit
import Testing

@Suite("Connections that are too many")
struct ConnectionBookTests {
    private let start = ContinuousClock.now

    /// A book that an expectation may write in.
    private final class Kept {
        private var book: ConnectionBook
        init(_ limits: ConnectionBook.Limits) { book = ConnectionBook(limits: limits) }
        func accepted(_ descriptor: Int, _ peer: String, _ now: ContinuousClock.Instant) -> [Int] {
            book.accepted(descriptor, peer: peer, now: now)
        }
        func spoke(_ descriptor: Int, _ userID: String, _ now: ContinuousClock.Instant) -> [Int] {
            book.spoke(descriptor, userID: userID, peer: { "" }, now: now)
        }
        func refusals(_ now: ContinuousClock.Instant) -> [String]? { book.refusals(now) }
        func ended(_ descriptor: Int) -> String? { book.ended(descriptor) }
        func descriptors(of stage: String) -> [Int] { book.descriptors { $0.hasPrefix(stage) } }
    }

    private func limits(_ halfOpen: Int, _ ofAddress: Int, all: Int = 1000) -> ConnectionBook.Limits {
        var limits = ConnectionBook.Limits()
        (limits.halfOpen, limits.halfOpenOfAddress, limits.all, limits.ofKey) = (halfOpen, ofAddress, all, 3)
        return limits
    }

    @Test("The oldest that has said nothing goes, of the address that has too many first")
    func halfOpen() {
        let book = Kept(limits(5, 3))
        for number in 0..<3 {
            #expect(book.accepted(number, "10.0.0.1:\(number)", start + .milliseconds(number)).isEmpty)
        }
        #expect(book.accepted(3, "10.0.0.1:3", start + .milliseconds(3)) == [0])
        #expect(book.ended(0) == "10.0.0.1:0")
        for number in 10..<12 {
            #expect(book.accepted(number, "10.0.0.2:\(number)", start + .milliseconds(number)).isEmpty)
        }
        #expect(book.accepted(20, "10.0.0.3:1", start + .milliseconds(20)) == [1])
    }

    @Test("Who has spoken, and who is past its handshake, is not half open")
    func spoken() {
        let book = Kept(limits(3, 3))
        for number in 0..<3 {
            #expect(book.accepted(number, "10.0.0.1:\(number)", start).isEmpty)
            #expect(book.spoke(number, "north/encrypt \(number)", start).isEmpty)
        }
        for number in 3..<6 { #expect(book.accepted(number, "10.0.0.1:\(number)", start).isEmpty) }
        let later = start + .seconds(7)
        for number in 6..<9 { #expect(book.accepted(number, "10.0.0.1:\(number)", later).isEmpty) }
        #expect(book.accepted(9, "10.0.0.1:9", later + .milliseconds(1)).count == 1)
        #expect(book.ended(1) == "north/encrypt")
    }

    @Test("In all there is a bound, and silent ones go for those that come")
    func all() {
        let book = Kept(limits(100, 100, all: 4))
        #expect(book.accepted(0, "10.0.0.1:0", start).isEmpty)
        _ = book.spoke(0, "north/encrypt 0", start)
        for number in 1..<4 {
            #expect(book.accepted(number, "10.0.0.2:\(number)", start + .milliseconds(number)).isEmpty)
        }
        #expect(book.accepted(4, "10.0.0.3:4", start + .milliseconds(4)) == [1])
    }

    @Test("An address that dials too often is cut off at once; another is not, nor itself a little later")
    func dials() {
        var few = limits(1000, 1000)
        few.dialsOfAddress = 5
        let book = Kept(few)
        for number in 0..<10 { #expect(book.accepted(number, "10.0.0.1:\(number)", start).isEmpty) }
        #expect(book.accepted(10, "10.0.0.1:10", start) == [10])
        #expect(book.accepted(11, "10.0.0.2:11", start).isEmpty)
        #expect(book.accepted(12, "10.0.0.1:12", start + .seconds(1)).isEmpty)
    }

    @Test("The dials of an address that dials too often are to be dropped for a second, and for as long as it goes on")
    func refusals() {
        var few = limits(1000, 1000)
        few.dialsOfAddress = 5
        let book = Kept(few)
        for number in 0..<10 { #expect(book.accepted(number, "10.0.0.1:\(number)", start).isEmpty) }
        #expect(book.refusals(start) == nil)
        #expect(book.accepted(10, "10.0.0.1:10", start) == [10])
        #expect(book.refusals(start) == ["10.0.0.1"])
        #expect(book.refusals(start + .milliseconds(900)) == nil, "told already")
        for number in 20..<31 { _ = book.accepted(number, "::1:\(number)", start + .milliseconds(900)) }
        #expect(book.refusals(start + .milliseconds(900)) == ["10.0.0.1", "::1"])
        #expect(book.refusals(start + .milliseconds(1100)) == ["::1"])
        #expect(book.refusals(start + .seconds(3)) == [])
        #expect(book.refusals(start + .seconds(4)) == nil)
    }

    @Test("One key has so many connections, and the oldest goes")
    func ofKey() {
        let book = Kept(limits(100, 100))
        for number in 0..<3 {
            _ = book.accepted(number, "10.0.0.1:\(number)", start + .milliseconds(number))
            #expect(book.spoke(number, "north/encrypt a", start).isEmpty)
        }
        _ = book.accepted(3, "10.0.0.1:3", start + .milliseconds(3))
        #expect(book.spoke(3, "west/encrypt b", start).isEmpty)
        _ = book.accepted(4, "10.0.0.1:4", start + .milliseconds(4))
        #expect(book.spoke(4, "north/encrypt a", start) == [0])
        #expect(book.descriptors(of: "west") == [3])
    }
}
