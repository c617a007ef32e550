internal import CMessagePack

/// Bytes to a value, by msgpack-c, after `limits` have been checked. The whole input must be one value.
///
/// - Parameter mixesText: text that is not UTF-8 comes as bytes: programs from before msgpack had a type for bytes send them so.
package func decode(
    _ bytes: [UInt8], limits: Limits = .message, mixesText: Bool = false
) throws(MessagePackError) -> Value {
    let decoded: Result<Value, MessagePackError> = bytes.withUnsafeBytes { bytes in
        do throws(MessagePackError) {
            var input = Guard(bytes, limits: limits)
            try input.check()
            return .success(try unpack(bytes, mixesText))
        } catch {
            return .failure(error)
        }
    }
    return try decoded.get()
}

private func unpack(_ bytes: UnsafeRawBufferPointer, _ mixesText: Bool) throws(MessagePackError) -> Value {
    var unpacked = msgpack_unpacked()
    msgpack_unpacked_init(&unpacked)
    defer { msgpack_unpacked_destroy(&unpacked) }
    var offset = 0
    let outcome = msgpack_unpack_next(&unpacked, bytes.baseAddress, bytes.count, &offset)
    switch outcome {
    case MSGPACK_UNPACK_SUCCESS, MSGPACK_UNPACK_EXTRA_BYTES: return try value(of: unpacked.data, mixesText)
    case MSGPACK_UNPACK_NOMEM_ERROR: throw .outOfMemory
    default: throw .truncated(offset: offset)
    }
}

private func value(of object: msgpack_object, _ mixesText: Bool) throws(MessagePackError) -> Value {
    switch object.type {
    case MSGPACK_OBJECT_NIL: return .none
    case MSGPACK_OBJECT_BOOLEAN: return .bool(object.via.boolean)
    case MSGPACK_OBJECT_POSITIVE_INTEGER: return .unsigned(object.via.u64)
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: return .negative(object.via.i64)
    case MSGPACK_OBJECT_FLOAT64: return .double(object.via.f64)
    case MSGPACK_OBJECT_STR:
        do { return .text(try text(object.via.str)) } catch {
            guard mixesText else { throw error }
            return .bytes(Array(UnsafeRawBufferPointer(start: object.via.str.ptr, count: Int(object.via.str.size))))
        }
    case MSGPACK_OBJECT_BIN:
        return .bytes(Array(UnsafeRawBufferPointer(start: object.via.bin.ptr, count: Int(object.via.bin.size))))
    case MSGPACK_OBJECT_ARRAY:
        var elements: [Value] = []
        for element in UnsafeBufferPointer(start: object.via.array.ptr, count: Int(object.via.array.size)) {
            elements.append(try value(of: element, mixesText))
        }
        return .list(elements)
    case MSGPACK_OBJECT_MAP:
        var pairs: [(key: String, value: Value)] = []
        var seen: Set<String> = []
        for pair in UnsafeBufferPointer(start: object.via.map.ptr, count: Int(object.via.map.size)) {
            let key = try text(pair.key.via.str)
            guard seen.insert(key).inserted else { throw .duplicateKey(key) }
            pairs.append((key, try value(of: pair.val, mixesText)))
        }
        return .map(pairs)
    default: throw .unsupportedType(offset: 0, byte: 0)
    }
}

private func text(_ string: msgpack_object_str) throws(MessagePackError) -> String {
    let bytes = UnsafeRawBufferPointer(start: string.ptr, count: Int(string.size))
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalidText(offset: 0) }
    return text
}
