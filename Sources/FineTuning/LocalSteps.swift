import Federation
import Torch

/// One call's optimiser over one vector of parameters, with what it remembers from step to step.
struct LocalSteps {
    let settings: OptimizerSettings
    /// AdamW's moments; nil where there are none.
    private let moments: (first: Tensor, second: Tensor)?
    /// The values that the call began with, where steps are held near them.
    private let start: Tensor?
    private var steps = 0

    /// - Parameter parameters: at the values that training starts from.
    init(_ settings: OptimizerSettings, _ library: TorchLibrary, _ parameters: ParameterVector) throws(TorchError) {
        func zeros() throws(TorchError) -> Tensor { try Tensor.zeros(library, shape: [parameters.count]) }
        self.settings = settings
        moments = settings.rule == .adamW ? (try zeros(), try zeros()) : nil
        guard settings.proximal > 0 else {
            start = nil
            return
        }
        let start = try zeros()
        try start.copy(from: parameters.values)
        self.start = start
    }

    /// Adds the proximal term's gradient, mu times the distance from the start (FedProx), clips the gradient as
    /// torch.nn.utils.clip_grad_norm_ does, and takes one step; gives back the norm before clipping.
    mutating func step(_ parameters: ParameterVector, learningRate: Double) throws(TorchError) -> Double {
        if let start {
            try parameters.gradient.add(parameters.values, times: settings.proximal)
            try parameters.gradient.add(start, times: -settings.proximal)
        }
        let norm = try parameters.gradient.norm()
        if let clip = settings.clipNorm {
            let factor = clip / (norm + 1e-6)
            if factor < 1 { try parameters.gradient.scale(by: factor) }
        }
        steps += 1
        if let moments {
            try parameters.values.stepAdamW(
                gradient: parameters.gradient, firstMoment: moments.first, secondMoment: moments.second, step: steps,
                learningRate: learningRate, beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
                weightDecay: settings.weightDecay)
        } else {
            // Decay apart from the gradient, as in AdamW: a run that changes its rule keeps its meaning.
            if settings.weightDecay > 0 {
                try parameters.values.scale(by: 1 - learningRate * settings.weightDecay)
            }
            try parameters.values.add(parameters.gradient, times: -learningRate)
        }
        return norm
    }
}
