package import Federation
package import Sodium

/// The randomness of one cloud's rounding in one round: the same again under the same secret, so that a run can be
/// replayed, and unknown to everyone else.
package struct StochasticRounding: Sendable {
    private let secret: SecretBytes
    private let run: RunName
    private let round: RoundNumber
    private let cloud: CloudName

    /// - Parameter secret: the cloud's own, `KeyStream.keyByteCount` bytes.
    package init(secret: SecretBytes, run: RunName, round: RoundNumber, cloud: CloudName) {
        self.secret = secret
        self.run = run
        self.round = round
        self.cloud = cloud
    }

    /// Values per stream: 256 KiB of words at a time, whatever the size of a segment.
    static let blockSize = 65_536

    /// Runs `body` over the segment's values, block by block, with four bytes for each value.
    func forEachBlock(
        of segment: VectorLayout.Segment, _ body: (Range<Int>, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        for start in stride(from: 0, to: segment.count, by: StochasticRounding.blockSize) {
            let block = start..<min(start + StochasticRounding.blockSize, segment.count)
            // The segment's name comes last: it alone may hold any printable character, a slash included.
            let label =
                "stochastic rounding 1/\(run)/\(round)/\(cloud)/\(start / StochasticRounding.blockSize)/\(segment.name)"
            var words = try KeyStream.bytes(count: block.count * 4, secret: secret, label: label)
            defer { wipe(&words) }
            try words.withUnsafeBytes { try body(block, $0) }
        }
    }
}
