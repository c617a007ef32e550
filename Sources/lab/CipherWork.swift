import Dispatch
import Encryption
import Federation
import Sodium

/// A cipher that does not add up, over two bytes a value, in blocks with a nonce each.
final class CipherWork: SealingWork {
    private let values: BenchValues
    private let blocks: CipherBlocks
    private var payload: [UInt8] = []
    private var opened: [Double] = []
    var payloadBytes: Int { payload.count }
    var sumBytes: Int { payload.count }

    init?(_ name: String, values: BenchValues, bits: Int, threads: Int, block: Int) throws {
        guard let algorithm = AuthenticatedCipher.Algorithm(rawValue: name), bits <= 16, block > 0,
            let cipher = AuthenticatedCipher(algorithm, key: try SecretBytes.random(count: 32))
        else { return nil }
        self.values = values
        blocks = CipherBlocks(cipher: cipher, values: values.layout.count, block: block, threads: threads)
    }

    func encrypt() throws -> Elapsed {
        try Elapsed.measure {
            let words = try values.quantised().map { UInt16(truncatingIfNeeded: $0) }
            payload = [UInt8](unsafeUninitializedCapacity: blocks.byteCount) { target, filled in
                words.withUnsafeBytes { blocks.seal($0, into: UnsafeMutableRawBufferPointer(target)) }
                filled = blocks.byteCount
            }
        }
    }

    /// Impossible: nothing is done, in no time.
    func aggregate() throws -> Elapsed { .zero }

    func open() throws -> Elapsed {
        if payload.isEmpty { _ = try encrypt() }
        return try Elapsed.measure {
            let words = [UInt16](unsafeUninitializedCapacity: blocks.values) { target, filled in
                payload.withUnsafeBytes { blocks.open($0, into: UnsafeMutableRawBufferPointer(target)) }
                filled = blocks.values
            }
            opened = try values.quantiser.dequantise(words.map(UInt64.init), contributions: 1)
        }
    }

    var errors: (largest: Double, rms: Double) { values.errors(opened, contributions: 1) }
}

/// Blocks of two-byte words, each sealed with a nonce of its own, over threads.
private struct CipherBlocks: Sendable {
    let cipher: AuthenticatedCipher
    let values: Int
    let block: Int
    let threads: Int

    private var count: Int { (values + block - 1) / block }
    var byteCount: Int { 2 * values + count * AuthenticatedCipher.tagByteCount }

    private func nonce(_ index: Int) -> [UInt8] {
        (0..<cipher.nonceByteCount).map { $0 < 8 ? UInt8(truncatingIfNeeded: index >> (8 * $0)) : 0 }
    }

    /// Runs `body` for each block, with its words' bytes and its sealed ones.
    private func forEach(_ body: @Sendable (_ block: Int, _ words: Range<Int>, _ sealed: Range<Int>) -> Void) {
        let workers = min(threads, count)
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            for index in stride(from: worker, to: count, by: workers) {
                let part = 2 * index * block..<2 * min((index + 1) * block, values)
                let start = index * (2 * block + AuthenticatedCipher.tagByteCount)
                body(index, part, start..<start + part.count + AuthenticatedCipher.tagByteCount)
            }
        }
    }

    func seal(_ words: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) {
        // Each block reads and writes its own part.
        nonisolated(unsafe) let (words, target) = (words, target)
        forEach { index, part, bytes in
            cipher.seal(
                UnsafeRawBufferPointer(rebasing: words[part]), nonce: nonce(index),
                into: UnsafeMutableRawBufferPointer(rebasing: target[bytes]))
        }
    }

    func open(_ sealed: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) {
        nonisolated(unsafe) let (sealed, target) = (sealed, target)
        forEach { index, part, bytes in
            let fits = cipher.open(
                UnsafeRawBufferPointer(rebasing: sealed[bytes]), nonce: nonce(index),
                into: UnsafeMutableRawBufferPointer(rebasing: target[part]))
            precondition(fits, "what was just sealed opens")
        }
    }
}
