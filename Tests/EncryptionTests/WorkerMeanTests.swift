import Encryption
import Testing

@Suite("The mean of a cloud's workers")
struct WorkerMeanTests {
    private func mean(_ deltas: [[Float]], _ batches: [Int]) throws -> [Float] {
        let bytes = deltas.map { $0.withUnsafeBytes { Array($0) } }
        func lend(_ rest: ArraySlice<[UInt8]>, _ lent: [UnsafeRawBufferPointer]) throws -> [Float] {
            guard let first = rest.first else { return try WorkerMean.of(lent, batches: batches) }
            return try first.withUnsafeBytes { try lend(rest.dropFirst(), lent + [$0]) }
        }
        return try lend(bytes[...], [])
    }

    @Test("Weighted by the parts of the batch, by hand")
    func byHand() throws {
        // (3 * 1 + 1 * 5) / 4 = 2, (3 * -2 + 1 * 2) / 4 = -1, (3 * 0.5 + 1 * 0.25) / 4 = 0.4375.
        #expect(try mean([[1, -2, 0.5], [5, 2, 0.25]], [3, 1]) == [2, -1, 0.4375])
        #expect(try mean([[1, 2], [3, 4], [8, 9]], [1, 1, 2]) == [5, 6])
    }

    /// Two values, and what NumPy makes of them: np.float32((5 * np.float64(a) + 3 * np.float64(b)) / 8).
    private static let numpy: [(Float, Float, UInt32)] = [
        (Float(bitPattern: 0x3dcccccd), Float(bitPattern: 0x3f333333), 0x3ea66666),
        (Float(bitPattern: 0x3eaaaaab), Float(bitPattern: 0xbe124925), 0x3e1e79e8),
        (Float(bitPattern: 0x322bcc77), Float(bitPattern: 0x47f12065), 0x4734d84c),
        (Float(bitPattern: 0xbb23d70a), Float(bitPattern: 0x3aa3d70a), 0xba8f5c29),
        (Float(bitPattern: 0x40400000), Float(bitPattern: 0x9e3ce508), 0x3ff00000),
    ]

    @Test("Rounded once, from f64")
    func rounding() throws {
        for (left, right, bits) in WorkerMeanTests.numpy {
            #expect(try mean([[left], [right]], [5, 3])[0].bitPattern == bits, "\(left), \(right)")
        }
        // In f32 the small one would be gone: 2^24 + 1 is not one of its numbers.
        #expect(try mean([[16_777_216], [1], [-16_777_216]], [1, 1, 1]) == [Float(1.0 / 3)])
    }

    @Test("As long as the longest of them at most, and of one worker what it is")
    func norm() throws {
        let one: [Float] = [0.3, -0.4, 1e-30]
        #expect(try mean([one], [7]) == one)
        let mean = try mean([[3, 4], [4, -3]], [2, 5])
        #expect((Double(mean[0]) * Double(mean[0]) + Double(mean[1]) * Double(mean[1])).squareRoot() <= 5)
    }

    @Test("Deltas of different lengths are refused, and what is not finite stays so")
    func refusals() throws {
        #expect(throws: EncryptionError.wrongValueCount(expected: 2, found: 1)) { try mean([[1, 2], [1]], [1, 1]) }
        #expect(try mean([[.nan], [1]], [1, 1])[0].isNaN)
    }
}
