import Federation
import MessagePack
import Sodium
import StageKit
import Testing

/// The two ends of a transfer as values: the test's own clock, no socket.
@Suite("One transfer")
struct TransferTests {
    private let start = ContinuousClock.now

    private func offer(_ bytes: [UInt8]) throws -> Signed<Offer> {
        let office = try StageName("office/aggregate")
        return Signed(
            Offer(
                name: TransferName(
                    run: try RunName("run"), kind: .contribution, round: RoundNumber(1), cloud: office.cloud),
                maker: office, byteCount: bytes.count, digest: Digest(ofContent: bytes), about: .none),
            by: try SigningKey(seed: .random(count: 32)))
    }

    private func bytes(chunks: Int, last: Int = 5) -> [UInt8] {
        (0..<((chunks - 1) * Offer.chunkBytes + last)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    }

    // MARK: Sending

    /// A `Sending` that expectations may change.
    private final class SendingEnd {
        private var end: Sending
        init(_ end: Sending) { self.end = end }
        var offers: Int { end.offers }
        func isOfferDue(_ now: ContinuousClock.Instant) -> Bool { end.isOfferDue(now) }
        func chunksOfOffer() -> Range<Int> { end.chunksOfOffer() }
        func hurry(_ now: ContinuousClock.Instant) { end.hurry(now) }
        func wanted(first: Int, end last: Int, now: ContinuousClock.Instant) -> Range<Int> {
            end.wanted(first: first, end: last, now: now)
        }
    }

    private func sending(_ bytes: [UInt8]) throws -> SendingEnd {
        let departure = Departure(
            offer: try offer(bytes), receiver: try StageName("office/publish"), payload: .bytes(bytes))
        return SendingEnd(Sending(departure, now: start))
    }

    @Test("An offer is made at once, then again after ever longer silence, up to a limit")
    func offers() throws {
        let sending = try sending(bytes(chunks: 1))
        #expect(sending.isOfferDue(start))
        #expect(!sending.isOfferDue(start))
        var now = start
        var waits: [Duration] = []
        for _ in 0..<9 {
            let from = now
            while !sending.isOfferDue(now) { now += .milliseconds(10) }
            waits.append(now - from)
        }
        #expect(waits[0] == Sending.firstInterval)
        #expect(waits[1] == Sending.firstInterval * 2)
        #expect(waits.last == Sending.longestInterval)
        #expect(sending.offers == 10)
        // The receiver is back: at once, and from the short wait again.
        sending.hurry(now)
        #expect(sending.isOfferDue(now))
        #expect(sending.isOfferDue(now + Sending.firstInterval))
    }

    @Test("The first offer brings a few chunks, another none, and they can be had again", arguments: [1, 3, 4, 9])
    func unasked(count: Int) throws {
        let sending = try sending(bytes(chunks: count))
        #expect(sending.isOfferDue(start))
        #expect(sending.chunksOfOffer() == 0..<min(count, Sending.unasked))
        #expect(sending.isOfferDue(start + Sending.firstInterval))
        #expect(sending.chunksOfOffer().isEmpty)
        #expect(sending.wanted(first: 0, end: count, now: start + Sending.firstInterval) == 0..<count)
    }

    @Test("Chunks are sent as they are wanted, no more than a bounded number, none for a want without sense")
    func wants() throws {
        let sending = try sending(bytes(chunks: 100))
        #expect(sending.wanted(first: 1, end: 17, now: start) == 1..<17)
        // What has just been sent is not sent again at once, however often it is asked for.
        #expect(sending.wanted(first: 1, end: 17, now: start).isEmpty)
        #expect(sending.wanted(first: 0, end: 100, now: start + .milliseconds(399)).isEmpty)
        #expect(sending.wanted(first: 17, end: 25, now: start) == 17..<25)
        let start = start + Receiving.patience
        #expect(sending.wanted(first: 0, end: 100, now: start) == 0..<Sending.largestWant)
        #expect(sending.wanted(first: 99, end: 100, now: start) == 99..<100)
        for (first, end) in [(0, 101), (5, 5), (6, 5), (100, 101), (0, .max)] {
            #expect(sending.wanted(first: first, end: end, now: start).isEmpty)
        }
    }

    @Test("A want is a sign of life: the next offer waits")
    func life() throws {
        let sending = try sending(bytes(chunks: 3))
        #expect(sending.isOfferDue(start))
        _ = sending.wanted(first: 1, end: 3, now: start)
        #expect(!sending.isOfferDue(start + Sending.firstInterval))
        #expect(sending.isOfferDue(start + Sending.firstInterval * 4))
    }

    // MARK: Receiving

    private func receiving(_ bytes: [UInt8], in folder: Folder) throws -> Receiving {
        try Receiving(offer(bytes), sender: try StageName("office/aggregate"), spool: folder.path, now: start)
    }

    private func chunk(_ index: Int, of bytes: [UInt8]) -> [UInt8] {
        Array(bytes[(index * Offer.chunkBytes)..<min((index + 1) * Offer.chunkBytes, bytes.count)])
    }

    @Test(
        "Chunks in order make the payload; a small one stays in memory, a large one is a spool file",
        arguments: [1, 2, 3, 40])
    func whole(count: Int) throws {
        let folder = try Folder()
        let bytes = bytes(chunks: count)
        let transfer = try receiving(bytes, in: folder)
        for index in 0..<count {
            #expect(!transfer.isComplete)
            try transfer.take(index, chunk(index, of: bytes), now: start)
        }
        #expect(transfer.isComplete)
        let payload = try #require(try transfer.finish())
        #expect(try payload.read() == bytes)
        switch payload {
        case .bytes: #expect(bytes.count <= Payload.inlineLimit)
        case .file(_, let length):
            #expect(bytes.count > Payload.inlineLimit)
            #expect(length == bytes.count)
        }
    }

    @Test("A chunk out of turn, twice, too short, too long or beyond the end is dropped, and asked for again")
    func gaps() throws {
        let folder = try Folder()
        let bytes = bytes(chunks: 4)
        let transfer = try receiving(bytes, in: folder)
        try transfer.take(0, chunk(0, of: bytes), now: start)
        for (index, wrong) in [
            (2, chunk(2, of: bytes)), (0, chunk(0, of: bytes)), (1, Array(chunk(1, of: bytes).dropLast())),
            (1, chunk(1, of: bytes) + [0]), (1, []), (4, []), (.max, [1]),
        ] {
            try transfer.take(index, wrong, now: start)
            #expect(transfer.next == 1)
        }
        for index in 1..<4 { try transfer.take(index, chunk(index, of: bytes), now: start) }
        #expect(try transfer.finish()?.read() == bytes)
    }

    @Test("A window of chunks is asked for, more when half of it is used, the same again after silence")
    func windows() throws {
        let folder = try Folder()
        let bytes = bytes(chunks: 60)
        let transfer = try receiving(bytes, in: folder)
        try transfer.take(0, chunk(0, of: bytes), now: start)
        let first = try #require(transfer.want(start))
        #expect(first.lowerBound == 1)
        #expect(first.count <= Receiving.leastWindow)
        #expect(transfer.want(start) == nil)
        var asked = first.upperBound
        var now = start
        for index in 1..<60 {
            now += .milliseconds(1)
            try transfer.take(index, chunk(index, of: bytes), now: now)
            if let more = transfer.want(now) {
                #expect(more.lowerBound == asked)
                #expect(more.upperBound - transfer.next <= Receiving.leastWindow)
                asked = more.upperBound
            }
            // Never does all that was asked for run out before more is asked for.
            #expect(asked > transfer.next || transfer.isComplete)
        }
        #expect(asked == 60)
        #expect(transfer.isComplete)
        #expect(transfer.want(now + .seconds(60)) == nil)

        // An offer that brought chunk 0: a few follow it unasked, and what comes after them is asked for.
        let fresh = try receiving(bytes, in: folder)
        try fresh.takeFirst(chunk(0, of: bytes), now: start)
        #expect(fresh.want(start) == Sending.unasked..<Receiving.leastWindow + 1)
        #expect(fresh.want(start + Receiving.patience) == 1..<Receiving.leastWindow + 1)
        let few = try receiving(self.bytes(chunks: Sending.unasked), in: folder)
        try few.takeFirst(chunk(0, of: self.bytes(chunks: Sending.unasked)), now: start)
        #expect(few.want(start) == nil)
        #expect(few.want(start + Receiving.patience) == 1..<Sending.unasked)

        // An offer that came again, without chunks.
        let bare = try receiving(bytes, in: folder)
        #expect(bare.want(start) == 0..<Receiving.leastWindow)
        #expect(bare.want(start) == nil)
        let small = try receiving(self.bytes(chunks: 1), in: folder)
        #expect(small.want(start) == 0..<1)

        let silent = try receiving(bytes, in: folder)
        try silent.take(0, chunk(0, of: bytes), now: start)
        let lost = try #require(silent.want(start))
        #expect(silent.want(start + Receiving.patience - .milliseconds(1)) == nil)
        #expect(silent.want(start + Receiving.patience) == lost)
        #expect(silent.want(start + Receiving.patience) == nil)
        #expect(silent.want(start + Receiving.patience * 2) == lost)
    }

    @Test(
        "More is on its way where the sender would stand idle, and not where it is the link that is slow",
        arguments: [(1, 50, 64), (1, 25, 64), (5, 50, 32), (10, 50, 16), (100, 50, 16), (100, 400, 16), (1, 2, 16)])
    func widens(chunkMilliseconds: Int, roundTrip: Int, window: Int) throws {
        let folder = try Folder()
        let bytes = bytes(chunks: 200)
        let transfer = try receiving(bytes, in: folder)
        var now = start
        var onTheWay: [(index: Int, arrives: ContinuousClock.Instant)] = []
        var linkIsFree = start
        func send(_ chunks: Range<Int>) {
            for index in chunks {
                linkIsFree = max(linkIsFree, now + .milliseconds(roundTrip) / 2) + .milliseconds(chunkMilliseconds)
                onTheWay.append((index, linkIsFree + .milliseconds(roundTrip) / 2))
            }
        }
        try transfer.takeFirst(chunk(0, of: bytes), now: now)
        send(1..<Sending.unasked)
        while !transfer.isComplete {
            if let chunks = transfer.want(now) { send(chunks) }
            let next = onTheWay.removeFirst()
            now = next.arrives
            try transfer.take(next.index, chunk(next.index, of: bytes), now: now)
        }
        #expect(transfer.window == window)
    }

    @Test("Bytes that are not those that were signed give no payload")
    func digest() throws {
        let folder = try Folder()
        let bytes = bytes(chunks: 2)
        let sound = try receiving(bytes, in: folder)
        let spoiled = try receiving(bytes, in: folder)
        for index in 0..<2 {
            var piece = chunk(index, of: bytes)
            try sound.take(index, piece, now: start)
            piece[piece.count - 1] ^= 1
            try spoiled.take(index, piece, now: start)
        }
        #expect(try sound.finish() != nil)
        #expect(spoiled.isComplete)
        #expect(try spoiled.finish() == nil)
    }
}
