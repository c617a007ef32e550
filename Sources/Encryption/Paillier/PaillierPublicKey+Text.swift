internal import BigInteger
internal import Sodium

/// A public key as a text file of five lines, each ended by a newline:
///
///     tributary-paillier-public-key 2
///     primes subgroups
///     profile standard
///     n <hexadecimal, lower case, exactly as wide as n>
///     hs <hexadecimal, lower case, exactly as wide as n^2 may be>
extension PaillierPublicKey {
    private static let title = "tributary-paillier-public-key 2"
    /// Above the longest valid text: 4096 bits make 3,072 digits.
    private static let maximumTextLength = 4096

    package var text: String {
        let digits = bits / 4
        return """
            \(PaillierPublicKey.title)
            primes \(kind.structure)
            profile \(profile)
            n \(n.value.hexadecimal.leftPadded(to: digits))
            hs \(hs.hexadecimal.leftPadded(to: 2 * digits))

            """
    }

    /// Reads a key that came from a peer or a file.
    package convenience init(
        text: String, allowing sizes: PaillierKeySizes = .secure
    ) throws(EncryptionError) {
        func refuse(_ reason: String) -> EncryptionError { .invalidKey(what: "Paillier public key", reason) }
        guard text.utf8.count <= PaillierPublicKey.maximumTextLength else {
            throw refuse("expected at most \(PaillierPublicKey.maximumTextLength) characters, found \(text.utf8.count)")
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines[0] == PaillierPublicKey.title else {
            throw refuse(
                "line 1 is not \"\(PaillierPublicKey.title)\": not a public key, or of another version; make new keys")
        }
        guard lines.count == 6, lines[5].isEmpty else { throw refuse("expected five lines, each ended by a newline") }
        func field(_ line: Int, _ name: String) throws(EncryptionError) -> String {
            guard lines[line].hasPrefix(name + " ") else {
                throw refuse("line \(line + 1) does not begin with \"\(name) \"")
            }
            return String(lines[line].dropFirst(name.count + 1))
        }
        func choice<Choice: RawRepresentable<String> & CaseIterable>(
            _ line: Int, _ name: String, _: Choice.Type
        ) throws(EncryptionError) -> Choice {
            let text = try field(line, name)
            guard let choice = Choice(rawValue: text) else {
                let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
                throw refuse("line \(line + 1): \(name) \"\(text.prefix(32))\" is not known here (known: \(known))")
            }
            return choice
        }
        let structure = try choice(1, "primes", PaillierKeyStructure.self)
        let profile = try choice(2, "profile", PaillierProfile.self)
        guard let kind = PaillierKeyKind(structure: structure, profile: profile) else {
            throw refuse("line 3: profile \(profile) does not go with primes of the kind \(structure)")
        }
        guard let n = Hex.decode(try field(3, "n")) else { throw refuse("line 4: n is not lower-case hexadecimal") }
        guard let hs = Hex.decode(try field(4, "hs")) else { throw refuse("line 5: hs is not lower-case hexadecimal") }
        guard let first = n.first, first != 0, hs.count == 2 * n.count else {
            throw refuse("n must have no leading zeros and hs exactly twice the digits of n")
        }
        try self.init(n: Integer(bigEndian: n), hs: Integer(bigEndian: hs), kind: kind, allowing: sizes)
    }
}

extension String {
    fileprivate func leftPadded(to count: Int) -> String {
        String(repeating: "0", count: max(0, count - self.count)) + self
    }
}
