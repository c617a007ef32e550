package import Federation

/// What a round will take: equation 7 of arXiv 2503.12226, corrected to seconds, clouds that work side by side, and both ways:
///
///     T = max_i (compute_i + encrypt_i + l_i + S_i / up_i) + T_aggregate + T_open + max_i (l_i + S_release / down_i)
///
/// With a quorum of M the first maximum is the M-th smallest: the round need not wait for the others.
package struct RoundPrediction: Hashable, Sendable {
    /// A cloud's way to aggregate, in seconds.
    package struct Arrival: Hashable, Sendable {
        package let cloud: CloudName
        package let steps: Int
        /// Training, and what it does besides.
        package let compute: Double
        package let encrypt: Double
        /// On its way, latency included.
        package let upload: Double
        /// Until the contribution is at aggregate. Less than the parts where they overlap.
        package let seconds: Double
    }

    /// In the order of the figures.
    package let arrivals: [Arrival]
    package let quorum: Int
    /// Until the quorum is at aggregate.
    package let gathering: Double
    package let aggregate: Double
    package let open: Double
    /// Until the last cloud has the release.
    package let release: Double

    package var seconds: Double { gathering + aggregate + open + release }

    /// - Parameters:
    ///   - steps: of each cloud, in the order of the figures.
    ///   - bits: one that the figures have bytes for.
    ///   - quorum: from 1 to the number of clouds.
    ///   - fragments: in how many pieces a contribution is sealed and sent, each sent while the next is sealed.
    package init(_ figures: RoundFigures, steps: [Int], bits: Int, quorum: Int, fragments: Int = 1) {
        let bytes = figures.contributionBytes[bits] ?? 0
        arrivals = zip(figures.clouds, steps).map { cloud, steps in
            let compute = cloud.fixedSeconds + cloud.secondsPerStep * Double(steps)
            let encrypt = cloud.sealSecondsPerBit * Double(bits)
            let transfer = cloud.up.seconds(for: bytes, window: figures.window)
            // The first piece goes through both, and the others behind it at the pace of the slower.
            let pieces = Double(max(1, fragments))
            let piped = (encrypt + transfer) / pieces + (pieces - 1) / pieces * max(encrypt, transfer)
            return Arrival(
                cloud: cloud.cloud, steps: steps, compute: compute, encrypt: encrypt,
                upload: cloud.up.latency + transfer, seconds: compute + cloud.up.latency + piped)
        }
        self.quorum = min(max(quorum, 1), max(arrivals.count, 1))
        let ordered = arrivals.map(\.seconds).sorted()
        gathering = ordered.isEmpty ? 0 : ordered[self.quorum - 1]
        aggregate = figures.aggregateSeconds
        open = figures.openSeconds
        release =
            figures.clouds.map { $0.down.latency + $0.down.seconds(for: figures.releaseBytes, window: figures.window) }
            .max() ?? 0
    }
}
