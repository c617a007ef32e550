internal import FlyingFox
internal import FlyingSocks
internal import JSONText
internal import Monitoring
internal import View

/// Server-sent events (the HTML standard, 9.2): the state when it has changed, at most so often.
struct EventStream: AsyncBufferedSequence {
    typealias Element = UInt8

    static let shortest = Duration.milliseconds(400)
    let live: LiveState
    let wakes: AsyncStream<Void>

    func makeAsyncIterator() -> Iterator { Iterator(live: live, wakes: wakes.makeAsyncIterator()) }

    struct Iterator: AsyncBufferedIteratorProtocol {
        let live: LiveState
        var wakes: AsyncStream<Void>.Iterator
        private var seen: UInt64 = 0
        private var pending: [UInt8] = []
        private var last: ContinuousClock.Instant?

        init(live: LiveState, wakes: AsyncStream<Void>.Iterator) {
            self.live = live
            self.wakes = wakes
        }

        mutating func next() async throws -> UInt8? {
            if pending.isEmpty { pending = try await message() ?? [] }
            return pending.isEmpty ? nil : pending.removeFirst()
        }

        mutating func nextBuffer(suggested count: Int) async throws -> [UInt8]? {
            guard pending.isEmpty else {
                defer { pending = [] }
                return pending
            }
            return try await message()
        }

        private mutating func message() async throws -> [UInt8]? {
            if let last { try await ContinuousClock().sleep(until: last + EventStream.shortest) }
            guard await wakes.next(isolation: #isolation) != nil else { return nil }
            last = .now
            let view = live.view
            let state = try view.document(at: Timestamp.nanoseconds(), after: seen).encoded(.compact)
            seen = view.eventCount
            return Array("data: ".utf8) + state + Array("\n\n".utf8)
        }
    }
}
