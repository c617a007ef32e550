import Glibc
import Torch

/// AdamW with its moments, over one vector of parameters.
struct AdamW {
    let settings: OptimizerSettings
    private let firstMoment: Tensor
    private let secondMoment: Tensor
    private var steps = 0

    init(_ settings: OptimizerSettings, _ library: TorchLibrary, count: Int) throws(TorchError) {
        self.settings = settings
        firstMoment = try Tensor.zeros(library, shape: [count])
        secondMoment = try Tensor.zeros(library, shape: [count])
    }

    /// Clips the gradient, as torch.nn.utils.clip_grad_norm_ does, and takes one step; gives back the norm before clipping.
    mutating func step(_ parameters: ParameterVector, learningRate: Double) throws(TorchError) -> Double {
        let norm = try parameters.gradient.norm()
        if let clip = settings.clipNorm {
            let factor = clip / (norm + 1e-6)
            if factor < 1 { try parameters.gradient.scale(by: factor) }
        }
        steps += 1
        try parameters.values.stepAdamW(
            gradient: parameters.gradient, firstMoment: firstMoment, secondMoment: secondMoment, step: steps,
            learningRate: learningRate, beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
            weightDecay: settings.weightDecay)
        return norm
    }
}
