internal import CTorchInterface

/// A tensor of libtorch on its library's device: f32 or bf16, or i64 for indices. Values are shared between views, so a tensor is not Sendable:
/// one thread at a time.
package final class Tensor {
    package let library: TorchLibrary
    let handle: OpaquePointer

    /// Takes over what an operator returned; nil is its failure.
    init(_ library: TorchLibrary, _ handle: OpaquePointer?, _ operation: StaticString) throws(TorchError) {
        guard let handle else { throw library.failure(operation) }
        self.library = library
        self.handle = handle
    }

    deinit { library.api.pointee.release(handle) }

    /// How many dimensions.
    package var rank: Int { extended { Int(library.api.pointee.rank($0)) } }

    package var shape: [Int] {
        extended { handle in
            (0..<library.api.pointee.rank(handle)).map { Int(library.api.pointee.size(handle, $0)) }
        }
    }

    package var count: Int { shape.reduce(1, *) }

    /// ARC may release a tensor after the last use of its *object*, which can be before the call that reads its handle.
    func extended<Value>(_ body: (OpaquePointer) -> Value) -> Value {
        withExtendedLifetime(self) { body(handle) }
    }
}

/// How an element is stored in a file.
package enum StoredType: Sendable {
    case float32, float16, bfloat16, int64

    var code: tributary_dtype {
        switch self {
        case .float32: TRIBUTARY_F32
        case .float16: TRIBUTARY_F16
        case .bfloat16: TRIBUTARY_BF16
        case .int64: TRIBUTARY_I64
        }
    }
}

extension Tensor {
    /// Copies little-endian elements, row-major; any floating type becomes f32.
    package convenience init(
        _ library: TorchLibrary, bytes: UnsafeRawBufferPointer, as type: StoredType, shape: [Int]
    ) throws(TorchError) {
        let extents = shape.map(Int64.init)
        let handle = library.api.pointee.from_bytes(
            type.code, bytes.baseAddress, Int64(bytes.count), extents, Int32(extents.count), library.device.code)
        try self.init(library, handle, "from_bytes")
    }

    package convenience init(_ library: TorchLibrary, _ values: [Float], shape: [Int]) throws(TorchError) {
        let extents = shape.map(Int64.init)
        let handle = values.withUnsafeBytes {
            library.api.pointee.from_bytes(
                TRIBUTARY_F32, $0.baseAddress, Int64($0.count), extents, Int32(extents.count), library.device.code)
        }
        try self.init(library, handle, "from_bytes")
    }

    package convenience init(_ library: TorchLibrary, indices: [Int64]) throws(TorchError) {
        let extents = [Int64(indices.count)]
        let handle = indices.withUnsafeBytes {
            library.api.pointee.from_bytes(
                TRIBUTARY_I64, $0.baseAddress, Int64($0.count), extents, 1, library.device.code)
        }
        try self.init(library, handle, "from_bytes")
    }

    package static func zeros(_ library: TorchLibrary, shape: [Int]) throws(TorchError) -> Tensor {
        let extents = shape.map(Int64.init)
        return try Tensor(
            library, library.api.pointee.zeros(extents, Int32(extents.count), library.device.code), "zeros")
    }

    /// The same values as numbers of another precision; a gradient comes back in this one's.
    package func cast(to precision: Precision) throws(TorchError) -> Tensor {
        try Tensor(library, extended { library.api.pointee.cast($0, precision.code) }, "to")
    }

    /// All values, row-major.
    package func floats() throws(TorchError) -> [Float] {
        let count = count
        var status: Int32 = 0
        let values = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            // An empty buffer may have no address, and then nothing is written through it.
            if let base = buffer.baseAddress {
                status = extended { library.api.pointee.read_f32($0, base, Int64(count)) }
            }
            initialized = status == 0 ? count : 0
        }
        try library.check(status, "read_f32")
        return values
    }

    /// All indices, row-major.
    package func integers() throws(TorchError) -> [Int64] {
        var values = [Int64](repeating: 0, count: count)
        let status = extended { library.api.pointee.read_i64($0, &values, Int64(values.count)) }
        try library.check(status, "read_i64")
        return values
    }
}
