import Federation
import Privacy
import Sodium

/// One cloud's part of the noise in a sum: a discrete Gaussian on every quantised value of an update that is no longer than the clip norm.
struct SumShare: Sendable {
    private let sampler: DiscreteGaussian
    private let clipNorm: Double

    /// Nil where the sum has no noise.
    init?(_ opening: Opening) throws(EncryptionError) {
        guard let sum = opening.privacy?.sum else { return nil }
        // Of the layout that is sealed, by the same arithmetic as publish's.
        if let fault = opening.sumNoiseFault { throw .invalidSlots(fault) }
        sampler = DiscreteGaussian(variance: sum.variance)
        clipNorm = opening.clipNorm
    }

    /// What little-endian f32 values are to be taken times, so that they are no longer than the clip norm: whoever made them should have
    /// seen to it, and here it is what the noise is worth. A hair below, for the rounding of the product.
    func shortening(_ bytes: UnsafeRawBufferPointer) -> Float {
        var sum = 0.0
        for offset in stride(from: 0, to: bytes.count - 3, by: 4) {
            let value = Double(
                Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))))
            sum += value * value
        }
        let norm = sum.squareRoot()
        // What is not finite is refused when it is quantised.
        guard norm.isFinite, norm > 0 else { return 1 }
        return Float(min(1, clipNorm / norm) * (1 - 1e-6))
    }

    /// Lends a block with noise on it, in memory that is overwritten afterwards.
    func withNoise<Result>(
        on block: UnsafeBufferPointer<UInt32>, _ words: SecretWords,
        _ body: (UnsafeBufferPointer<UInt32>) throws -> Result
    ) rethrows -> Result {
        let noised = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: block.count)
        noised.initialize(repeating: 0)
        defer {
            noised.update(repeating: 0)
            noised.deallocate()
        }
        var words = words
        // The opening's steps and the noise's ends leave every value within its bits.
        for index in block.indices { noised[index] = UInt32(Int64(block[index]) + sampler.draw(&words)) }
        return try body(UnsafeBufferPointer(noised))
    }
}
