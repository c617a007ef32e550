internal import BigInteger
internal import Sodium

/// What a proof is about, hashed: BLAKE2b over a label and fields, each behind its length, so that no two statements
/// have the same bytes. The proofs here take it for a random oracle.
struct Transcript {
    private var bytes: [UInt8] = []

    init(_ label: String) { append(Array(label.utf8)) }

    mutating func append(_ field: [UInt8]) {
        withUnsafeBytes(of: UInt64(field.count).bigEndian) { bytes.append(contentsOf: $0) }
        bytes += field
    }

    /// In as many bytes as the modulus has.
    mutating func append(_ residue: Integer, of modulus: Modulus) {
        guard let field = residue.bigEndianBytes(count: modulus.byteCount) else {
            preconditionFailure("a residue is as wide as its modulus")
        }
        append(field)
    }

    func digest() -> Digest { Digest(of: bytes) }
}

/// The 128-bit weights that a row is tested with all at once, from a digest that fixes the row.
enum BatchWeights {
    static let byteCount = 16

    /// `count` weights, least significant byte first: halves of BLAKE2b(seed, k) for k = 0, 1, ...
    static func make(count: Int, seed: Digest) -> [UInt8] {
        var weights: [UInt8] = []
        weights.reserveCapacity((count + 1) * byteCount)
        var block: UInt64 = 0
        while weights.count < count * byteCount {
            let counter = withUnsafeBytes(of: block.bigEndian) { Array($0) }
            weights += Digest(of: seed.bytes + counter).bytes
            block += 1
        }
        return Array(weights.prefix(count * byteCount))
    }

    /// Weight `index` as a number.
    static func integer(_ weights: [UInt8], _ index: Int) -> Integer {
        Integer(bigEndian: weights[index * byteCount..<(index + 1) * byteCount].reversed())
    }
}
