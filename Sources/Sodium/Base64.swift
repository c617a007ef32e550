internal import CSodium

/// Base64 with padding (RFC 4648, section 4), for formats that other tools read.
package enum Base64 {
    package static func encode(_ bytes: [UInt8]) -> String {
        // The length that libsodium asks for counts its closing zero.
        let length = sodium_base64_encoded_len(bytes.count, sodium_base64_VARIANT_ORIGINAL)
        var text = [CChar](repeating: 0, count: length)
        sodium_bin2base64(&text, length, bytes, bytes.count, sodium_base64_VARIANT_ORIGINAL)
        return String(decoding: text.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Nil for any other character, missing padding, or bits beyond the last byte.
    package static func decode(_ text: String) -> [UInt8]? {
        let characters = text.utf8.map { CChar(bitPattern: $0) }
        var bytes = [UInt8](repeating: 0, count: characters.count / 4 * 3 + 3)
        var count = 0
        let outcome = sodium_base642bin(
            &bytes, bytes.count, characters, characters.count, nil, &count, nil, sodium_base64_VARIANT_ORIGINAL)
        guard outcome == 0 else { return nil }
        return Array(bytes.prefix(count))
    }
}
