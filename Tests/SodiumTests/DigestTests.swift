import Sodium
import Testing

@Suite("Digests")
struct DigestTests {
    @Test("BLAKE2b-256 gives the digests that Python's hashlib gives")
    func blake2bKnownAnswers() {
        #expect(
            Digest(of: Array("abc".utf8)).description
                == "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319")
        #expect(
            Digest(of: [UInt8]()).description
                == "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8")
    }

    @Test("A digest over pieces is the digest over the whole")
    func piecewise() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let hasher = Digest.Hasher()
        for start in stride(from: 0, to: bytes.count, by: 129) {
            hasher.update(bytes[start..<min(start + 129, bytes.count)])
        }
        #expect(hasher.finish() == Digest(of: bytes))
    }

    /// From Python: blake2b(leaf, digest_size=32, person=b"tributary leaf 1") of each 16 KiB, and of those digests and the
    /// length, blake2b(..., person=b"tributary root 1").
    static let contents: [(count: Int, digest: String)] = [
        (0, "e6af167712f17b07421f6bb16de3f03d6a3c2ee59b4e28845c685c7c82f5b1de"),
        (16_384, "d1fc072a9f3af9df41f35b06b0445de4ab48ae38363e042c5a1d245e817c4636"),
        (16_385, "26a1fd5d10989b120aefdabf6d1b1c8711ee6ef7153c396dbde55644566f3348"),
        (131_072, "dc637e6f37a4a35e98a6b9fb544e8b14af3be330f0d2437ef23474b3fa4c8a95"),
        (131_073, "cb8f9bc1271961772c6cd43b246ae8e5933540bb1be9992109a141ac9fc81391"),
        (300_000, "c802ee4efd5cd54a58a665fb5478f3d4d3c6dc9067c4017a3dd7b6ac9c7746ab"),
    ]

    private static func content(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 256) }
    }

    @Test("A content's digest is that which Python's hashlib makes of its leaves", arguments: contents)
    func contentKnownAnswers(_ answer: (count: Int, digest: String)) {
        #expect(Digest(ofContent: Self.content(answer.count)).description == answer.digest)
    }

    @Test("A content's digest does not depend on the pieces it comes in", arguments: [1000, 16_384, 131_072, 200_001])
    func contentPiecewise(_ size: Int) {
        let bytes = Self.content(500_000)
        let hasher = Digest.ContentHasher()
        for start in stride(from: 0, to: bytes.count, by: size) {
            hasher.update(bytes[start..<min(start + size, bytes.count)])
        }
        #expect(hasher.finish() == Digest(ofContent: bytes))
    }

    @Test("One bit anywhere, or one byte more or less, makes another content's digest")
    func contentDiffers() {
        let bytes = Self.content(300_000)
        let digest = Digest(ofContent: bytes)
        // In the first, a middle and the last of eight leaves, in a later group, and in the last leaf, which is alone.
        for place in [0, 40_000, 131_071, 200_000, 299_999] {
            var other = bytes
            other[place] ^= 1
            #expect(Digest(ofContent: other) != digest)
        }
        #expect(Digest(ofContent: Array(bytes.dropLast())) != digest)
        #expect(Digest(ofContent: bytes + [0]) != digest)
        #expect(Digest(ofContent: bytes) != Digest(of: bytes))
    }

    @Test("Bytes from a wire make a digest only if there are 32 of them")
    func length() {
        #expect(Digest(bytes: [UInt8](repeating: 1, count: 32)) != nil)
        #expect(Digest(bytes: [UInt8](repeating: 1, count: 31)) == nil)
        #expect(Digest(bytes: [UInt8](repeating: 1, count: 33)) == nil)
    }

    @Test("SHA-256 of \"abc\" is that of FIPS 180-4")
    func sha256() {
        #expect(SHA256.hex(of: Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
