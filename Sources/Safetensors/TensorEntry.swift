/// One tensor's entry in a header: what it is and where its bytes lie.
package struct TensorEntry: Hashable, Sendable {
    package let name: String
    package let type: ElementType
    /// Row-major; empty for a scalar.
    package let shape: [Int]
    /// Byte offsets into the data part, after the header.
    package let range: Range<Int>

    /// The number of elements.
    package var count: Int { range.count / type.byteCount }
}
