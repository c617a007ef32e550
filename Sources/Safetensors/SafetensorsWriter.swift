import JSONText

/// A tensor to be written.
package struct TensorContents: Sendable {
    package let name: String
    package let type: ElementType
    package let shape: [Int]
    /// Little-endian, row-major.
    package let bytes: [UInt8]

    package init(name: String, type: ElementType, shape: [Int], bytes: [UInt8]) {
        self.name = name
        self.type = type
        self.shape = shape
        self.bytes = bytes
    }

    /// An F32 tensor.
    package init(name: String, shape: [Int], floats: [Float]) {
        self.init(name: name, type: .f32, shape: shape, bytes: littleEndian(floats.map(\.bitPattern)))
    }

    package init(name: String, shape: [Int], integers: [Int32]) {
        self.init(name: name, type: .i32, shape: shape, bytes: littleEndian(integers))
    }

    package init(name: String, shape: [Int], integers: [Int64]) {
        self.init(name: name, type: .i64, shape: shape, bytes: littleEndian(integers))
    }
}

private func littleEndian(_ words: [some FixedWidthInteger]) -> [UInt8] {
    words.map(\.littleEndian).withUnsafeBytes { Array($0) }
}

/// Writes the safetensors format. The same tensors and metadata give the same bytes, in the order of the reference
/// implementation: wider element types first (its order of types, from the last), then by name; metadata first, its names
/// sorted; the header padded with spaces so that the data begins at a multiple of 8.
package enum SafetensorsWriter {
    package static func encode(
        _ tensors: [TensorContents], metadata: [String: String] = [:]
    ) throws(SafetensorsError) -> [UInt8] {
        guard tensors.count <= SafetensorsHeader.maximumTensors else {
            throw .header("\(tensors.count) tensors; at most \(SafetensorsHeader.maximumTensors) fit one file")
        }
        let sorted = tensors.sorted { left, right in
            left.type != right.type
                ? left.type.order > right.type.order : left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
        }
        var names: Set<String> = []
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            let text = pairs.map { JSON.quoted($0.key) + ":" + JSON.quoted($0.value) }.joined(separator: ",")
            members.append("\"__metadata__\":{\(text)}")
        }
        var position = 0
        for tensor in sorted {
            guard names.insert(tensor.name).inserted, tensor.name != "__metadata__" else {
                throw .tensor(name: tensor.name, "the name is used twice, or for the metadata")
            }
            guard tensor.shape.count <= SafetensorsHeader.maximumDimensions, tensor.shape.allSatisfy({ $0 >= 0 }),
                SafetensorsHeader.byteCount(tensor.shape, tensor.type) == tensor.bytes.count
            else {
                throw .tensor(
                    name: tensor.name,
                    "\(tensor.type.rawValue) of shape \(tensor.shape) does not take the \(tensor.bytes.count) bytes given"
                )
            }
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            let end = position + tensor.bytes.count
            members.append(
                "\(JSON.quoted(tensor.name)):{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(position),\(end)]}")
            position = end
        }
        var header = Array("{\(members.joined(separator: ","))}".utf8)
        header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
        guard header.count <= SafetensorsHeader.maximumByteCount else {
            throw .header(
                "the header would be \(header.count) bytes long; at most \(SafetensorsHeader.maximumByteCount) fit")
        }
        var output = littleEndian([UInt64(header.count)])
        output.reserveCapacity(8 + header.count + position)
        output += header
        for tensor in sorted { output += tensor.bytes }
        return output
    }

    /// Writes a file so that a crash leaves the old one or the new one.
    package static func write(
        _ tensors: [TensorContents], metadata: [String: String] = [:], to path: String
    ) throws(SafetensorsError) {
        try DurableFile.replace(path, with: encode(tensors, metadata: metadata))
    }
}
