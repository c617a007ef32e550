/// A file of named tensors in the Hugging Face safetensors format, checked whole before any tensor is lent.
///
/// A file on disk is mapped, so that a large model costs address space, not memory. As with any mapping, the file must
/// not be made shorter while it is open.
package final class SafetensorsFile: Sendable {
    package let metadata: [String: String]
    /// By name.
    package let tensors: [String: TensorEntry]
    private let file: MappedFile
    private let dataOffset: Int

    package convenience init(path: String) throws(SafetensorsError) {
        try self.init(MappedFile(path: path))
    }

    package convenience init(bytes: [UInt8]) throws(SafetensorsError) {
        try self.init(MappedFile(bytes: bytes))
    }

    private init(_ file: MappedFile) throws(SafetensorsError) {
        guard file.byteCount >= 8 else { throw .header("\(file.byteCount) bytes are too few for a header") }
        let prefix = file.withBytes(0..<8) { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        dataOffset = try SafetensorsHeader.dataOffset(prefix: prefix, fileByteCount: file.byteCount)
        let json = file.withBytes(8..<dataOffset) { Array($0) }
        let header = try SafetensorsHeader(json: json, dataByteCount: file.byteCount - dataOffset)
        metadata = header.metadata
        tensors = header.tensors
        self.file = file
    }

    package func entry(_ name: String) throws(SafetensorsError) -> TensorEntry {
        guard let entry = tensors[name] else { throw .missing(name: name) }
        return entry
    }

    /// Lends a tensor's bytes as they lie in the file: little-endian, row-major, not necessarily aligned.
    package func withBytes<Result>(of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result
    {
        let entry = try entry(name)
        return try file.withBytes(dataOffset + entry.range.lowerBound..<dataOffset + entry.range.upperBound, body)
    }

    package func bytes(_ name: String) throws(SafetensorsError) -> [UInt8] {
        let entry = try entry(name)
        return lend(entry) { Array($0) }
    }

    /// The values of an F32, F16 or BF16 tensor; the narrower types convert exactly.
    package func floats(_ name: String) throws(SafetensorsError) -> [Float] {
        let entry = try entry(name)
        switch entry.type {
        case .f32: return lend(entry) { bytes in convert(bytes) { (word: UInt32) in Float(bitPattern: word) } }
        case .f16: return lend(entry) { bytes in convert(bytes) { (word: UInt16) in Float(Float16(bitPattern: word)) } }
        // bfloat16 is the upper half of a float32.
        case .bf16:
            return lend(entry) { bytes in convert(bytes) { (word: UInt16) in Float(bitPattern: UInt32(word) << 16) } }
        default: throw .tensor(name: name, "expected F32, F16 or BF16, found \(entry.type.rawValue)")
        }
    }

    /// The values of a tensor of whole numbers (I64, I32, I16, I8, U8) whose type is exactly that of `Value`.
    package func integers<Value: FixedWidthInteger & Sendable>(
        _ name: String, as type: Value.Type
    ) throws(SafetensorsError) -> [Value] {
        let entry = try entry(name)
        let expected: ElementType
        switch ObjectIdentifier(type) {
        case ObjectIdentifier(Int64.self), ObjectIdentifier(Int.self): expected = .i64
        case ObjectIdentifier(Int32.self): expected = .i32
        case ObjectIdentifier(Int16.self): expected = .i16
        case ObjectIdentifier(Int8.self): expected = .i8
        case ObjectIdentifier(UInt8.self): expected = .u8
        default: throw .tensor(name: name, "\(type) is not an element type of whole numbers that is read here")
        }
        guard entry.type == expected else {
            throw .tensor(name: name, "expected \(expected.rawValue), found \(entry.type.rawValue)")
        }
        return lend(entry) { bytes in convert(bytes) { (value: Value) in value } }
    }

    private func lend<Result>(_ entry: TensorEntry, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        file.withBytes(dataOffset + entry.range.lowerBound..<dataOffset + entry.range.upperBound, body)
    }
}

private func convert<Word: FixedWidthInteger, Value>(
    _ bytes: UnsafeRawBufferPointer, _ body: (Word) -> Value
) -> [Value] {
    let size = MemoryLayout<Word>.size
    return (0..<bytes.count / size).map { index in
        body(Word(littleEndian: bytes.loadUnaligned(fromByteOffset: index * size, as: Word.self)))
    }
}
