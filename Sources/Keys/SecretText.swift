internal import Sodium

/// A secret as one line of text, `kind:hexadecimal digits`, in guarded memory on both sides: ordinary memory never sees it.
enum SecretText {
    private static let digits = Array("0123456789abcdef".utf8)

    static func encode(_ secret: SecretBytes, kind: String) throws -> SecretBytes {
        let prefix = Array("\(kind):".utf8)
        return try SecretBytes(count: prefix.count + 2 * secret.count + 1) { target in
            target.copyBytes(from: prefix)
            secret.withUnsafeBytes { secret in
                for (index, byte) in secret.enumerated() {
                    target[prefix.count + 2 * index] = digits[Int(byte >> 4)]
                    target[prefix.count + 2 * index + 1] = digits[Int(byte & 15)]
                }
            }
            target[target.count - 1] = UInt8(ascii: "\n")
        }
    }

    /// Nil unless `text` is one line of that kind with exactly `count` bytes.
    static func decode(_ text: SecretBytes, kind: String, count: Int) throws -> SecretBytes? {
        let prefix = Array("\(kind):".utf8)
        return try text.withUnsafeBytes { text in
            var length = text.count
            if length > 0, text[length - 1] == UInt8(ascii: "\n") { length -= 1 }
            guard length == prefix.count + 2 * count, text.starts(with: prefix) else { return nil }
            guard text[prefix.count..<length].allSatisfy({ value($0) != nil }) else { return nil }
            return try SecretBytes(count: count) { target in
                for index in 0..<count {
                    let high = value(text[prefix.count + 2 * index]) ?? 0
                    let low = value(text[prefix.count + 2 * index + 1]) ?? 0
                    target[index] = high << 4 | low
                }
            }
        }
    }

    private static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
