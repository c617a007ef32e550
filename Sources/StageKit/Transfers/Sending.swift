package import Federation
internal import Sodium

/// One transfer on its way to one receiver: offered again after silence, sent in the chunks that the receiver wants.
package struct Sending {
    package let departure: Departure
    private let source: PayloadReader
    private var nextOffer: ContinuousClock.Instant
    private var interval: Duration
    /// The chunks before it have been sent.
    private var sent = 0
    private var lastWanted: ContinuousClock.Instant?
    package private(set) var wireBytes = 0
    package private(set) var offers = 0

    package static let firstInterval = Duration.milliseconds(300)
    package static let longestInterval = Duration.seconds(10)
    /// A receiver asks for the same chunks again after its patience (`Receiving.patience`) at the earliest.
    package static let shortestRepeat = Duration.milliseconds(400)
    /// Chunks that go with the first offer, unasked: a want and its way back cost what is small more than its bytes do.
    package static let unasked = 4
    /// Chunks that a receiver may ask for at once; it asks for its own window, this only bounds a hostile one.
    package static let largestWant = 64

    package init(_ departure: Departure, now: ContinuousClock.Instant) {
        self.departure = departure
        source = PayloadReader(departure.payload)
        nextOffer = now
        interval = Self.firstInterval
    }

    package var offer: Offer { departure.offer.content }

    /// Whether an offer is due; asking for it puts the next one off, further each time.
    package mutating func isOfferDue(_ now: ContinuousClock.Instant) -> Bool {
        guard now >= nextOffer else { return false }
        nextOffer = now + interval
        interval = min(interval * 2, Self.longestInterval)
        offers += 1
        return true
    }

    /// Those to send with the offer that has just become due. They go once: whoever does not answer may have them and be looking at
    /// them, and whoever has lost them asks for them.
    package mutating func chunksOfOffer() -> Range<Int> {
        guard offers == 1 else { return 0..<0 }
        sent = min(Self.unasked, offer.chunkCount)
        return 0..<sent
    }

    /// The receiver has come back, or has lost what it had: offer at once.
    package mutating func hurry(_ now: ContinuousClock.Instant) {
        lastWanted = nil
        nextOffer = now
        interval = Self.firstInterval
    }

    /// The chunks to send for a `want`; nothing for one that makes no sense, or that asks for what has just been sent: a want
    /// is small and its answer large. A want is a sign of life, so the next offer waits.
    package mutating func wanted(first: Int, end: Int, now: ContinuousClock.Instant) -> Range<Int> {
        guard first < end, end <= offer.chunkCount else { return 0..<0 }
        if let lastWanted, first < sent, now - lastWanted < Self.shortestRepeat { return 0..<0 }
        interval = Self.firstInterval * 4
        nextOffer = now + interval
        lastWanted = now
        sent = min(end, first + Self.largestWant)
        return first..<sent
    }

    package func read(_ range: Range<Int>) throws -> [UInt8] { try source.read(range) }

    package mutating func count(_ bytes: Int) { wireBytes += bytes }
}
