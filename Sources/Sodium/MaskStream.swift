internal import CSodium

/// The key stream of ChaCha20 (RFC 8439, a nonce of zero): a key is used for one stream and nothing else.
package enum MaskStream {
    package static let keyByteCount = Int(crypto_stream_chacha20_ietf_KEYBYTES)
    /// Streams are entered at multiples of this.
    package static let blockByteCount = 64

    /// Writes the stream's bytes from its block `block` on. The stream has 2^32 blocks.
    package static func fill(_ target: UnsafeMutableRawBufferPointer, key: UnsafeRawBufferPointer, block: Int) {
        precondition(key.count == keyByteCount, "a key has \(keyByteCount) bytes")
        let blocks = (target.count + blockByteCount - 1) / blockByteCount
        precondition(block >= 0 && block + blocks <= 1 << 32, "the stream ends before")
        target.initializeMemory(as: UInt8.self, repeating: 0)
        let nonce = [UInt8](repeating: 0, count: Int(crypto_stream_chacha20_ietf_NONCEBYTES))
        _ = crypto_stream_chacha20_ietf_xor_ic(
            target.octets, target.octets, UInt64(target.count), nonce, UInt32(block), key.octets)
    }
}

/// Overwrites memory in a way that the compiler may not drop.
package func wipe(_ bytes: UnsafeMutableRawBufferPointer) { sodium_memzero(bytes.octets, bytes.count) }
