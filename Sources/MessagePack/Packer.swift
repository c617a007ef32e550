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

    package func text(_ text: String) { packText(text, into: &packer.pointee) }

    package func bytes(_ bytes: [UInt8]) { pack(.bytes(bytes), into: &packer.pointee) }

    package func number(_ number: UInt64) { msgpack_pack_uint64(packer, number) }

    package func number(_ number: Int) {
        if number < 0 { msgpack_pack_int64(packer, Int64(number)) } else { msgpack_pack_uint64(packer, UInt64(number)) }
    }

    /// Nothing is written as such.
    package func number(_ number: Double?) {
        if let number { msgpack_pack_double(packer, number) } else { msgpack_pack_nil(packer) }
    }

    package func flag(_ flag: Bool) { if flag { msgpack_pack_true(packer) } else { msgpack_pack_false(packer) } }

    /// Text whose bytes are at hand.
    package func text(_ bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        msgpack_pack_str(packer, bytes.count)
        bytes.withUnsafeBytes { _ = msgpack_pack_str_body(packer, $0.baseAddress, $0.count) }
    }

    /// A value of an application's own type, of eight bytes, the most significant first.
    package func `extension`(_ type: Int8, _ word: UInt64) {
        msgpack_pack_ext(packer, 8, type)
        withUnsafeBytes(of: word.bigEndian) { _ = msgpack_pack_ext_body(packer, $0.baseAddress, $0.count) }
    }

    /// What another has written, as one value of bytes.
    package func bytes(of other: Packer) {
        msgpack_pack_bin(packer, other.count)
        if other.count > 0 { _ = msgpack_pack_bin_body(packer, other.buffer.pointee.data, other.count) }
    }

    /// The values that another has written.
    package func append(_ other: Packer) {
        if other.count > 0 { _ = msgpack_sbuffer_write(buffer, other.buffer.pointee.data, other.count) }
    }
}
