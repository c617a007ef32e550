import BigInteger
import Encryption
import Federation
import Sodium

/// Keys and a sum that are the same in every process, so that an input means the same wherever it is tried. Of 512 bits,
/// and written down here: they protect nothing.
struct DecoderFixtures: Sendable {
    let key: ThresholdPublicKey
    let shares: [KeyShare]
    let privateKey: PaillierPrivateKey
    /// What shares are sealed to.
    let box: BoxKeyPair
    let layout: VectorLayout
    let slots: SlotLayout
    let values: [UInt32]
    /// A contribution under the threshold key, and under the private key.
    let contribution: [UInt8]
    let ownContribution: [UInt8]
    let context = Array("run 1, round 7".utf8)

    static let shared = Result { try DecoderFixtures() }

    private init() throws {
        func number(_ digits: String) throws -> Integer {
            guard let number = Integer(digits, radix: 16) else { throw EncryptionError.nothingToSum }
            return number
        }
        let choices = ThresholdDealer.Choices(
            p: try number("ced785d81c55d23e89696bd242a7b9f89c8166a7fd43c0fb83ad24b41acd1f8f"),
            q: try number("d8d6811ac000957b6685de6bebb2bbade37a3617ba43a8a70d37d658f6986f13"),
            blindingRoot: 12_345, verificationRoot: 67_890, coefficients: [Integer(1) << 900])
        (key, shares) = try ThresholdDealer.deal(
            choices, profile: .standard, parties: 3, threads: 1, allowing: .testing)
        var encoded = Hex.decode(DecoderFixtures.encodedKey) ?? []
        privateKey = try PaillierPrivateKey(decoding: SecretBytes(wiping: &encoded), allowing: .testing)
        var secret = [UInt8](repeating: 5, count: BoxKeyPair.keyByteCount)
        box = try BoxKeyPair(secret: SecretBytes(wiping: &secret))
        // Two ciphertexts.
        layout = try VectorLayout([.init(name: "values", shape: [60], range: 1)])
        slots = try SlotLayout(bits: 8, cohort: 3)
        values = (0..<60).map { UInt32($0 + 1) }
        let (layout, slots, values) = (layout, slots, values)
        func sealed(_ key: PaillierPublicKey) throws -> [UInt8] {
            let scheme = PaillierScheme(key: key, layout: layout, slots: slots)
            let exponents = [UInt8](repeating: 9, count: scheme.shape.units * scheme.exponentByteCount)
            return try scheme.seal(values, units: 0..<scheme.shape.units, exponents: exponents)
        }
        contribution = try sealed(key.paillier)
        ownContribution = try sealed(privateKey.publicKey)
    }

    func scheme(_ arithmetic: Arithmetic = .fastest) -> PaillierScheme {
        PaillierScheme(key: key.paillier, layout: layout, slots: slots, arithmetic: arithmetic)
    }

    func opener(_ party: Int) throws -> PartialOpener {
        try PartialOpener(share: shares[party - 1], key: key, layout: layout, slots: slots)
    }
    var verifier: OpeningVerifier { OpeningVerifier(key: key, layout: layout, slots: slots) }

    /// A party's row of the contribution, behind its proof.
    func opening(_ party: Int) throws -> [UInt8] {
        let opener = try opener(party)
        let row = try opener.row(
            of: contribution, units: 0..<opener.shape.units, sealing: opener.sealing, threads: 1)
        return try opener.proof(of: row, sum: contribution, context: context, threads: 1) + row
    }

    /// A contribution with fresh blinding, behind its proof.
    func provenContribution() throws -> [UInt8] {
        let witness = PlaintextWitness(for: scheme())
        let payload = try scheme().recording(witness).seal(values, threads: 1)
        let proof = PlaintextProof(key: key.paillier, layout: layout, slots: slots)
        return try proof.prove(witness, payload: Digest(ofContent: payload), context: context) + payload
    }

    /// A key of profile `conservative` with the same primes; hs is (-12345^2)^n.
    private static let encodedKey =
        "7472696275746172792d7061696c6c6965722d707269766174652d6b657920320a01010200ced785d81c55d23e89696b"
        + "d242a7b9f89c8166a7fd43c0fb83ad24b41acd1f8fd8d6811ac000957b6685de6bebb2bbade37a3617ba43a8a70d37d6"
        + "58f6986f136e41333bf5ec721667223b6fb8de681ba1852e3f8d6b562f33318b07ac6b6088a6dea5db339b079bec0e63"
        + "91fb084aa9301636a975ac4b01498c2b37bb084d825bbf5a2bc25d666576796f1c8c931656d7b2cf49b263ad8b857d95"
        + "cd8d792e510c68a788c15dacbe7292bdfdb4abc77fa20e905c58452eb76bbe0672a91fedc5"
}
