package import Safetensors

/// A LoRA adapter: its settings, its base model's sizes and the values of every A and B.
package struct LowRankAdapter: Equatable, Sendable {
    package let configuration: AdapterConfiguration
    package let base: BaseModelShape
    package let modules: [AdaptedModule]
    /// Values of A by module, row-major [rank, inputs].
    package private(set) var a: [[Float]]
    /// Values of B by module, row-major [outputs, rank]; under `core` the fixed one, into which R is folded where it is written.
    package private(set) var b: [[Float]]
    /// Values of R by module, row-major [rank, rank]; empty but under `core`.
    package private(set) var r: [[Float]]

    /// The adapter a run begins with: A from the run seed, B (or R between both) zero, so that it changes nothing yet.
    package init(initial configuration: AdapterConfiguration, base: BaseModelShape) throws {
        guard configuration.trains != .full else {
            throw AdapterError.setting("where every weight is trained there is no adapter")
        }
        self.configuration = configuration
        self.base = base
        modules = configuration.modules(of: base)
        a = try modules.map(configuration.initialA)
        if configuration.trains == .core {
            b = try modules.map(configuration.initialB)
            r = modules.map { [Float](repeating: 0, count: $0.rank * $0.rank) }
        } else {
            b = modules.map { [Float](repeating: 0, count: $0.outputs * $0.rank) }
            r = []
        }
    }

    /// The adapter whose released values, in the order of the layout, are `trained`.
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
        r = []
    }

    /// The released values in the order of `AdapterConfiguration.layout`.
    package var trained: [Float] {
        modules.indices.flatMap { index -> [Float] in
            switch configuration.trains {
            case .a: a[index]
            case .b: b[index]
            case .both, .alternate: a[index] + b[index]
            case .core: r[index]
            case .full: []
            }
        }
    }

    /// Takes new released values, in the order of the layout; refuses another count, and values that are not finite.
    package mutating func replaceTrained(_ values: [Float]) throws(AdapterError) {
        let expected = modules.flatMap { $0.parts(configuration.trains) }.reduce(0) { $0 + $1.count }
        guard values.count == expected else { throw .values("expected \(expected) values, found \(values.count)") }
        guard values.allSatisfy(\.isFinite) else { throw .values("a value is not finite") }
        var position = 0
        for (index, module) in modules.enumerated() {
            for part in module.parts(configuration.trains) {
                let new = Array(values[position..<position + part.count])
                switch part.factor {
                case .a: a[index] = new
                case .b: b[index] = new
                case nil: r[index] = new
                }
                position += part.count
            }
        }
    }

    /// B as an ordinary adapter has it: under `core` B R, summed in f64 and rounded once.
    package func writtenB(_ index: Int) -> [Float] {
        guard configuration.trains == .core else { return b[index] }
        let rank = modules[index].rank
        return (0..<modules[index].outputs).flatMap { row in
            (0..<rank).map { column in
                Float(
                    (0..<rank).reduce(0.0) {
                        $0 + Double(b[index][row * rank + $1]) * Double(r[index][$1 * rank + column])
                    })
            }
        }
    }

    /// Every A and B as tensors under PEFT's names.
    package var tensors: [TensorContents] {
        modules.indices.flatMap { index in
            let module = modules[index]
            return [
                TensorContents(name: module.nameA, shape: module.shapeA, floats: a[index]),
                TensorContents(name: module.nameB, shape: module.shapeB, floats: writtenB(index)),
            ]
        }
    }
}

// Under `shareA` a cloud trains A, which is shared, together with a B of its own.
extension AdapterConfiguration {
    /// A of all modules, and a cloud's own B (zeros where it has none yet), in the order in which both are trained.
    package func joined(a: [Float], ownB: [Float], of base: BaseModelShape) throws(AdapterError) -> [Float] {
        let modules = modules(of: base)
        let (countA, countB) = sizes(modules)
        guard a.count == countA else { throw .values("expected \(countA) values of A, found \(a.count)") }
        guard ownB.isEmpty || ownB.count == countB else {
            throw .values("expected \(countB) values of this cloud's own B, found \(ownB.count)")
        }
        var (nextA, nextB): (Int, Int) = (0, 0)
        return modules.flatMap { module -> [Float] in
            let (sizeA, sizeB) = (module.rank * module.inputs, module.outputs * module.rank)
            defer { (nextA, nextB) = (nextA + sizeA, nextB + sizeB) }
            let b = ownB.isEmpty ? [Float](repeating: 0, count: sizeB) : Array(ownB[nextB..<nextB + sizeB])
            return a[nextA..<nextA + sizeA] + b
        }
    }

    /// The two apart again.
    package func parted(_ values: [Float], of base: BaseModelShape) throws(AdapterError) -> (a: [Float], ownB: [Float])
    {
        let modules = modules(of: base)
        let (countA, countB) = sizes(modules)
        guard values.count == countA + countB else {
            throw .values("expected \(countA + countB) values of A and B, found \(values.count)")
        }
        var (a, b, next): ([Float], [Float], Int) = ([], [], 0)
        for module in modules {
            let (sizeA, sizeB) = (module.rank * module.inputs, module.outputs * module.rank)
            a += values[next..<next + sizeA]
            b += values[next + sizeA..<next + sizeA + sizeB]
            next += sizeA + sizeB
        }
        return (a, b)
    }

    private func sizes(_ modules: [AdaptedModule]) -> (a: Int, b: Int) {
        modules.reduce(into: (0, 0)) { sum, module in
            sum.0 += module.rank * module.inputs
            sum.1 += module.outputs * module.rank
        }
    }
}
