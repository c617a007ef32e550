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

    @Test("`core` begins as an adapter that changes nothing, and is written with R folded into B")
    func core() throws {
        let configuration = try Fixtures.configuration(trains: .core)
        var adapter = try LowRankAdapter(initial: configuration, base: Fixtures.base())
        let layout = try configuration.layout(of: Fixtures.base(), range: 1)
        #expect(layout.segments.allSatisfy { $0.name.hasSuffix("lora_R.weight") && $0.shape == [4, 4] })
        #expect(adapter.trained == [Float](repeating: 0, count: layout.count))
        #expect(adapter.modules.indices.allSatisfy { adapter.writtenB($0).allSatisfy { $0 == 0 } })
        #expect(adapter.b.allSatisfy { $0.contains { $0 != 0 } })
        try adapter.replaceTrained((0..<layout.count).map { Float($0 % 7) - 3 })
        for (index, module) in adapter.modules.enumerated() {
            let written = adapter.writtenB(index)
            for row in [0, module.outputs - 1] {
                for column in 0..<4 {
                    let byHand = (0..<4).reduce(Float(0)) {
                        $0 + adapter.b[index][row * 4 + $1] * adapter.r[index][$1 * 4 + column]
                    }
                    #expect(abs(written[row * 4 + column] - byHand) < 1e-5)
                }
            }
        }
        #expect(throws: AdapterError.self) { try adapter.replaceTrained([1]) }
    }

    @Test("`alternate` sums B in odd updates and A in even ones, each at its own places among both")
    func alternate() throws {
        let configuration = try Fixtures.configuration(trains: .alternate)
        let base = try Fixtures.base()
        let whole = try configuration.layout(of: base, range: 1)
        var seen: [Int] = []
        for turn in 1...2 {
            let factor = configuration.factor(ofUpdate: turn)
            let part = try configuration.layout(of: base, range: 1, factor: factor)
            let ending = turn == 1 ? "lora_B.weight" : "lora_A.weight"
            #expect(part.segments.allSatisfy { $0.name.hasSuffix(ending) })
            #expect(configuration.factor(in: part, of: base) == factor)
            let places = try #require(try configuration.places(of: factor, in: base))
            #expect(whole.selecting(places).segments.map(\.name) == part.segments.map(\.name))
            #expect(places.count == part.count && places.values == whole.count)
            seen += places.places
        }
        #expect(seen.sorted() == Array(0..<whole.count))
        let other = try Fixtures.configuration(trains: .b)
        #expect(other.factor(ofUpdate: 2) == nil)
        #expect(try other.places(of: .b, in: base) == nil)
    }

    @Test("`shareA` releases A alone; a cloud's own B is put beside it, and taken from it again")
    func shareA() throws {
        let configuration = try Fixtures.configuration(trains: .a)
        let base = try Fixtures.base()
        let adapter = try LowRankAdapter(initial: configuration, base: base)
        #expect(adapter.trained == adapter.a.flatMap(\.self))
        let both = try LowRankAdapter(initial: Fixtures.configuration(trains: .both), base: base)
        #expect(try configuration.joined(a: adapter.trained, ownB: [], of: base) == both.trained)
        let own = both.b.flatMap(\.self).indices.map { Float($0) }
        let joined = try configuration.joined(a: adapter.trained, ownB: own, of: base)
        let parted = try configuration.parted(joined, of: base)
        #expect(parted.a == adapter.trained && parted.ownB == own)
        #expect(throws: AdapterError.self) { try configuration.joined(a: [1], ownB: [], of: base) }
        #expect(throws: AdapterError.self) { try configuration.joined(a: adapter.trained, ownB: [1], of: base) }
        #expect(throws: AdapterError.self) { try configuration.parted([1], of: base) }
    }

    /// What clouds have after their own steps from a common adapter: `trained` moved by other amounts in each, where `moves` says so.
    private func clouds(
        from start: LowRankAdapter, moving moves: (Int) -> Bool = { _ in true }
    ) throws -> [LowRankAdapter] {
        try (1...3).map { cloud in
            var adapter = start
            try adapter.replaceTrained(
                start.trained.enumerated().map { place, value in
                    guard moves(place) else { return value }
                    let step = (place &* 2_654_435_761 &* cloud &+ cloud) % 1009
                    return value + Float(step) / 1009 - 0.5
                })
            return adapter
        }
    }

    /// What a sum makes of them: the mean of what each trained.
    private func mean(_ clouds: [LowRankAdapter]) throws -> LowRankAdapter {
        var released = clouds[0]
        try released.replaceTrained(
            clouds[0].trained.indices.map { place in
                Float(clouds.reduce(0.0) { $0 + Double($1.trained[place]) } / Double(clouds.count))
            })
        return released
    }

    /// B A of a module as it is written, in f64.
    private func product(_ b: [Float], _ a: [Float], _ module: AdaptedModule) -> [Double] {
        (0..<module.outputs).flatMap { row in
            (0..<module.inputs).map { column in
                (0..<module.rank).reduce(0.0) {
                    $0 + Double(b[row * module.rank + $1]) * Double(a[$1 * module.inputs + column])
                }
            }
        }
    }

    /// The largest difference between the released product and the mean of the clouds' products, in the largest of those.
    private func fault(_ released: LowRankAdapter, _ clouds: [LowRankAdapter]) -> Double {
        var (fault, largest) = (0.0, 0.0)
        for (index, module) in released.modules.enumerated() {
            let found = product(released.writtenB(index), released.a[index], module)
            let parts = clouds.map { product($0.writtenB(index), $0.a[index], module) }
            for place in found.indices {
                let meant = parts.reduce(0) { $0 + $1[place] } / Double(parts.count)
                fault = max(fault, abs(found[place] - meant))
                largest = max(largest, abs(meant))
            }
        }
        return fault / largest
    }

    @Test(
        "The product of what was summed is the mean of the clouds' products in each mode that sums exactly",
        arguments: [AdapterConfiguration.Trains.b, .core])
    func exactness(_ trains: AdapterConfiguration.Trains) throws {
        let start = try LowRankAdapter(initial: Fixtures.configuration(trains: trains), base: Fixtures.base())
        let clouds = try clouds(from: start)
        #expect(Set(clouds.map { $0.trained.map(\.bitPattern) }).count == 3)
        #expect(fault(try mean(clouds), clouds) < 1e-6)
    }

    @Test(
        "Under `alternate` it is so in each update, where one factor moves and the other is common; of both at once it is not"
    )
    func alternates() throws {
        let base = try Fixtures.base()
        let configuration = try Fixtures.configuration(trains: .alternate)
        // What earlier updates have come to.
        let begun = try clouds(from: LowRankAdapter(initial: configuration, base: base))[0]
        for turn in 1...2 {
            let places = try #require(try configuration.places(of: configuration.factor(ofUpdate: turn), in: base))
            let moved = try clouds(from: begun) { places.contains($0) }
            #expect(moved[0].trained != moved[1].trained)
            #expect(fault(try mean(moved), moved) < 1e-6, "update \(turn)")
        }
        let both = try clouds(from: begun)
        #expect(fault(try mean(both), both) > 0.01)
    }

    @Test("Under `shareA` a cloud's own B with the released A is the mean of its B with each cloud's A")
    func sharedA() throws {
        let base = try Fixtures.base()
        let configuration = try Fixtures.configuration(trains: .a)
        let shared = try clouds(from: LowRankAdapter(initial: configuration, base: base))
        let released = try mean(shared)
        let count = try LowRankAdapter(initial: Fixtures.configuration(trains: .both), base: base).b.joined().count
        let own = (0..<count).map { Float($0 % 17) / 17 - 0.5 }
        func beside(_ adapter: LowRankAdapter) throws -> LowRankAdapter {
            try LowRankAdapter(
                configuration: Fixtures.configuration(trains: .both), base: base,
                trained: configuration.joined(a: adapter.trained, ownB: own, of: base))
        }
        #expect(fault(try beside(released), try shared.map(beside)) < 1e-6)
    }

    @Test("Under `inexact` the product of the means is another than the mean of the products")
    func inexact() throws {
        let start = try LowRankAdapter(initial: Fixtures.configuration(trains: .both), base: Fixtures.base())
        let clouds = try clouds(from: start)
        #expect(fault(try mean(clouds), clouds) > 0.01)
    }
}
