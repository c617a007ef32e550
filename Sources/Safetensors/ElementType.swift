/// The element types that are read and written here, by their names in the format.
package enum ElementType: String, Hashable, Sendable, CaseIterable {
    case bool = "BOOL"
    case u8 = "U8"
    case i8 = "I8"
    case i16 = "I16"
    case f16 = "F16"
    case bf16 = "BF16"
    case i32 = "I32"
    case f32 = "F32"
    case f64 = "F64"
    case i64 = "I64"

    package var byteCount: Int {
        switch self {
        case .bool, .u8, .i8: 1
        case .i16, .f16, .bf16: 2
        case .i32, .f32: 4
        case .f64, .i64: 8
        }
    }

    /// The place in the reference implementation's order of types; files hold the wider types first, so that every tensor
    /// is aligned for its type.
    var order: Int { ElementType.allCases.firstIndex(of: self) ?? 0 }
}
