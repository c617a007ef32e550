import Sodium
import Testing

@Suite("Ed25519 signatures")
struct SignatureTests {
    /// RFC 8032, section 7.1, TEST 2 and TEST 3.
    static let vectors: [(seed: String, key: String, message: String, signature: String)] = [
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ]

    @Test("Seeds of RFC 8032 make its keys and its signatures", arguments: vectors.indices)
    func knownAnswers(index: Int) throws {
        let vector = SignatureTests.vectors[index]
        var seed = try #require(Hex.decode(vector.seed))
        let key = try SigningKey(seed: try SecretBytes(wiping: &seed))
        let message = try #require(Hex.decode(vector.message))
        #expect(key.verifyingKey.description == vector.key)
        #expect(Hex.encode(key.signature(of: message).bytes) == vector.signature)
    }

    @Test("A signature verifies as made, and not after one bit of it, the message or the key has changed")
    func refusesChanges() throws {
        let key = try SigningKey(seed: try SecretBytes.random(count: SigningKey.seedByteCount))
        let message = Array("round 7 is open".utf8)
        let signature = key.signature(of: message)
        #expect(key.verifyingKey.verifies(signature, of: message))

        var otherMessage = message
        otherMessage[0] ^= 1
        #expect(!key.verifyingKey.verifies(signature, of: otherMessage))
        var otherSignature = signature.bytes
        otherSignature[40] ^= 1
        #expect(!key.verifyingKey.verifies(try #require(Signature(bytes: otherSignature)), of: message))
        let stranger = try SigningKey(seed: try SecretBytes.random(count: SigningKey.seedByteCount))
        #expect(!stranger.verifyingKey.verifies(signature, of: message))
    }

    @Test("A seed of another length is refused, naming both lengths")
    func seedLength() throws {
        #expect(throws: SodiumError.wrongLength(what: "signing seed", expected: 32, found: 31)) {
            try SigningKey(seed: try SecretBytes.random(count: 31))
        }
    }
}
