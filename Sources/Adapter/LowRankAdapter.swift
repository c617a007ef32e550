package import Safetensors

/// A LoRA adapter: its settings, its base model's sizes and the values of every A and B.
package struct LowRankAdapter: Equatable, Sendable {
    package let configuration: AdapterConfiguration
    package let base: BaseModelShape
    package let modules: [AdaptedModule]
    /// Values of A by module, row-major [rank, inputs].
    package private(set) var a: [[Float]]
    /// Values of B by module, row-major [outputs, rank].
    package private(set) var b: [[Float]]

    /// The adapter a run begins with: A from the run seed, B zero, so that it changes nothing yet.
    package init(initial configuration: AdapterConfiguration, base: BaseModelShape) throws {
        self.configuration = configuration
        self.base = base
        modules = configuration.modules(of: base)
        a = try modules.map(configuration.initialA)
        b = modules.map { [Float](repeating: 0, count: $0.outputs * $0.rank) }
    }

    /// The adapter whose trained values, in the order of the layout, are `trained`.
    package init(configuration: AdapterConfiguration, base: BaseModelShape, trained: [Float]) throws {
        try self.init(initial: configuration, base: base)
        try replaceTrained(trained)
    }

    /// From values read elsewhere; `a` and `b` hold one list for each module.
    init(configuration: AdapterConfiguration, base: BaseModelShape, a: [[Float]], b: [[Float]]) {
        self.configuration = configuration
        self.base = base
        modules = configuration.modules(of: base)
        self.a = a
        self.b = b
    }

    /// The trained values in the order of `AdapterConfiguration.layout`.
    package var trained: [Float] {
        modules.indices.flatMap { configuration.trains == .both ? a[$0] + b[$0] : b[$0] }
    }

    /// Takes new trained values, in the order of the layout; refuses another count, and values that are not finite.
    package mutating func replaceTrained(_ values: [Float]) throws(AdapterError) {
        let sizes = modules.map { (a: $0.rank * $0.inputs, b: $0.outputs * $0.rank) }
        let expected = sizes.reduce(0) { $0 + $1.b + (configuration.trains == .both ? $1.a : 0) }
        guard values.count == expected else { throw .values("expected \(expected) values, found \(values.count)") }
        guard values.allSatisfy(\.isFinite) else { throw .values("a value is not finite") }
        var position = 0
        for (index, size) in sizes.enumerated() {
            if configuration.trains == .both {
                a[index] = Array(values[position..<position + size.a])
                position += size.a
            }
            b[index] = Array(values[position..<position + size.b])
            position += size.b
        }
    }

    /// Every A and B as tensors under PEFT's names.
    package var tensors: [TensorContents] {
        modules.indices.flatMap { index in
            let module = modules[index]
            return [
                TensorContents(name: module.nameA, shape: module.shapeA, floats: a[index]),
                TensorContents(name: module.nameB, shape: module.shapeB, floats: b[index]),
            ]
        }
    }
}
