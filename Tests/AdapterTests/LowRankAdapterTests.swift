import Adapter
import Federation
import Testing

struct LowRankAdapterTests {
    @Test("The layout goes by layer, then by projection, under PEFT's names and shapes")
    func ordersLayout() throws {
        let layout = try Fixtures.configuration().layout(of: Fixtures.base(), range: 0.5)
        #expect(
            layout.segments.map(\.name) == [
                "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight",
                "base_model.model.model.layers.0.self_attn.v_proj.lora_B.weight",
                "base_model.model.model.layers.0.mlp.down_proj.lora_B.weight",
                "base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight",
                "base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight",
                "base_model.model.model.layers.1.mlp.down_proj.lora_B.weight",
            ])
        #expect(layout.segments.prefix(3).map(\.shape) == [[32, 4], [16, 4], [32, 4]])
        #expect(layout.segments.allSatisfy { $0.range == 0.5 })
    }

    @Test("Where A is trained too, it comes before its B")
    func ordersBoth() throws {
        let layout = try Fixtures.configuration(targets: [.down], trains: .both).layout(of: Fixtures.base(), range: 1)
        #expect(
            layout.segments.prefix(2).map(\.name) == [
                "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight",
                "base_model.model.model.layers.0.mlp.down_proj.lora_B.weight",
            ])
        #expect(layout.segments.prefix(2).map(\.shape) == [[4, 48], [32, 4]])
    }

    @Test("Every projection has the sizes that grouped-query attention gives it")
    func sizesProjections() throws {
        let base = try Fixtures.base()
        let sizes = Projection.allCases.map { [$0.inputs(in: base), $0.outputs(in: base)] }
        #expect(sizes == [[32, 32], [32, 16], [32, 16], [32, 32], [32, 48], [32, 48], [48, 32]])
    }

    @Test("A starts uniform within PEFT's bound, differs by tensor and seed, and is the same every time")
    func initialisesA() throws {
        let base = try Fixtures.base()
        let configuration = try Fixtures.configuration(targets: Set(Projection.allCases))
        let adapter = try LowRankAdapter(initial: configuration, base: base)
        #expect(try LowRankAdapter(initial: configuration, base: base) == adapter)
        #expect(Set(adapter.a.map { $0.map(\.bitPattern) }).count == adapter.modules.count)
        let other = try LowRankAdapter(
            initial: Fixtures.configuration(targets: Set(Projection.allCases), seed: 8), base: base)
        #expect(other.a[0] != adapter.a[0])
        #expect(adapter.b.allSatisfy { $0.allSatisfy { $0 == 0 } })
        for (module, a) in zip(adapter.modules, adapter.a) {
            let bound = Float(1 / Double(module.inputs).squareRoot())
            #expect(a.count == module.rank * module.inputs)
            #expect(a.allSatisfy { abs($0) <= bound })
            // Uniform on ±bound: mean 0 with standard error bound / sqrt(3 n), second moment bound² / 3.
            let mean = a.reduce(0, +) / Float(a.count)
            #expect(abs(mean) < 4 * bound / (3 * Float(a.count)).squareRoot())
            let second = a.reduce(0) { $0 + $1 * $1 } / Float(a.count)
            #expect(abs(second / (bound * bound / 3) - 1) < 0.4)
        }
    }

    @Test("The first values of A under seed 7 never change: published adapters depend on them")
    func pinsInitialisation() throws {
        let adapter = try LowRankAdapter(initial: Fixtures.configuration(), base: Fixtures.base())
        // Computed by hand from BLAKE2b, ChaCha20 and the bound, with Python's hashlib and struct.
        #expect(adapter.a[0].prefix(4).map(\.bitPattern) == [0xBE03_277D, 0xBD89_9E26, 0x3E24_9339, 0xBD6B_AD00])
    }

    @Test("Trained values go in and come out in the layout's order", arguments: [AdapterConfiguration.Trains.b, .both])
    func replacesTrained(_ trains: AdapterConfiguration.Trains) throws {
        let base = try Fixtures.base()
        let configuration = try Fixtures.configuration(trains: trains)
        let layout = try configuration.layout(of: base, range: 1)
        let values = Fixtures.values(layout.count)
        let adapter = try LowRankAdapter(configuration: configuration, base: base, trained: values)
        #expect(adapter.trained == values)
        #expect(adapter.b.last == Array(values.suffix(32 * 4)))
        var other = adapter
        #expect(throws: AdapterError.self) { try other.replaceTrained(Array(values.dropLast())) }
        #expect(throws: AdapterError.self) { try other.replaceTrained([.nan] + values.dropFirst()) }
        #expect(other == adapter)
    }

    @Test("Settings out of bounds are refused")
    func refusesSettings() throws {
        func make(rank: Int = 4, alpha: Int = 8, modules: [String] = ["q_proj"], name: String = "m") throws {
            _ = try AdapterConfiguration(rank: rank, alpha: alpha, targetModules: modules, seed: 1, baseModelName: name)
        }
        #expect(throws: Never.self) { try make() }
        #expect(throws: AdapterError.self) { try make(rank: 0) }
        #expect(throws: AdapterError.self) { try make(rank: 100_000) }
        #expect(throws: AdapterError.self) { try make(alpha: 0) }
        #expect(throws: AdapterError.self) { try make(modules: []) }
        #expect(throws: AdapterError.self) { try make(modules: ["lm_head"]) }
        #expect(throws: AdapterError.self) { try make(modules: ["q_proj", "q_proj"]) }
        #expect(throws: AdapterError.self) { try make(name: "") }
    }
}
