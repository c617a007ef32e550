internal import Glibc

extension Integer {
    /// A source of random bytes; the caller says which (the system's generator for keys and blinding). The bytes are
    /// overwritten once used.
    package typealias RandomBytes = (_ count: Int) throws -> [UInt8]

    /// Uniform in 0..<2^bits.
    package static func random(bits: Int, from source: RandomBytes) throws -> Integer {
        guard bits > 0 else { return 0 }
        var bytes = try source((bits + 7) / 8)
        defer {
            bytes.withUnsafeMutableBytes { bytes in
                if let base = bytes.baseAddress { explicit_bzero(base, bytes.count) }
            }
        }
        bytes[0] &= UInt8(truncatingIfNeeded: 0xff >> (bytes.count * 8 - bits))
        return Integer(bigEndian: bytes)
    }

    /// Uniform in 0..<bound, by rejection; the bound must be above 0.
    package static func random(below bound: Integer, from source: RandomBytes) throws -> Integer {
        precondition(bound.signum > 0, "the bound must be above 0")
        let bits = (bound - 1).bitWidth
        while true {
            let candidate = try random(bits: bits, from: source)
            if candidate < bound { return candidate }
        }
    }
}
