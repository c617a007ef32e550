internal import CMessagePack

/// Writes values one after the other by msgpack-c, for formats that have what `Value` has not: extension types. Whoever writes
/// counts what belongs into a list or a map.
package final class Packer {
    private let buffer: UnsafeMutablePointer<msgpack_sbuffer>
    private let packer: UnsafeMutablePointer<msgpack_packer>

    package init() {
        buffer = .allocate(capacity: 1)
        packer = .allocate(capacity: 1)
        msgpack_sbuffer_init(buffer)
        msgpack_packer_init(packer, buffer, msgpack_sbuffer_write)
    }

    deinit {
        msgpack_sbuffer_destroy(buffer)
        buffer.deallocate()
        packer.deallocate()
    }

    /// What has been written.
    package var bytes: [UInt8] {
        guard let data = buffer.pointee.data else { return [] }
        return Array(UnsafeRawBufferPointer(start: data, count: buffer.pointee.size))
    }

    package var count: Int { buffer.pointee.size }

    /// A list of so many values follows.
    package func list(_ count: Int) { msgpack_pack_array(packer, count) }

    /// A map of so many pairs follows.
    package func map(_ count: Int) { msgpack_pack_map(packer, count) }

    package func value(_ value: Value) { pack(value, into: &packer.pointee) }

    package func text(_ text: String) { packText(text, into: &packer.pointee) }

    package func bytes(_ bytes: [UInt8]) { value(.bytes(bytes)) }

    package func number(_ number: UInt64) { msgpack_pack_uint64(packer, number) }

    /// Text whose bytes are at hand.
    package func text(_ bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        msgpack_pack_str(packer, bytes.count)
        bytes.withUnsafeBytes { _ = msgpack_pack_str_body(packer, $0.baseAddress, $0.count) }
    }

    /// A value of an application's own type.
    package func `extension`(_ type: Int8, _ bytes: [UInt8]) {
        msgpack_pack_ext(packer, bytes.count, type)
        bytes.withUnsafeBytes { _ = msgpack_pack_ext_body(packer, $0.baseAddress, $0.count) }
    }

    /// Values that were written elsewhere.
    package func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { raw in
            _ = msgpack_sbuffer_write(buffer, raw.baseAddress?.assumingMemoryBound(to: CChar.self), raw.count)
        }
    }
}
