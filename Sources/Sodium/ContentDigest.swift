internal import CBlake2
internal import CSodium

extension Digest {
    /// The digest of a payload (docs/protocol.md, "Digests"): BLAKE2b over the digests of its leaves, which are taken eight at
    /// a time. A payload is digested some ten times on its way from a cloud to all clouds, so its speed counts.
    package init(ofContent data: some ContiguousCollection) {
        let hasher = ContentHasher()
        hasher.update(data)
        self = hasher.finish()
    }

    /// `Digest(ofContent:)` over a stream of pieces; one thread at a time.
    package final class ContentHasher {
        private static let leafBytes = Int(tributary_leaf_bytes)
        private static let groupBytes = leafBytes * Int(tributary_leaf_lanes)
        /// BLAKE2b's personalisation, 16 bytes each: a leaf's digest is never a root's.
        private static let leaf = Array("tributary leaf 1".utf8)
        private static let root = Array("tributary root 1".utf8)
        private static let salt = [UInt8](repeating: 0, count: Int(crypto_generichash_blake2b_SALTBYTES))

        // Opaque to Swift, as in `Hasher`.
        private let state = UnsafeMutableRawPointer.allocate(
            byteCount: crypto_generichash_blake2b_statebytes(), alignment: 64)
        /// What waits until it is eight leaves; there from the first piece that does not end with a group.
        private var waiting: UnsafeMutableRawBufferPointer?
        private var waitingBytes = 0
        private var length: UInt64 = 0

        package init() {
            crypto_generichash_blake2b_init_salt_personal(
                OpaquePointer(state), nil, 0, Digest.byteCount, Self.salt, Self.root)
        }

        package func update(_ data: some ContiguousCollection) {
            data.withContiguousBytes { bytes in
                length += UInt64(bytes.count)
                var rest = bytes
                if waitingBytes > 0 {
                    rest = hold(rest)
                    guard waitingBytes == Self.groupBytes, let waiting else { return }
                    take(group: UnsafeRawBufferPointer(waiting))
                    waitingBytes = 0
                }
                while rest.count >= Self.groupBytes {
                    take(group: UnsafeRawBufferPointer(rebasing: rest[..<Self.groupBytes]))
                    rest = UnsafeRawBufferPointer(rebasing: rest[Self.groupBytes..<rest.count])
                }
                _ = hold(rest)
            }
        }

        /// Keeps what there is room for, and answers what is left.
        private func hold(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
            guard !bytes.isEmpty else { return bytes }
            let buffer = waiting ?? .allocate(byteCount: Self.groupBytes, alignment: 64)
            waiting = buffer
            let count = min(bytes.count, Self.groupBytes - waitingBytes)
            UnsafeMutableRawBufferPointer(rebasing: buffer[waitingBytes..<waitingBytes + count])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            waitingBytes += count
            return UnsafeRawBufferPointer(rebasing: bytes[count..<bytes.count])
        }

        private func take(group: UnsafeRawBufferPointer) {
            var digests = [UInt8](repeating: 0, count: Digest.byteCount * Int(tributary_leaf_lanes))
            tributary_digest_leaves(group.octets, Self.leaf, &digests)
            append(digests)
        }

        private func append(_ bytes: [UInt8]) {
            _ = crypto_generichash_blake2b_update(OpaquePointer(state), bytes, UInt64(bytes.count))
        }

        /// Ends the stream; the hasher must not be used after it.
        package func finish() -> Digest {
            if let waiting {
                for start in stride(from: 0, to: waitingBytes, by: Self.leafBytes) {
                    let leaf = UnsafeRawBufferPointer(
                        rebasing: waiting[start..<min(start + Self.leafBytes, waitingBytes)])
                    var digest = [UInt8](repeating: 0, count: Digest.byteCount)
                    crypto_generichash_blake2b_salt_personal(
                        &digest, digest.count, leaf.octets, UInt64(leaf.count), nil, 0, Self.salt, Self.leaf)
                    append(digest)
                }
            }
            append(withUnsafeBytes(of: length.littleEndian) { Array($0) })
            var output = [UInt8](repeating: 0, count: Digest.byteCount)
            crypto_generichash_blake2b_final(OpaquePointer(state), &output, output.count)
            return Digest(unchecked: output)
        }

        deinit {
            if let waiting {
                sodium_memzero(waiting.baseAddress, waitingBytes)
                waiting.deallocate()
            }
            state.deallocate()
        }
    }
}
