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
