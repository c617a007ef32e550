import BigInteger
import Encryption
import Federation
import Keys

/// A key of sums for simulated clouds: the same in every run, of 512 bits, and written down here. It protects nothing.
enum SimulatedSumKey {
    /// Any two clouds open a sum: fewer than the smallest cohort there is.
    static let threshold = 2

    /// Deals it to clouds whose encrypt stages have their cards, the public half last.
    static func deal(to clouds: [CloudName], of publisher: CloudName, in store: KeyStore) throws {
        let (key, shares) = try ThresholdDealer.deal(
            try choices(), profile: .standard, parties: clouds.count, threads: 1, allowing: .testing)
        for (cloud, share) in zip(clouds.sorted(), shares) {
            let card = try store.currentCard(of: StageName(cloud: cloud, kind: .encrypt))
            try store.storeShare(try share.sealed(to: card.curve), of: cloud)
        }
        try store.storePaillierPublic(Array(key.text.utf8), of: publisher)
    }

    private static func choices() throws -> ThresholdDealer.Choices {
        func prime(_ digits: String) throws -> Integer {
            guard let number = Integer(digits, radix: 16) else { throw EncryptionError.nothingToSum }
            return number
        }
        return ThresholdDealer.Choices(
            p: try prime("ced785d81c55d23e89696bd242a7b9f89c8166a7fd43c0fb83ad24b41acd1f8f"),
            q: try prime("d8d6811ac000957b6685de6bebb2bbade37a3617ba43a8a70d37d658f6986f13"),
            blindingRoot: 12_345, verificationRoot: 67_890,
            coefficients: (1..<threshold).map { Integer(1) << (500 - $0) })
    }
}
