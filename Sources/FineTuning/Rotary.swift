import Adapter
import Glibc
import Torch

/// The rotary embedding's angles for every position, as transformers computes them: in f32.
enum RotaryTable {
    /// Cosine and sine, each [positions, head width / 2].
    static func tensors(for shape: BaseModelShape, _ library: TorchLibrary) throws -> (cosine: Tensor, sine: Tensor) {
        let half = shape.headDim / 2
        let frequencies = (0..<half).map { index in
            1 / powf(Float(shape.ropeTheta), Float(2 * index) / Float(shape.headDim))
        }
        var cosine: [Float] = []
        var sine: [Float] = []
        cosine.reserveCapacity(shape.maximumPositions * half)
        sine.reserveCapacity(shape.maximumPositions * half)
        for position in 0..<shape.maximumPositions {
            for frequency in frequencies {
                let angle = Double(Float(position) * frequency)
                cosine.append(Float(cos(angle)))
                sine.append(Float(sin(angle)))
            }
        }
        let extents = [shape.maximumPositions, half]
        return (try Tensor(library, cosine, shape: extents), try Tensor(library, sine, shape: extents))
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
