internal import CGMP

extension Integer {
    /// Unsigned, most significant byte first; an empty buffer is 0.
    package init(bigEndian bytes: UnsafeRawBufferPointer) {
        self = Integer.make { __gmpz_import($0, bytes.count, 1, 1, 0, 0, bytes.baseAddress) }
    }

    /// Unsigned, most significant byte first.
    package init(bigEndian bytes: [UInt8]) {
        self = bytes.withUnsafeBytes { Integer(bigEndian: $0) }
    }

    /// Fills `target` with the magnitude, most significant byte first and zeros in front; false, and `target` untouched,
    /// if it does not fit.
    package func writeBigEndian(to target: UnsafeMutableRawBufferPointer) -> Bool {
        let needed = (bitWidth + 7) / 8
        guard needed <= target.count, let base = target.baseAddress else { return needed == 0 }
        target.initializeMemory(as: UInt8.self, repeating: 0)
        if needed > 0 { __gmpz_export(base + (target.count - needed), nil, 1, 1, 0, 0, mpz) }
        return true
    }

    /// The magnitude in `count` bytes, most significant first, or nil if it does not fit.
    package func bigEndianBytes(count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        let fits = bytes.withUnsafeMutableBytes { writeBigEndian(to: $0) }
        return fits ? bytes : nil
    }

    /// Digits in base 2...36, lower or upper case, with an optional minus in front; nil for anything else.
    package init?(_ text: some StringProtocol, radix: Int = 10) {
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
        // mpz_set_str skips blanks, which no number of ours has.
        let allowed = digits.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
        }
        guard (2...36).contains(radix), !digits.isEmpty, allowed else { return nil }
        var understood = false
        self = Integer.make { understood = __gmpz_set_str($0, String(text), Int32(radix)) == 0 }
        guard understood else { return nil }
    }

    /// Lower-case hexadecimal, without a prefix. Not for secrets.
    package var hexadecimal: String {
        // Room for the digits, a sign and the terminating zero (GMP manual, mpz_get_str).
        let capacity = Int(__gmpz_sizeinbase(mpz, 16)) + 2
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
            guard let base = buffer.baseAddress else { return "" }
            __gmpz_get_str(base, 16, mpz)
            return String(cString: base)
        }
    }
}
