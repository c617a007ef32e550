internal import CTorchInterface

extension Tensor {
    package func reshaped(_ shape: [Int]) throws(TorchError) -> Tensor {
        let extents = shape.map(Int64.init)
        return try Tensor(
            library, extended { library.api.pointee.reshape($0, extents, Int32(extents.count)) }, "reshape")
    }

    package func transposed(_ first: Int, _ second: Int) throws(TorchError) -> Tensor {
        try Tensor(
            library, extended { library.api.pointee.transpose($0, Int32(first), Int32(second)) }, "transpose")
    }

    package func narrowed(_ dimension: Int, from start: Int, count: Int) throws(TorchError) -> Tensor {
        try Tensor(
            library, extended { library.api.pointee.narrow($0, Int32(dimension), Int64(start), Int64(count)) }, "narrow"
        )
    }

    /// Views of the given sizes, one after the other along `dimension`.
    package func split(_ sizes: [Int], along dimension: Int) throws(TorchError) -> [Tensor] {
        let extents = sizes.map(Int64.init)
        var parts = [OpaquePointer?](repeating: nil, count: sizes.count)
        let status = extended {
            library.api.pointee.split($0, extents, Int32(extents.count), Int32(dimension), &parts)
        }
        try library.check(status, "split_with_sizes")
        var tensors: [Tensor] = []
        for part in parts { tensors.append(try Tensor(library, part, "split_with_sizes")) }
        return tensors
    }

    package func expanded(_ shape: [Int]) throws(TorchError) -> Tensor {
        let extents = shape.map(Int64.init)
        return try Tensor(
            library, extended { library.api.pointee.expand($0, extents, Int32(extents.count)) }, "expand")
    }

    package static func concatenated(_ tensors: [Tensor], along dimension: Int) throws(TorchError) -> Tensor {
        guard let library = tensors.first?.library else {
            throw .failed(operation: "cat", reason: "expected at least one tensor")
        }
        let handle = withExtendedLifetime(tensors) {
            library.api.pointee.concatenate(tensors.map { $0.handle }, Int32(tensors.count), Int32(dimension))
        }
        return try Tensor(library, handle, "cat")
    }

    package func selected(_ indices: Tensor, along dimension: Int) throws(TorchError) -> Tensor {
        let handle = withExtendedLifetime((self, indices)) {
            library.api.pointee.index_select(self.handle, Int32(dimension), indices.handle)
        }
        return try Tensor(library, handle, "index_select")
    }

    package func adding(_ other: Tensor) throws(TorchError) -> Tensor {
        let handle = withExtendedLifetime((self, other)) { library.api.pointee.add(self.handle, other.handle) }
        return try Tensor(library, handle, "add")
    }

    package func multiplied(by other: Tensor) throws(TorchError) -> Tensor {
        let handle = withExtendedLifetime((self, other)) { library.api.pointee.multiply(self.handle, other.handle) }
        return try Tensor(library, handle, "mul")
    }

    /// Indices of the largest values along `dimension`.
    package func argmax(along dimension: Int) throws(TorchError) -> Tensor {
        try Tensor(library, extended { library.api.pointee.argmax($0, Int32(dimension)) }, "argmax")
    }
}
