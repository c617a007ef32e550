import Adapter
import Glibc
import Torch

/// The rotary embedding's angles by position, as transformers computes them: in f32. Made as far as they are needed, since
/// config.json may allow far more positions than any sequence has.
struct RotaryTable {
    private let frequencies: [Float]
    private let maximumPositions: Int
    private let library: TorchLibrary
    private var positions = 0
    /// Cosine and sine, each [positions, head width / 2].
    private var angles: RotaryAngles?

    init(_ shape: BaseModelShape, _ library: TorchLibrary) {
        frequencies = (0..<shape.headDim / 2).map { index in
            1 / powf(Float(shape.ropeTheta), Float(2 * index) / Float(shape.headDim))
        }
        maximumPositions = shape.maximumPositions
        self.library = library
    }

    /// The angles of every position below `width`, and perhaps of more.
    mutating func angles(upTo width: Int) throws(TorchError) -> RotaryAngles {
        if let angles, width <= positions { return angles }
        let count = min(maximumPositions, max(256, 2 * width))
        var cosine: [Float] = []
        var sine: [Float] = []
        cosine.reserveCapacity(count * frequencies.count)
        sine.reserveCapacity(count * frequencies.count)
        for position in 0..<count {
            for frequency in frequencies {
                let angle = Double(Float(position) * frequency)
                cosine.append(Float(cos(angle)))
                sine.append(Float(sin(angle)))
            }
        }
        let extents = [count, frequencies.count]
        let made = RotaryAngles(
            cosine: try Tensor(library, cosine, shape: extents), sine: try Tensor(library, sine, shape: extents))
        (positions, angles) = (count, made)
        return made
    }
}

/// The angles of a batch's rows: cosine and sine [rows, head width / 2].
struct RotaryAngles {
    let cosine: Tensor
    let sine: Tensor

    func selected(_ rows: Tensor) throws(TorchError) -> RotaryAngles {
        RotaryAngles(cosine: try cosine.selected(rows, along: 0), sine: try sine.selected(rows, along: 0))
    }

    /// Turns x [rows, heads * width]; the result is [rows, heads, width].
    func turn(_ x: Tensor, _ heads: Int, _ width: Int) throws(TorchError) -> Tensor {
        try x.reshaped([x.shape[0], heads, width]).rotary(cosine: cosine, sine: sine)
    }
}
