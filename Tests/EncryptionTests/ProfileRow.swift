import BigInteger
import Encryption
import Foundation
import Sodium
import Testing

/// A row of profiles-2048.json, made by Python integers alone from a seed: keys of every kind, exponents and values; the
/// digests of what they seal (Reference/profiles_reference.py).
struct ProfileRow: Decodable {
    let primes: String
    let profile: String
    let p: String
    let q: String
    let hs: String
    let alpha_p: String?
    let alpha_q: String?
    let exponents: [String]
    let values: [UInt32]
    let payload_sha256: String
    let sum_of_three_sha256: String
    /// With Damgard and Jurik's s above 1, where one party may hold such a key.
    let longer: [Longer]?

    /// Digests of the values fourteen times over.
    struct Longer: Decodable {
        let degree: Int
        let payload_sha256: String
        let sum_of_three_sha256: String
    }

    static func all() throws -> [ProfileRow] {
        let url = try #require(
            Bundle.module.url(forResource: "profiles-2048", withExtension: "json", subdirectory: "Vectors"))
        return try JSONDecoder().decode([ProfileRow].self, from: Data(contentsOf: url))
    }

    /// The private key, through its documented encoding.
    func key() throws -> PaillierPrivateKey {
        let structures = ["general": 1, "subgroups": 2, "safe-primes": 3]
        let profiles = ["conservative": 1, "standard": 2, "turbo": 3]
        func bytes(_ text: String, _ count: Int) throws -> [UInt8] {
            let value: Integer = try #require(Integer(text, radix: 16))
            return try #require(value.bigEndianBytes(count: count))
        }
        var encoded = Array("tributary-paillier-private-key 2\n".utf8)
        encoded += [UInt8(try #require(structures[primes])), UInt8(try #require(profiles[profile])), 8, 0]
        encoded += try bytes(p, 128) + bytes(q, 128)
        if let alpha_p, let alpha_q { encoded += try bytes(alpha_p, 32) + bytes(alpha_q, 32) }
        encoded += try bytes(hs, 512)
        return try PaillierPrivateKey(decoding: try SecretBytes(wiping: &encoded))
    }

    /// Blinding exponents of `units` ciphertexts of a longer payload, `byteCount` bytes for each, least significant first:
    /// the first of the row's and so many times the second.
    func longerExponents(units: Int, byteCount: Int) throws -> [UInt8] {
        let first: Integer = try #require(Integer(exponents[0], radix: 16))
        let second: Integer = try #require(Integer(exponents[1], radix: 16))
        return try (0..<units).flatMap { unit in
            let exponent = (first + second * Integer(unit)).modulo(Integer(1) << (8 * byteCount))
            return Array(try #require(exponent.bigEndianBytes(count: byteCount)).reversed())
        }
    }
}
