import JSONText

/// The header of a file in the safetensors format: 8 bytes of little-endian length, then that much JSON, then the data.
///
/// Source: huggingface/safetensors, README "Format". As in the reference, the tensors cover the data part exactly: no
/// holes, no overlap, nothing after them.
struct SafetensorsHeader {
    static let maximumByteCount = 16 << 20
    static let maximumTensors = 65_536
    static let maximumDimensions = 8

    let metadata: [String: String]
    let tensors: [String: TensorEntry]

    /// Where the data part begins, once `prefix` (the first 8 bytes) has been held against the file's length.
    static func dataOffset(prefix: UInt64, fileByteCount: Int) throws(SafetensorsError) -> Int {
        guard prefix <= UInt64(maximumByteCount) else {
            throw .header("the header would be \(prefix) bytes long; at most \(maximumByteCount) are read")
        }
        let end = 8 + Int(prefix)
        guard end <= fileByteCount else {
            throw .header("the header would end at byte \(end), the file at byte \(fileByteCount)")
        }
        return end
    }

    init(json: some Collection<UInt8>, dataByteCount: Int) throws(SafetensorsError) {
        guard json.first == UInt8(ascii: "{") else { throw .header("the header does not begin with a brace") }
        let members: [String: JSON]
        do throws(JSONError) {
            members = try JSONField(JSON(json)).members()
        } catch {
            throw .header(error.description)
        }
        guard members.count <= SafetensorsHeader.maximumTensors else {
            throw .header("\(members.count) entries; at most \(SafetensorsHeader.maximumTensors) are read")
        }
        var metadata: [String: String] = [:]
        var tensors: [String: TensorEntry] = [:]
        for (name, value) in members {
            if name == "__metadata__" {
                metadata = try SafetensorsHeader.metadata(value)
            } else {
                tensors[name] = try SafetensorsHeader.entry(name, value, dataByteCount)
            }
        }
        try SafetensorsHeader.requireCover(tensors.values, dataByteCount)
        self.metadata = metadata
        self.tensors = tensors
    }

    private static func metadata(_ value: JSON) throws(SafetensorsError) -> [String: String] {
        guard case .object(let members) = value else { throw .header("__metadata__ is \(value.kind), not an object") }
        var metadata: [String: String] = [:]
        for (key, value) in members {
            guard case .string(let text) = value else {
                throw .header("__metadata__.\(key.prefix(80)) is \(value.kind), not a string")
            }
            metadata[key] = text
        }
        return metadata
    }

    private static func entry(_ name: String, _ value: JSON, _ dataByteCount: Int) throws(SafetensorsError)
        -> TensorEntry
    {
        do throws(JSONError) {
            let field = JSONField(value)
            try field.allow(only: ["dtype", "shape", "data_offsets"])
            let typeName = try field.member("dtype").string(atMost: 32)
            guard let type = ElementType(rawValue: typeName) else {
                let known = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
                throw try field.member("dtype").refused("\"\(typeName)\" is not read here; known are \(known)")
            }
            var shape: [Int] = []
            for dimension in try field.member("shape").elements(atMost: maximumDimensions) {
                shape.append(try dimension.integer(in: 0...Int.max))
            }
            let offsets = try field.member("data_offsets").elements(atMost: 2)
            guard offsets.count == 2 else { throw try field.member("data_offsets").refused("expected two offsets") }
            let start = try offsets[0].integer(in: 0...dataByteCount)
            let end = try offsets[1].integer(in: start...dataByteCount)
            guard let byteCount = byteCount(shape, type), byteCount == end - start else {
                throw field.refused("\(typeName) of shape \(shape) does not take the \(end - start) bytes it is given")
            }
            return TensorEntry(name: name, type: type, shape: shape, range: start..<end)
        } catch {
            throw .tensor(name: name, error.description)
        }
    }

    /// Nil where the product overflows.
    static func byteCount(_ shape: [Int], _ type: ElementType) -> Int? {
        var count = type.byteCount
        for dimension in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
            guard !overflow else { return nil }
            count = product
        }
        return count
    }

    private static func requireCover(_ entries: some Sequence<TensorEntry>, _ dataByteCount: Int)
        throws(SafetensorsError)
    {
        var position = 0
        let inOrder = entries.sorted {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }
        for entry in inOrder {
            guard entry.range.lowerBound == position else {
                let fault =
                    entry.range.lowerBound < position ? "overlaps the tensor before it" : "leaves a hole before it"
                throw .tensor(
                    name: entry.name, "begins at byte \(entry.range.lowerBound) where \(position) is expected: \(fault)"
                )
            }
            position = entry.range.upperBound
        }
        guard position == dataByteCount else {
            throw .header("the tensors end at byte \(position) of the data, the file at byte \(dataByteCount)")
        }
    }
}
