internal import BigInteger
internal import Synchronization

/// Products of the ciphertexts of a row, each to the power of its weight.
struct WeightedPayload {
    private let key: PaillierPublicKey
    private let shape: PayloadShape
    /// Nil with GMP's arithmetic.
    private let square: LanePrimeSquare?

    init(_ scheme: PaillierScheme) {
        key = scheme.key
        shape = scheme.shape
        square =
            switch scheme.arithmetic {
            case .portable: nil
            case .lanes: LanePrimeSquare(prime: key.n.value, values: key.lanesOrTrap.nSquared)
            }
    }

    /// The product mod n^2 over all units of a checked payload. The same for any number of threads.
    func product(of payload: UnsafeRawBufferPointer, weights: [UInt8], threads: Int) -> Integer {
        let result = Mutex<Integer>(1)
        // What the buckets of a part cost does not depend on its length: one part for each thread.
        let part = max((shape.units + threads - 1) / max(threads, 1), 64)
        Parallel.forEachBlock(of: shape.units, size: part, threads: threads) { block in
            let product = weights.withUnsafeBytes { weights in
                let weights = UnsafeRawBufferPointer(
                    rebasing: weights[
                        block.lowerBound * BatchWeights.byteCount..<block.upperBound * BatchWeights.byteCount])
                let unit = { (index: Int) in shape.unit(block.lowerBound + index, of: payload) }
                return square?.weightedProduct(
                    of: block.count, weights: weights, weightBytes: BatchWeights.byteCount,
                    values: key.lanesOrTrap.nSquared, unit)
                    ?? key.nSquared.weightedProduct(
                        of: block.count, weights: weights, weightBytes: BatchWeights.byteCount, unit)
            }
            result.withLock { $0 = key.nSquared.multiply($0, product) }
        }
        return result.withLock { $0 }
    }
}
