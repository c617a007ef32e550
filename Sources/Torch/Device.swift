internal import CTorchInterface

/// What tensors lie and are computed on.
package enum Device: Hashable, Sendable, CustomStringConvertible {
    case cpu
    /// A CUDA device by its number.
    case cuda(Int)

    /// `cpu`, `cuda` (the first) or `cuda:N`, N up to 127; nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        switch (parts.first, parts.count) {
        case ("cpu", 1): self = .cpu
        case ("cuda", 1): self = .cuda(0)
        case ("cuda", 2):
            guard let index = Int(parts[1]), (0...127).contains(index), String(index) == parts[1] else { return nil }
            self = .cuda(index)
        default: return nil
        }
    }

    package var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }

    var code: Int32 {
        switch self {
        case .cpu: TRIBUTARY_CPU
        case .cuda(let index): Int32(index)
        }
    }
}

/// The numbers that a model is computed in.
package enum Precision: String, Hashable, Sendable, CaseIterable {
    case f32
    /// The first 16 bits of an f32: its range, with 8 bits of its 24 for the digits.
    case bf16

    var code: tributary_dtype {
        switch self {
        case .f32: TRIBUTARY_F32
        case .bf16: TRIBUTARY_BF16
        }
    }
}
