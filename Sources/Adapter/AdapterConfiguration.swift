package import Federation

/// The settings of a run's LoRA adapter (Hu et al. 2021): what is adapted, at what rank, and which factor is trained; or that there is
/// none, and every weight is.
package struct AdapterConfiguration: Hashable, Sendable {
    /// Which factors the clouds train and sum. Additive encryption can make the mean of what it is given and nothing else: where
    /// one factor of a product is the same at every cloud, the mean of the other is the mean of the products.
    package enum Trains: String, Hashable, Sendable, CaseIterable {
        /// B alone; A stays as the run seed made it (FFA-LoRA, Sun et al. 2024, arXiv 2403.12313).
        case b
        /// B in odd updates, A in even ones, the other as it stands (RoLoRA, Chen et al. 2025, arXiv 2502.01755).
        case alternate
        /// Both at each cloud, of which A alone is summed: each cloud keeps its own B (FedSA-LoRA, Guo et al. 2024, arXiv 2410.01463).
        case a
        /// A square matrix R of the rank's size between a fixed B and a fixed A (Fed-SB, Singhal et al. 2025, arXiv 2502.15436).
        case core
        /// A and B in one update. The mean of products is not the product of means: an average of such updates is not exact.
        case both
        /// Every weight of the base model, and no adapter: its values are the weights themselves.
        case full

        /// As configs, manifests and people have it.
        package var mode: Mode {
            switch self {
            case .b: .freezeA
            case .alternate: .alternate
            case .a: .shareA
            case .core: .core
            case .both: .inexact
            case .full: .full
            }
        }
    }

    package enum Mode: String, Hashable, Sendable, CaseIterable {
        case freezeA
        case alternate
        case shareA
        case core
        case inexact
        case full

        package var trains: Trains {
            switch self {
            case .freezeA: .b
            case .alternate: .alternate
            case .shareA: .a
            case .core: .core
            case .inexact: .both
            case .full: .full
            }
        }
    }

    /// One of the two matrices of a projection's adapter.
    package enum Factor: Hashable, Sendable {
        case a
        case b
    }

    package let rank: Int
    package let alpha: Int
    /// In the order of `Projection.allCases`.
    package let targets: [Projection]
    package let trains: Trains
    /// The public run seed, from which A is made.
    package let seed: UInt64
    /// What PEFT calls `base_model_name_or_path`.
    package let baseModelName: String

    package init(
        rank: Int, alpha: Int, targets: Set<Projection>, trains: Trains = .b, seed: UInt64, baseModelName: String
    ) throws(AdapterError) {
        guard (1...512).contains(rank) else { throw .setting("expected a rank of 1 to 512, found \(rank)") }
        guard (1...65_536).contains(alpha) else { throw .setting("expected an alpha of 1 to 65536, found \(alpha)") }
        guard trains != .full || (targets.isEmpty && rank == 1 && alpha == 1) else {
            throw .setting("where every weight is trained there is no rank, no alpha and no projection to choose")
        }
        guard trains == .full || !targets.isEmpty else { throw .setting("no projection is adapted: name at least one") }
        guard (1...256).contains(baseModelName.utf8.count), baseModelName.utf8.allSatisfy({ $0 > 31 && $0 != 127 })
        else {
            throw .setting("expected 1 to 256 printable bytes as the base model's name")
        }
        self.rank = rank
        self.alpha = alpha
        self.targets = Projection.allCases.filter(targets.contains)
        self.trains = trains
        self.seed = seed
        self.baseModelName = baseModelName
    }

    /// Where every weight of the base model is trained.
    package init(everyWeightOf baseModelName: String, seed: UInt64) throws(AdapterError) {
        try self.init(rank: 1, alpha: 1, targets: [], trains: .full, seed: seed, baseModelName: baseModelName)
    }

    /// Takes the projections by their names in PEFT, as configs write them.
    package init(
        rank: Int, alpha: Int, targetModules: [String], trains: Trains = .b, seed: UInt64, baseModelName: String
    ) throws(AdapterError) {
        var targets: Set<Projection> = []
        for name in targetModules {
            guard let projection = Projection(rawValue: name) else {
                let known = Projection.allCases.map(\.rawValue).joined(separator: ", ")
                throw .setting("\"\(name.prefix(80))\" is not a projection of the model; known are \(known)")
            }
            guard targets.insert(projection).inserted else { throw .setting("\(name) is named twice") }
        }
        try self.init(
            rank: rank, alpha: alpha, targets: targets, trains: trains, seed: seed, baseModelName: baseModelName)
    }

    /// The factor in front of B A.
    package var scaling: Float { Float(alpha) / Float(rank) }

    /// Every adapted projection: by layer, then in the order of `Projection`.
    package func modules(of base: BaseModelShape) -> [AdaptedModule] {
        (0..<base.layers).flatMap { layer in
            targets.map { projection in
                AdaptedModule(
                    layer: layer, projection: projection, inputs: projection.inputs(in: base),
                    outputs: projection.outputs(in: base), rank: rank)
            }
        }
    }

    /// What is released, in the order of its values, each in [-range, range].
    package func layout(of base: BaseModelShape, range: Double) throws(AdapterError) -> VectorLayout {
        try layout(of: base, range: range) { $0.parts(trains) }
    }

    /// What is summed in an update that trains `factor`; of `alternate` alone less than what is released.
    package func layout(
        of base: BaseModelShape, range: Double, factor: Factor?
    ) throws(AdapterError) -> VectorLayout {
        guard trains == .alternate, let factor else { return try layout(of: base, range: range) }
        return try layout(of: base, range: range) { $0.parts(factor == .a ? .a : .b) }
    }

    private func layout(
        of base: BaseModelShape, range: Double, _ parts: (AdaptedModule) -> [AdaptedModule.Part]
    ) throws(AdapterError) -> VectorLayout {
        let segments: [VectorLayout.Segment]
        if trains == .full {
            let count = LlamaWeights.count(of: base)
            guard count <= LlamaWeights.maximumCount else {
                throw .setting(
                    "`mode: full` is for models of at most \(LlamaWeights.maximumCount) weights, this one has \(count): train an adapter"
                )
            }
            segments = LlamaWeights.entries(of: base).map { .init(name: $0.name, shape: $0.shape, range: range) }
        } else {
            segments = modules(of: base).flatMap(parts).map {
                VectorLayout.Segment(name: $0.name, shape: $0.shape, range: range)
            }
        }
        do throws(FederationError) {
            return try VectorLayout(segments)
        } catch {
            throw .layout(error)
        }
    }

    /// The factor that is trained in update `turn` (from 1); nil where it is always the same.
    package func factor(ofUpdate turn: Int) -> Factor? {
        trains == .alternate ? (turn.isMultiple(of: 2) ? .a : .b) : nil
    }

    /// The factor that an update over `layout` trains; nil where it is always the same.
    package func factor(in layout: VectorLayout, of base: BaseModelShape) -> Factor? {
        guard trains == .alternate, let first = modules(of: base).first else { return nil }
        return layout.segments.first?.name == first.nameA ? .a : .b
    }

    /// Where the values of an update that trains `factor` lie among those that are released; nil for all of them.
    package func places(of factor: Factor?, in base: BaseModelShape) throws(AdapterError) -> ValueMask? {
        guard trains == .alternate, let factor else { return nil }
        var (places, first, all): ([Int], Int, Int) = ([], 0, 0)
        for part in modules(of: base).flatMap({ $0.parts(.both) }) {
            if part.factor == factor { places += first..<first + part.count }
            first += part.count
            all += part.count
        }
        do throws(FederationError) {
            return try ValueMask(places: places, of: all)
        } catch {
            throw .layout(error)
        }
    }
}
