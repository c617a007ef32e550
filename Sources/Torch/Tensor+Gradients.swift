internal import CTorchInterface

extension Tensor {
    /// Marks a leaf for which `backward` shall compute a gradient.
    package func requireGradient() throws(TorchError) {
        try library.check(extended { library.api.pointee.require_gradient($0) }, "requires_grad_")
    }

    /// Gives a leaf the memory in which its gradient is to be summed up; of the same shape.
    package func setGradient(_ gradient: Tensor) throws(TorchError) {
        let status = withExtendedLifetime((self, gradient)) {
            library.api.pointee.set_gradient(handle, gradient.handle)
        }
        try library.check(status, "set_gradient")
    }

    package func gradient() throws(TorchError) -> Tensor {
        try Tensor(library, extended { library.api.pointee.gradient($0) }, "gradient")
    }

    /// Adds the derivative of this single value to the gradient of every leaf that it depends on.
    package func backward() throws(TorchError) {
        try library.check(extended { library.api.pointee.backward($0) }, "backward")
    }

    /// The same memory, cut off from the recorded graph.
    package func detached() throws(TorchError) -> Tensor {
        try Tensor(library, extended { library.api.pointee.detach($0) }, "detach")
    }

    package func fill(_ value: Double) throws(TorchError) {
        try library.check(extended { library.api.pointee.fill($0, value) }, "fill_")
    }

    package func scale(by factor: Double) throws(TorchError) {
        try library.check(extended { library.api.pointee.scale($0, factor) }, "mul_")
    }

    package func copy(from source: Tensor) throws(TorchError) {
        let status = withExtendedLifetime((self, source)) { library.api.pointee.copy(handle, source.handle) }
        try library.check(status, "copy_")
    }

    /// Adds `factor` times another tensor of the same shape, in place. Neither may be part of a recorded graph.
    package func add(_ other: Tensor, times factor: Double) throws(TorchError) {
        let scaled = try Tensor.zeros(library, shape: shape)
        try scaled.copy(from: other)
        try scaled.scale(by: factor)
        try copy(from: adding(scaled))
    }

    /// The Euclidean norm over all values.
    package func norm() throws(TorchError) -> Double {
        var value = 0.0
        try library.check(extended { library.api.pointee.norm($0, &value) }, "linalg_vector_norm")
        return value
    }

    /// One step of AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) on this tensor, as torch.optim.AdamW does it;
    /// `step` counts from 1.
    package func stepAdamW(
        gradient: Tensor, firstMoment: Tensor, secondMoment: Tensor, step: Int, learningRate: Double, beta1: Double,
        beta2: Double, epsilon: Double, weightDecay: Double
    ) throws(TorchError) {
        let status = withExtendedLifetime((self, gradient, firstMoment, secondMoment)) {
            library.api.pointee.adamw(
                handle, gradient.handle, firstMoment.handle, secondMoment.handle, Int64(step), learningRate, beta1,
                beta2, epsilon, weightDecay)
        }
        try library.check(status, "_fused_adamw_")
    }
}
