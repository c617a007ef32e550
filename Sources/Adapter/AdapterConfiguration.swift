package import Federation

/// The settings of a run's LoRA adapter (Hu et al. 2021): what is adapted, at what rank, and which factor is trained.
package struct AdapterConfiguration: Hashable, Sendable {
    /// Which factors the clouds train and sum.
    package enum Trains: String, Hashable, Sendable {
        /// B alone; A stays as the run seed made it (FFA-LoRA, Sun et al. 2024), so that the mean of the clouds' updates is
        /// the mean of their adapters.
        case b
        /// A and B. The mean of products is not the product of means: an average of such updates is not exact.
        case both
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
        guard !targets.isEmpty else { throw .setting("no projection is adapted: name at least one") }
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

    /// The trained tensors in the order in which their values are summed, each with values in [-range, range].
    package func layout(of base: BaseModelShape, range: Double) throws(AdapterError) -> VectorLayout {
        let segments = modules(of: base).flatMap { module in
            let b = VectorLayout.Segment(name: module.nameB, shape: module.shapeB, range: range)
            guard trains == .both else { return [b] }
            return [VectorLayout.Segment(name: module.nameA, shape: module.shapeA, range: range), b]
        }
        do throws(FederationError) {
            return try VectorLayout(segments)
        } catch {
            throw .layout(error)
        }
    }
}
