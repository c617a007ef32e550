package import Torch

/// On what a model is computed, and in which numbers. Whatever they are, what is trained, its gradient, the optimiser's
/// memory and the loss are f32, as PEFT keeps them (`autocast_adapter_dtype`): a step is often smaller than bf16 can add.
package struct ComputeSettings: Hashable, Sendable {
    package let device: Device
    /// Of the frozen weights and of what flows between layers.
    package let precision: Precision

    package init(device: Device, precision: Precision) {
        self.device = device
        self.precision = precision
    }

    package static let standard = ComputeSettings(device: .cpu, precision: .f32)

    /// Throws where the engine here cannot compute so. For another device than the CPU it loads the engine, to see.
    package func require() throws(TorchError) {
        if device != .cpu { _ = try TorchLibrary.shared(on: device) }
    }
}
