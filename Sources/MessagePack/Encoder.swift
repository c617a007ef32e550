internal import CMessagePack

/// Values to bytes, by msgpack-c. The shortest form of each number is written, so equal values have equal bytes.
package func encode(_ value: Value) -> [UInt8] {
    var buffer = msgpack_sbuffer()
    msgpack_sbuffer_init(&buffer)
    defer { msgpack_sbuffer_destroy(&buffer) }
    withUnsafeMutablePointer(to: &buffer) { buffer in
        var packer = msgpack_packer()
        msgpack_packer_init(&packer, buffer, msgpack_sbuffer_write)
        pack(value, into: &packer)
    }
    guard let data = buffer.data else { return [] }
    return Array(UnsafeRawBufferPointer(start: data, count: buffer.size))
}

func pack(_ value: Value, into packer: inout msgpack_packer) {
    switch value {
    case .none: msgpack_pack_nil(&packer)
    case .bool(true): msgpack_pack_true(&packer)
    case .bool(false): msgpack_pack_false(&packer)
    case .unsigned(let number): msgpack_pack_uint64(&packer, number)
    case .negative(let number): msgpack_pack_int64(&packer, number)
    case .double(let number): msgpack_pack_double(&packer, number)
    case .text(let text): packText(text, into: &packer)
    case .bytes(let bytes):
        msgpack_pack_bin(&packer, bytes.count)
        bytes.withUnsafeBytes { _ = msgpack_pack_bin_body(&packer, $0.baseAddress, $0.count) }
    case .list(let elements):
        msgpack_pack_array(&packer, elements.count)
        for element in elements { pack(element, into: &packer) }
    case .map(let pairs):
        msgpack_pack_map(&packer, pairs.count)
        for pair in pairs {
            packText(pair.key, into: &packer)
            pack(pair.value, into: &packer)
        }
    }
}

func packText(_ text: String, into packer: inout msgpack_packer) {
    var text = text
    text.withUTF8 { utf8 in
        msgpack_pack_str(&packer, utf8.count)
        _ = msgpack_pack_str_body(&packer, utf8.baseAddress, utf8.count)
    }
}
