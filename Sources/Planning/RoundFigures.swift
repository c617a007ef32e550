package import Federation

/// What is known of one direction of a link.
package struct LinkRate: Hashable, Sendable {
    package let bytesPerSecond: Double
    /// One way, in seconds.
    package let latency: Double

    /// - Parameters:
    ///   - bytesPerSecond: above 0.
    ///   - latency: at least 0.
    package init(bytesPerSecond: Double, latency: Double) {
        self.bytesPerSecond = max(bytesPerSecond, 1e-9)
        self.latency = max(latency, 0)
    }

    /// What so many bytes take, where at most `window` of them may be on their way: there and back is two latencies.
    package func seconds(for bytes: Double, window: Double = .infinity) -> Double {
        let limit = latency > 0 ? window / (2 * latency) : .infinity
        return bytes / min(bytesPerSecond, limit)
    }
}

/// What is known of a cloud's part in a round.
package struct CloudFigures: Hashable, Sendable {
    package let cloud: CloudName
    /// What it counts in the mean, above 0; only its share of all matters.
    package let weight: Double
    /// Of one local step.
    package let secondsPerStep: Double
    /// What it does besides, whatever the round asks: reading the adapter, judging it, handing on.
    package let fixedSeconds: Double
    /// Sealing, for each bit of a value: a ciphertext holds the fewer values the more bits they have.
    package let sealSecondsPerBit: Double
    package let up: LinkRate
    package let down: LinkRate

    package init(
        cloud: CloudName, weight: Double, secondsPerStep: Double, fixedSeconds: Double = 0,
        sealSecondsPerBit: Double = 0, up: LinkRate, down: LinkRate
    ) {
        self.cloud = cloud
        self.weight = weight
        self.secondsPerStep = secondsPerStep
        self.fixedSeconds = fixedSeconds
        self.sealSecondsPerBit = sealSecondsPerBit
        self.up = up
        self.down = down
    }
}

/// What is known of a round but for what is to be chosen.
package struct RoundFigures: Sendable {
    package let clouds: [CloudFigures]
    /// Bytes of a contribution at each number of bits that may be chosen.
    package let contributionBytes: [Int: Double]
    /// Of what every cloud fetches after it: the next adapter.
    package let releaseBytes: Double
    package let aggregateSeconds: Double
    package let openSeconds: Double
    /// Bytes of a transfer that may be on their way at a time (docs/protocol.md, "Transfers").
    package let window: Double

    package init(
        clouds: [CloudFigures], contributionBytes: [Int: Double], releaseBytes: Double, aggregateSeconds: Double = 0,
        openSeconds: Double = 0, window: Double = .infinity
    ) {
        self.clouds = clouds
        self.contributionBytes = contributionBytes
        self.releaseBytes = releaseBytes
        self.aggregateSeconds = aggregateSeconds
        self.openSeconds = openSeconds
        self.window = window
    }
}
