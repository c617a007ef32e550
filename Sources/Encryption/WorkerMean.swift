/// The update of a cloud whose workers have trained apart.
package enum WorkerMean {
    /// The mean of the workers' deltas, weighted by what each takes of a step's batch: after one step of plain gradient descent that is
    /// what one worker with the whole batch would have made. In f64 in the order of the workers, rounded to f32 once; no longer
    /// than the longest of them, but for that rounding.
    ///
    /// - Parameters:
    ///   - deltas: of each worker, little-endian f32 values, all as long as one another.
    ///   - batches: of each worker, above 0.
    package static func of(
        _ deltas: [UnsafeRawBufferPointer], batches: [Int]
    ) throws(EncryptionError) -> [Float] {
        let width = MemoryLayout<Float>.size
        let count = (deltas.first?.count ?? 0) / width
        for delta in deltas where delta.count != count * width {
            throw .wrongValueCount(expected: count, found: delta.count / width)
        }
        let total = Double(batches.reduce(0, +))
        return [Float](unsafeUninitializedCapacity: count) { mean, filled in
            for place in 0..<count {
                var sum = 0.0
                for (delta, batch) in zip(deltas, batches) {
                    sum += Double(batch) * Double(delta.loadUnaligned(fromByteOffset: place * width, as: Float.self))
                }
                mean[place] = Float(sum / total)
            }
            filled = count
        }
    }
}
