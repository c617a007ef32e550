package import Federation
package import Sodium

/// What the others of a federation know of a stage: who it says it is on the wire, and whose signatures are its own.
package struct PublicCard: Hashable, Sendable {
    package let stage: StageName
    /// Curve25519, 32 bytes.
    package let curve: [UInt8]
    package let verifying: VerifyingKey

    package init(stage: StageName, curve: [UInt8], verifying: VerifyingKey) {
        self.stage = stage
        self.curve = curve
        self.verifying = verifying
    }

    /// Eight hexadecimal digits to compare by telephone.
    package var fingerprint: String { Digest(of: curve + verifying.bytes).short }

    /// The file: three lines, for people to read and to mail.
    package var text: String {
        """
        stage: \(stage)
        curve: \(Hex.encode(curve))
        sign: \(verifying)

        """
    }

    /// Nil unless `text` is exactly such a file.
    package init?(text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 4, lines[3].isEmpty else { return nil }
        func field(_ index: Int, _ name: String) -> String? {
            lines[index].hasPrefix("\(name): ") ? String(lines[index].dropFirst(name.count + 2)) : nil
        }
        guard let name = field(0, "stage"), let curve = field(1, "curve").flatMap(Hex.decode),
            let sign = field(2, "sign").flatMap(Hex.decode), curve.count == BoxKeyPair.keyByteCount,
            let verifying = VerifyingKey(bytes: sign)
        else { return nil }
        do { stage = try StageName(name) } catch { return nil }
        self.curve = curve
        self.verifying = verifying
    }
}
