package import Federation
internal import Sodium

/// One transfer coming in: chunks are taken in order, and as many are asked for as the window has room for. Small ones grow
/// in memory, large ones in a spool file. After a restart it begins again: only whole transfers are remembered.
///
/// A class, so that nobody who holds it a moment longer makes each chunk copy all bytes before it.
package final class Receiving {
    package let offer: Offer
    package let offerBytes: [UInt8]
    package let signature: [UInt8]
    package let sender: StageName
    private var bytes: [UInt8] = []
    private let file: SpoolFile?
    /// The stage says what becomes of it, not the exchange.
    package let isAnsweredByStage: Bool
    private let hasher = Digest.ContentHasher()
    /// The next chunk that is taken; all before it are here.
    package private(set) var next = 0
    /// The chunks before it were asked for, or are on their way unasked (`Sending.unasked`).
    private var wanted = 0
    /// The chunks before it came with the offer and behind it.
    package private(set) var unasked = 0
    package private(set) var lastProgress: ContinuousClock.Instant
    private var lastWant: ContinuousClock.Instant
    /// Chunks on the way to us at most: 2 MiB in flight, and more where the link is seen to stand idle for want of wants.
    package private(set) var window = Receiving.leastWindow
    /// Of wants that went out while half a window was on its way: the first chunk that each asked for, and when.
    private var marks: [(chunk: Int, asked: ContinuousClock.Instant)] = []

    package static let leastWindow = 16
    /// 8 MiB in flight: 1.3 Gbit/s over 50 ms.
    package static let mostWindow = Sending.largestWant
    /// What is shorter tells nothing: a chunk takes a millisecond at 1 Gbit/s, and a process may have to wait for its turn.
    private static let leastIdleness = Duration.milliseconds(5)
    package static let patience = Duration.milliseconds(700)
    package static let abandonment = Duration.seconds(300)

    package init(
        _ offer: Signed<Offer>, sender: StageName, spool: String?, isAnsweredByStage: Bool = false,
        now: ContinuousClock.Instant
    ) throws {
        self.offer = offer.content
        offerBytes = offer.bytes
        signature = offer.signature.bytes
        self.sender = sender
        self.isAnsweredByStage = isAnsweredByStage
        if let spool, offer.content.byteCount > Payload.inlineLimit {
            file = try SpoolFile(
                creating:
                    "\(spool)/\(Digest(of: Array("\(offer.content.name)".utf8)).short)-\(offer.content.digest.short)")
        } else {
            file = nil
            bytes.reserveCapacity(offer.content.byteCount)
        }
        lastProgress = now
        lastWant = now
    }

    package var isComplete: Bool { next == offer.chunkCount }

    /// Takes a chunk if it is the next one and of the right length; any other is dropped, and asked for again if need be.
    package func take(_ index: Int, _ chunk: [UInt8], now: ContinuousClock.Instant) throws {
        guard index == next, index < offer.chunkCount, chunk.count == offer.chunkRange(index).count else { return }
        if let file { try file.append(chunk) } else { bytes += chunk }
        hasher.update(chunk)
        next += 1
        if let mark = marks.first, mark.chunk == index {
            marks.removeFirst()
            widen(now, asked: mark.asked)
        }
        lastProgress = now
    }

    /// The first chunk of a want is here. If what was on its way before came long ago, the sender stood idle until the want had reached it:
    /// where that was a fifth of the time, twice as much may be on its way.
    private func widen(_ now: ContinuousClock.Instant, asked: ContinuousClock.Instant) {
        let idle = now - lastProgress
        guard idle >= Self.leastIdleness, idle * 5 >= now - asked else { return }
        window = min(2 * window, Self.mostWindow)
    }

    /// Takes chunk 0 from the offer that brought it: a transfer's first, which more chunks follow.
    package func takeFirst(_ chunk: [UInt8], now: ContinuousClock.Instant) throws {
        unasked = min(Sending.unasked, offer.chunkCount)
        wanted = unasked
        try take(0, chunk, now: now)
    }

    /// What to ask for now: more when half the window is used up, the same again after silence; nil when all is well.
    package func want(_ now: ContinuousClock.Instant) -> Range<Int>? {
        guard !isComplete else { return nil }
        if next + window / 2 >= wanted, wanted < offer.chunkCount {
            let first = max(wanted, next)
            if first - next >= Self.leastWindow / 2 { marks.append((first, now)) }
            wanted = min(next + window, offer.chunkCount)
            lastWant = now
            return first < wanted ? first..<wanted : nil
        }
        if now - max(lastProgress, lastWant) >= Self.patience {
            marks = []
            wanted = min(next + window, offer.chunkCount)
            lastWant = now
            return next..<wanted
        }
        return nil
    }

    /// Lets go of what has come so far: it will not be finished.
    package func discard() {
        if let file { Payload.file(path: file.path, count: file.count).discard() }
    }

    /// The payload, synced if its receipt is to go out now, if its digest is the one that was signed.
    package func finish() throws -> Payload? {
        guard isComplete, hasher.finish() == offer.digest else { return nil }
        guard let file else { return .bytes(bytes) }
        if !isAnsweredByStage { try file.sync() }
        return .file(path: file.path, count: file.count)
    }
}
