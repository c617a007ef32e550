import Torch

/// Trained values as one vector. Leaves are views into it and their gradients views into one gradient, so that clipping and
/// the optimiser's step are single operations whatever the number of tensors.
struct ParameterVector {
    let values: Tensor
    let gradient: Tensor
    let count: Int
    private let library: TorchLibrary

    init(_ library: TorchLibrary, count: Int) throws(TorchError) {
        self.library = library
        self.count = count
        values = try Tensor.zeros(library, shape: [count])
        gradient = try Tensor.zeros(library, shape: [count])
    }

    /// A trained tensor of the given shape whose values begin at `offset`.
    func leaf(at offset: Int, shape: [Int]) throws(TorchError) -> Tensor {
        let count = shape.reduce(1, *)
        let leaf = try values.narrowed(0, from: offset, count: count).reshaped(shape).detached()
        try leaf.requireGradient()
        try leaf.setGradient(gradient.narrowed(0, from: offset, count: count).reshaped(shape))
        return leaf
    }

    func load(_ new: [Float]) throws {
        guard new.count == count else {
            throw FineTuningError.setting("expected \(count) values for the adapter, found \(new.count)")
        }
        guard new.allSatisfy(\.isFinite) else { throw FineTuningError.setting("an adapter value is not finite") }
        try values.copy(from: Tensor(library, new, shape: [count]))
    }
}
