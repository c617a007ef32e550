import Sodium
import Testing

/// Published vectors of what masks are made of.
@Suite("Key agreement, sealing and streams")
struct AgreementTests {
    private func bytes(_ hex: String) throws -> [UInt8] { try #require(Hex.decode(hex)) }

    private func secret(_ hex: String) throws -> SecretBytes {
        var bytes = try bytes(hex)
        return try SecretBytes(wiping: &bytes)
    }

    private func shown(_ secret: SecretBytes) -> String { secret.withUnsafeBytes { Hex.encode($0) } }

    @Test("X25519 agrees as in RFC 7748, section 6.1, from both sides")
    func agreement() throws {
        let alice = try BoxKeyPair(
            secret: secret("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
        let bob = try BoxKeyPair(secret: secret("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
        let common = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
        #expect(Hex.encode(alice.publicKey) == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
        #expect(try shown(alice.agreement(with: bob.publicKey)) == common)
        #expect(try shown(bob.agreement(with: alice.publicKey)) == common)
        #expect(BoxKeyPair.isAgreeable(alice.publicKey))
        #expect(throws: SodiumError.invalidKey(what: "X25519 key of small order")) {
            try alice.agreement(with: [UInt8](repeating: 0, count: 32))
        }
        #expect(throws: SodiumError.wrongLength(what: "X25519 key", expected: 32, found: 31)) {
            try alice.agreement(with: Array(bob.publicKey.dropLast()))
        }
        #expect(!BoxKeyPair.isAgreeable(Array(bob.publicKey.dropLast())))
        #expect(!BoxKeyPair.isAgreeable([UInt8](repeating: 0, count: 32)))
    }

    @Test("ChaCha20's stream is that of RFC 8439, appendix A.1, from any of its blocks")
    func stream() throws {
        let first =
            "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
            + "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
        let second =
            "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
            + "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"
        let key = [UInt8](repeating: 0, count: 32)
        func stream(from block: Int, count: Int) -> String {
            var output = [UInt8](repeating: 0xaa, count: count)
            output.withUnsafeMutableBytes { output in
                key.withUnsafeBytes { MaskStream.fill(output, key: $0, block: block) }
            }
            return Hex.encode(output)
        }
        #expect(stream(from: 0, count: 128) == first + second)
        #expect(stream(from: 1, count: 64) == second)
        #expect(stream(from: 0, count: 65) == first + second.prefix(2))
        #expect(stream(from: 1 << 32 - 1, count: 64).count == 128)
    }

    @Test("XChaCha20-Poly1305 seals as in draft-irtf-cfrg-xchacha, appendix A.3.1, and opens what it sealed alone")
    func sealing() throws {
        let key = try secret(Hex.encode((0x80..<0xa0).map { UInt8($0) }))
        let text =
            "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
        // The draft's associated data is no text; this has its tag for the label "label", from an independent program.
        let label = "label"
        let sealed = try SealedSecret.seal(
            secret(Hex.encode(Array(text.utf8))), key: key, label: label, nonce: (0x40..<0x58).map { UInt8($0) })
        #expect(
            Hex.encode(sealed[24..<56]) == "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb")
        #expect(Hex.encode(sealed.suffix(16)) == "8fca6db307a8519658ddba5a72db29c5")
        let opened = try #require(try SealedSecret.open(sealed, key: key, label: label))
        #expect(shown(opened) == Hex.encode(text.utf8))
        #expect(sealed.count == text.utf8.count + SealedSecret.overhead)

        for place in [0, 23, 24, 100, sealed.count - 1] {
            var spoiled = sealed
            spoiled[place] ^= 1
            #expect(try SealedSecret.open(spoiled, key: key, label: label) == nil)
        }
        #expect(try SealedSecret.open(sealed, key: key, label: "labels") == nil)
        #expect(try SealedSecret.open(sealed, key: SecretBytes.random(count: 32), label: label) == nil)
        for count in [0, 1, SealedSecret.overhead - 1, sealed.count - 1] {
            #expect(try SealedSecret.open(Array(sealed.prefix(count)), key: key, label: label) == nil)
        }
        #expect(throws: SodiumError.wrongLength(what: "sealing key", expected: 32, found: 31)) {
            try SealedSecret.open(sealed, key: SecretBytes.random(count: 31), label: label)
        }
        let again = try SealedSecret.seal(key, key: key, label: label)
        #expect(try SealedSecret.seal(key, key: key, label: label) != again)
    }

    @Test("Keys and commitments are keyed BLAKE2b-256, as hashlib has it")
    func keyedHash() throws {
        let secret = (0..<32).map { UInt8($0) }
        let expected = "9c98bd920d12fb6e960f39df7c3ce60b43a3ccc9d5c862f1f10600d112fdaf09"
        func commitment(_ bytes: ArraySlice<UInt8>, _ label: String) throws -> String {
            try bytes.withUnsafeBytes { try KeyedHash.commitment(to: $0, label: label).description }
        }
        let key = try secret.withUnsafeBytes { try KeyedHash.key(from: $0, label: "label\n") }
        #expect(shown(key) == expected)
        #expect(try commitment(secret[...], "label\n") == expected)
        #expect(try commitment(secret[...], "label") != expected)
        #expect(throws: SodiumError.wrongLength(what: "hashing key", expected: 32, found: 31)) {
            try commitment(secret[1...], "label\n")
        }
    }
}
