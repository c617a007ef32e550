import Sodium
import Testing

@Suite("Secrets and randomness")
struct SecretBytesTests {
    @Test("A secret moved into guarded memory reads back, and its source is wiped")
    func movesAndWipes() throws {
        var source: [UInt8] = [1, 2, 3, 4]
        let secret = try SecretBytes(wiping: &source)
        #expect(source == [0, 0, 0, 0])
        #expect(secret.count == 4)
        #expect(secret.withUnsafeBytes { Array($0) } == [1, 2, 3, 4])
    }

    @Test("An empty secret can be made and lent")
    func empty() throws {
        var source: [UInt8] = []
        #expect(try SecretBytes(wiping: &source).withUnsafeBytes { $0.count } == 0)
    }

    @Test("Interpolating a secret into a text shows none of its bytes")
    func hasNoDescription() throws {
        var source = Array("open sesame".utf8)
        let hexadecimal = Hex.encode(source)
        let text = "\(try SecretBytes(wiping: &source))"
        #expect(!text.contains("sesame") && !text.contains(hexadecimal))
    }

    @Test("An error while filling a secret reaches the caller")
    func fillFails() {
        struct Refusal: Error {}
        #expect(throws: Refusal.self) { try SecretBytes(count: 8) { _ in throw Refusal() } }
    }

    @Test("Wiping sets every byte to zero and keeps the length")
    func wiping() {
        var bytes: [UInt8] = [9, 8, 7]
        wipe(&bytes)
        #expect(bytes == [0, 0, 0])
    }

    @Test("The system's generator does not repeat itself")
    func systemRandom() throws {
        #expect(try SystemRandom.bytes(count: 32) != SystemRandom.bytes(count: 32))
    }
}

@Suite("Keyed streams")
struct KeyStreamTests {
    private func secret(_ bytes: some Sequence<UInt8>) throws -> SecretBytes {
        var bytes = Array(bytes)
        return try SecretBytes(wiping: &bytes)
    }

    @Test("A stream is ChaCha20 (RFC 8439) under keyed BLAKE2b of the label")
    func knownAnswer() throws {
        // From an independent ChaCha20 (checked against RFC 8439, A.1) and Python's hashlib.
        let stream = try KeyStream.bytes(count: 80, secret: try secret(0..<32), label: "a label")
        #expect(
            Hex.encode(stream) == "45acae00ce2e2c2c2382228458d8d82c79f7c720b3532cb01adf7cf7f6ac7d771fb62ffcec10045c"
                + "e8855f179853f4450568fae34363f0f8a9d008f0e422bb9275bf190ab72c6860bc3f0261b71b5e64")
    }

    @Test("The same secret and label give the same stream, another of either another stream")
    func determinism() throws {
        let stream = try KeyStream.bytes(count: 64, secret: try secret(0..<32), label: "round 1")
        #expect(try KeyStream.bytes(count: 64, secret: try secret(0..<32), label: "round 1") == stream)
        #expect(try KeyStream.bytes(count: 64, secret: try secret(0..<32), label: "round 2") != stream)
        #expect(try KeyStream.bytes(count: 64, secret: try secret(1..<33), label: "round 1") != stream)
        #expect(try KeyStream.bytes(count: 16, secret: try secret(0..<32), label: "round 1") == Array(stream[..<16]))
    }

    @Test("A secret of another length is refused")
    func secretLength() throws {
        #expect(throws: SodiumError.wrongLength(what: "stream secret", expected: 32, found: 16)) {
            try KeyStream.bytes(count: 1, secret: try secret(0..<16), label: "")
        }
    }
}

@Suite("Hexadecimal")
struct HexTests {
    @Test("Every byte survives encoding and decoding")
    func roundTrip() {
        let bytes = Array(UInt8.min...UInt8.max)
        #expect(Hex.decode(Hex.encode(bytes)) == bytes)
    }

    @Test("Odd lengths, upper case and other characters are refused", arguments: ["0", "0A", "0g", "é0", " 0"])
    func refuses(text: String) {
        #expect(Hex.decode("0a") == [10])
        #expect(Hex.decode(text) == nil)
    }
}
