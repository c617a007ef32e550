internal import BigInteger
internal import Sodium

/// A threshold public key as a text file of six lines and one for each party, each ended by a newline; numbers in
/// lower-case hexadecimal, n exactly as wide as it is, the others exactly twice as wide:
///
///     tributary-threshold-public-key 1
///     profile standard
///     threshold 2 of 3
///     n <hexadecimal>
///     hs <hexadecimal>
///     v <hexadecimal>
///     v1 <hexadecimal>
///     ...
extension ThresholdPublicKey {
    private static let title = "tributary-threshold-public-key 1"
    /// The lines before those of the parties.
    private static let headLines = 6
    /// Above the longest valid text: 4096 bits make 2,048 digits a line but for n.
    private static let maximumTextLength = (headLines + maximumParties) * 2100

    package var text: String {
        let digits = bits / 4
        func line(_ name: String, _ value: Integer, _ digits: Int) -> String {
            let text = value.hexadecimal
            return "\(name) \(String(repeating: "0", count: max(0, digits - text.count)))\(text)\n"
        }
        var text = """
            \(ThresholdPublicKey.title)
            profile \(paillier.profile)
            threshold \(threshold) of \(parties)

            """
        text += line("n", paillier.n.value, digits)
        text += line("hs", paillier.hs, 2 * digits)
        text += line("v", verificationBase, 2 * digits)
        for (index, value) in verificationKeys.enumerated() { text += line("v\(index + 1)", value, 2 * digits) }
        return text
    }

    /// Whether a text claims to be such a key: for readers of files that may hold either kind.
    package static func isTitled(_ text: String) -> Bool { text.hasPrefix(title + "\n") }

    /// Reads a key that came from a peer or a file.
    package convenience init(text: String, allowing sizes: PaillierKeySizes = .secure) throws {
        func refuse(_ reason: String) -> ThresholdError { .invalidKey(reason) }
        let limit = ThresholdPublicKey.maximumTextLength
        guard text.utf8.count <= limit else {
            throw refuse("expected at most \(limit) characters, found \(text.utf8.count)")
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines[0] == ThresholdPublicKey.title else {
            throw refuse("line 1 is not \"\(ThresholdPublicKey.title)\": not such a key, or of another version")
        }
        let parties = lines.count - ThresholdPublicKey.headLines - 1
        guard parties >= 0, parties <= ThresholdPublicKey.maximumParties, lines.last?.isEmpty ?? false else {
            throw refuse("expected six lines and one for each party, each ended by a newline")
        }
        func field(_ line: Int, _ name: String) throws(ThresholdError) -> String {
            guard lines[line].hasPrefix(name + " ") else {
                throw refuse("line \(line + 1) does not begin with \"\(name) \"")
            }
            return String(lines[line].dropFirst(name.count + 1))
        }
        let profileName = try field(1, "profile")
        guard let profile = PaillierProfile(rawValue: profileName) else {
            let known = PaillierProfile.allCases.map(\.rawValue).joined(separator: ", ")
            throw refuse("line 2: profile \"\(profileName.prefix(32))\" is not known here (known: \(known))")
        }
        let counts = try field(2, "threshold")
        guard let threshold = (1...ThresholdPublicKey.maximumParties).first(where: { "\($0) of \(parties)" == counts })
        else { throw refuse("line 3: \"\(counts.prefix(32))\" is not a threshold of the \(parties) parties below") }
        func number(_ line: Int, _ name: String, width: Int?) throws -> Integer {
            guard let bytes = Hex.decode(try field(line, name)) else {
                throw refuse("line \(line + 1): \(name) is not lower-case hexadecimal")
            }
            guard bytes.count == width ?? bytes.count, !bytes.isEmpty, width != nil || bytes[0] != 0 else {
                throw refuse("line \(line + 1): \(name) is not of the right width")
            }
            return Integer(bigEndian: bytes)
        }
        let n = try number(3, "n", width: nil)
        guard sizes.allow(bits: n.bitWidth) else {
            throw refuse("n has \(n.bitWidth) bits, expected \(sizes.expectation)")
        }
        let width = n.bitWidth / 4
        let hs = try number(4, "hs", width: width)
        let base = try number(5, "v", width: width)
        let keys = try (0..<parties).map {
            try number(ThresholdPublicKey.headLines + $0, "v\($0 + 1)", width: width)
        }
        try self.init(
            n: n, hs: hs, profile: profile, threshold: threshold, verificationBase: base, verificationKeys: keys,
            allowing: sizes)
    }
}
