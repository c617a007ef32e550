import Adapter
import Federation
import FineTuning
import Foundation
import Safetensors
import Sodium
import Testing
import Tokenization
import Torch

@Suite(
    "Beside transformers and PEFT",
    .enabled(if: python != nil, "set TRIBUTARY_PYTHON to a python with torch, transformers, peft and safetensors"))
struct ReferenceTests {
    struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    /// Runs Reference/peft_reference.py over `folder` and opens what it wrote.
    private func reference(
        _ mode: String, _ folder: TemporaryFolder, settings: String, script name: String = "peft_reference.py"
    ) throws -> SafetensorsFile {
        try DurableFile.replace("\(folder.path)/settings.json", with: Array(settings.utf8))
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Reference/\(name)")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python ?? "")
        process.arguments = [script.path, mode, folder.path]
        let log = "\(folder.path)/log"
        try DurableFile.replace(log, with: [])
        process.standardError = FileHandle(forWritingAtPath: log)
        process.standardOutput = process.standardError
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failed(description: String(decoding: try Data(contentsOf: URL(fileURLWithPath: log)), as: UTF8.self))
        }
        return try SafetensorsFile(path: "\(folder.path)/reference.safetensors")
    }

    /// Compares a vector in the order of the layout with PEFT's tensors, one by one.
    private func compare(_ values: [Float], _ kind: String, _ layout: VectorLayout, _ file: SafetensorsFile) throws {
        var offset = 0
        for segment in layout.segments {
            let expected = try file.floats("\(kind).\(segment.name)")
            let error = relativeError(values[offset..<offset + segment.count], expected)
            #expect(error < 1e-4, "\(kind) of \(segment.name)")
            offset += segment.count
        }
        #expect(offset == values.count)
    }

    /// A rule of steps, and the rate that moves an adapter about as far by it.
    struct Rule: Sendable, CustomStringConvertible {
        let optimizer: LocalOptimizer
        let rate: Double
        let proximal: Double
        var description: String { "\(optimizer.rawValue), mu \(proximal)" }

        static let all = [
            Rule(optimizer: .adamW, rate: 6e-3, proximal: 0), Rule(optimizer: .adamW, rate: 6e-3, proximal: 30),
            Rule(optimizer: .sgd, rate: 0.5, proximal: 0), Rule(optimizer: .sgd, rate: 0.5, proximal: 0.5),
        ]
    }

    @Test(
        "logits, gradients and five steps of an adapter agree to 1e-4",
        arguments: [
            ("b", 0), ("b", 1), ("b", 2), ("b", 3), ("both", 0), ("q and v", 0), ("alternate A", 0), ("alternate B", 0),
            ("core", 0),
        ])
    func adapter(kind: String, ruleIndex: Int) throws {
        let rule = Rule.all[ruleIndex]
        let folder = try TemporaryFolder()
        for name in ["base", "adapter"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
        }
        try TinyLlama().write(to: "\(folder.path)/base")
        let base = try BaseModel(directory: "\(folder.path)/base")
        let trains: AdapterConfiguration.Trains =
            switch kind {
            case "both": .both
            case "core": .core
            case "alternate A", "alternate B": .alternate
            default: .b
            }
        let factor: AdapterConfiguration.Factor = kind == "alternate A" ? .a : .b
        let configuration = try adapterConfiguration(
            trains, targets: kind == "q and v" ? [.q, .v] : Set(Projection.allCases))
        var draws = Draws(3)
        var adapter = try LowRankAdapter(initial: configuration, base: base.shape)
        try adapter.replaceTrained(adapter.trained.map { $0 + draws.value(0.1) })
        try PEFTFolder.write(adapter, to: "\(folder.path)/adapter")
        if trains == .both {
            // A changed: PEFT must read it, not make it anew; the folder says that A is trained, so it may differ.
            #expect(try PEFTFolder.read("\(folder.path)/adapter", base: base.shape) == adapter)
        }
        if trains == .core {
            let tensors = adapter.modules.indices.flatMap { index in
                let module = adapter.modules[index]
                return [
                    TensorContents(name: module.nameB, shape: module.shapeB, floats: adapter.b[index]),
                    TensorContents(name: module.nameR, shape: [module.rank, module.rank], floats: adapter.r[index]),
                ]
            }
            try DurableFile.replace(
                "\(folder.path)/core.safetensors", with: SafetensorsWriter.encode(tensors, metadata: ["format": "pt"]))
        }
        let shard = try randomShard(examples: 24)
        try shard.write(to: "\(folder.path)/shard.safetensors")
        let file = try reference(
            "adapter", folder,
            settings: """
                {"trains": "\(trains == .alternate ? kind : trains.rawValue)", "lr": \(rule.rate), "weight_decay": 0.01, "clip": 1.0,
                "optimizer": "\(rule.optimizer.rawValue)", "proximal": \(rule.proximal)}
                """)

        let tuner = try FineTuner(base: base, adapter: configuration, training: factor)
        try tuner.load(values: adapter.trained)
        let layout = try configuration.layout(of: base.shape, range: 1, factor: factor)
        let (loss, gradient) = try tuner.gradient(on: Array(0..<shard.count), of: shard)
        #expect(abs(loss - Double(try file.floats("loss")[0])) < 1e-5)
        try compare(gradient, "gradient", layout, file)

        let logits = try file.floats("logits")
        let scores = try tuner.scores(of: shard, answers: AnswerTokens(event: 96, noEvent: 95), batchSize: 5)
        for example in 0..<shard.count {
            let expected = logits[example * 97 + 96] - logits[example * 97 + 95]
            #expect(abs(scores[example] - expected) < 1e-4)
        }

        let report = try tuner.train(
            shard,
            TrainingSettings(
                steps: 5, batchSize: shard.count, learningRate: .constant(rule.rate),
                optimizer: OptimizerSettings(rule: rule.optimizer, proximal: rule.proximal), seed: 1))
        for (found, expected) in zip(report.losses, try file.floats("losses")) {
            #expect(abs(found - Double(expected)) < 1e-4 * Double(expected))
        }
        try compare(try tuner.values(), "value", layout, file)
    }

    // No two kernels round alike in bf16: another order of a sum changes its last digit, and later layers see it. So ours are held
    // to PEFT's within what PEFT's are off from f32 themselves, and neither may be further from f32 than the other by much.
    @Test("in bf16 gradients and five steps are as near to f32 as those of PEFT in bf16", arguments: ["b", "both"])
    func halfPrecision(kind: String) throws {
        let folder = try TemporaryFolder()
        for name in ["base", "adapter"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
        }
        try TinyLlama().write(to: "\(folder.path)/base")
        let base = try BaseModel(directory: "\(folder.path)/base")
        let configuration = try adapterConfiguration(kind == "b" ? .b : .both)
        var draws = Draws(3)
        var adapter = try LowRankAdapter(initial: configuration, base: base.shape)
        try adapter.replaceTrained(adapter.trained.map { $0 + draws.value(0.1) })
        try PEFTFolder.write(adapter, to: "\(folder.path)/adapter")
        let shard = try randomShard(examples: 24)
        try shard.write(to: "\(folder.path)/shard.safetensors")
        let layout = try configuration.layout(of: base.shape, range: 1)
        func peft(_ type: String) throws -> (gradient: [Float], delta: [Float]) {
            let file = try reference(
                "adapter", folder,
                settings: """
                    {"trains": "\(kind)", "lr": 0.5, "weight_decay": 0.01, "clip": 1.0, "optimizer": "sgd", "dtype": "\(type)"}
                    """)
            let gradient = try layout.segments.flatMap { try file.floats("gradient.\($0.name)") }
            let values = try layout.segments.flatMap { try file.floats("value.\($0.name)") }
            return (gradient, zip(values, adapter.trained).map { $0 - $1 })
        }
        let (full, half) = (try peft("float32"), try peft("bfloat16"))
        let tuner = try FineTuner(
            base: base, adapter: configuration, compute: ComputeSettings(device: .cpu, precision: .bf16))
        try tuner.load(values: adapter.trained)
        let gradient = try tuner.gradient(on: Array(0..<shard.count), of: shard).values
        _ = try tuner.train(
            shard,
            TrainingSettings(
                steps: 5, batchSize: shard.count, learningRate: .constant(0.5),
                optimizer: OptimizerSettings(rule: .sgd), seed: 1))
        for (name, ours, theirs, exact) in [
            ("gradient", gradient, half.gradient, full.gradient),
            ("delta", try tuner.delta().values, half.delta, full.delta),
        ] {
            let (our, their) = (relativeError(ours[...], exact), relativeError(theirs[...], exact))
            let between = relativeError(ours[...], theirs)
            #expect(their > 1e-4, "PEFT's \(name) was not made in bf16")
            #expect(our < 2 * their && their < 2 * our, "\(name): \(our) and \(their) off f32")
            #expect(between < 2 * their, "\(name): \(between) apart, \(their) off f32")
        }
    }

    @Test(
        "every weight: gradients, one plain step and five of AdamW agree to 1e-4, and the folder loads with our logits",
        arguments: [("sgd", false), ("adamw", false), ("adamw", true)])
    func full(rule: String, tied: Bool) throws {
        let folder = try TemporaryFolder()
        for name in ["base", "published"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
        }
        let llama = tied ? TinyLlama().tied() : TinyLlama()
        try llama.write(to: "\(folder.path)/base")
        let base = try BaseModel(directory: "\(folder.path)/base")
        let configuration = try adapterConfiguration(.full)
        let shard = try randomShard(examples: 24)
        try shard.write(to: "\(folder.path)/shard.safetensors")
        let (steps, rate) = rule == "sgd" ? (1, 0.5) : (5, 2e-3)
        let file = try reference(
            "full", folder,
            settings: """
                {"lr": \(rate), "weight_decay": 0.01, "clip": 1.0, "optimizer": "\(rule)", "steps": \(steps)}
                """)
        let tuner = try FineTuner(base: base, adapter: configuration)
        let start = try base.values()
        #expect(try tuner.values() == start)
        let layout = try configuration.layout(of: base.shape, range: 1)
        #expect(layout.segments.contains { $0.name == "lm_head.weight" } == !tied)
        let (loss, gradient) = try tuner.gradient(on: Array(0..<shard.count), of: shard)
        #expect(abs(loss - Double(try file.floats("loss")[0])) < 1e-5)
        try compare(gradient, "gradient", layout, file)
        _ = try tuner.train(
            shard,
            TrainingSettings(
                steps: steps, batchSize: shard.count, learningRate: .constant(rate),
                optimizer: OptimizerSettings(rule: rule == "sgd" ? .sgd : .adamW), seed: 1))
        let values = try tuner.values()
        try compare(values, "value", layout, file)
        // Values hardly move beside their size: what moved them is compared by itself.
        let delta = try tuner.delta().values
        let expected = try layout.segments.flatMap { try file.floats("value.\($0.name)") }
        let moved = zip(expected, start).map { $0 - $1 }
        #expect(relativeError(delta[...], moved) < 1e-3 && moved.contains { abs($0) > 1e-4 })

        let model = try WholeModel(
            baseModelName: "tiny", config: Array(llama.config.utf8), tokenizer: ["tokenizer.json": Array("{}".utf8)],
            values: values)
        for (name, bytes) in try model.files() {
            try DurableFile.replace("\(folder.path)/published/\(name)", with: bytes)
        }
        let theirs = try reference("logits", folder, settings: "{}").floats("logits")
        let tokens = Array(shard.tokens[shard.range(of: 0)])
        let ours = try LlamaModel(BaseModel(directory: "\(folder.path)/published")).logits(after: tokens).flatMap { $0 }
        #expect(ours.count == theirs.count && zip(ours, theirs).allSatisfy { abs($0 - $1) < 1e-4 })
        let before = try LlamaModel(base).logits(after: tokens).flatMap { $0 }
        #expect(zip(ours, before).contains { abs($0 - $1) > 1e-3 })
    }

    @Test("clipped gradients of records and patients, and steps of their sums, agree to 1e-4", arguments: Rule.all)
    func privateSteps(rule: Rule) throws {
        guard rule.proximal == 0 else { return }
        let folder = try TemporaryFolder()
        for name in ["base", "adapter"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
        }
        try TinyLlama().write(to: "\(folder.path)/base")
        let base = try BaseModel(directory: "\(folder.path)/base")
        let configuration = try adapterConfiguration(.b)
        var draws = Draws(3)
        var adapter = try LowRankAdapter(initial: configuration, base: base.shape)
        try adapter.replaceTrained(adapter.trained.map { $0 + draws.value(0.1) })
        try PEFTFolder.write(adapter, to: "\(folder.path)/adapter")
        // Patients of one, two and three records.
        let shard = try patientShard(try randomShard(examples: 12), patients: [0, 1, 1, 2, 3, 3, 3, 4, 5, 5, 6, 7])
        try shard.write(to: "\(folder.path)/shard.safetensors")
        let tuner = try FineTuner(base: base, adapter: configuration)
        try tuner.load(values: adapter.trained)
        // About half are clipped.
        let records = try PrivateSettings(.init(unit: .record, clip: 1, noise: 1, rate: 1), shard)
        let norms = try records.units.map { unit in
            try tuner.gradient(on: unit, of: shard).values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        }
        let clip = norms.sorted()[norms.count / 2]
        let patients = try PrivateSettings(
            units: [[0], [1, 2], [3], [4, 5, 6], [7], [8, 9], [10], [11]], clip: clip, noise: 0, rate: 1)
        #expect(
            try PrivateSettings(.init(unit: .patient, clip: clip, noise: 1, rate: 1), shard).units == patients.units)
        let file = try reference(
            "private", folder,
            settings: """
                {"clip": \(clip), "lr": \(rule.rate), "steps": 3, "optimizer": "\(rule.optimizer.rawValue)", "expected": \(patients.expected)}
                """, script: "private_reference.py")
        let layout = try configuration.layout(of: base.shape, range: 1, factor: nil)
        for (unit, settings) in [("record", records), ("patient", patients)] {
            let sum = try tuner.clippedSum(settings.units, of: shard, clip: clip)
            try compare(sum.map { Float($0) }, "sum.\(unit)", layout, file)
        }
        var words = SystemRandomNumberGenerator()
        _ = try tuner.train(
            shard,
            TrainingSettings(
                steps: 3, batchSize: 1, learningRate: .constant(rule.rate),
                optimizer: OptimizerSettings(rule: rule.optimizer, clipNorm: nil), seed: 1), privately: patients,
            words: &words)
        try compare(try tuner.values(), "value", layout, file)
    }

    @Test("five AdamW steps of a whole model from random weights agree to 1e-4")
    func wholeModel() throws {
        let folder = try TemporaryFolder()
        for name in ["base", "trained"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
        }
        let tokenizer = Array("{}".utf8)
        let drawn = try randomShard(examples: 24)
        let shard = try TokenShard(
            tokens: drawn.tokens, offsets: drawn.offsets, answer: drawn.answer, label: drawn.label, split: .train,
            tokenizer: Digest(of: tokenizer).description, cloud: "public")
        try shard.write(to: "\(folder.path)/shard.safetensors")
        let recipe = BaseModelRecipe(
            vocabulary: 97, hidden: 32, intermediate: 48, layers: 2, heads: 4, kvHeads: 2, maximumPositions: 64, seed: 5
        )
        func train(_ steps: Int, _ rate: Double, _ name: String) throws -> TrainingReport {
            try BaseModelTraining.run(
                recipe, on: shard,
                TrainingSettings(
                    steps: steps, batchSize: shard.count, learningRate: .constant(rate),
                    optimizer: OptimizerSettings(weightDecay: 0.1), seed: 1),
                tokenizerJSON: tokenizer, to: "\(folder.path)/\(name)")
        }
        // A step too small to be seen in f32 leaves the weights that training starts from.
        _ = try train(1, 1e-30, "base")
        let report = try train(5, 2e-3, "trained")
        let file = try reference("whole", folder, settings: "{\"lr\": 2e-3, \"weight_decay\": 0.1, \"clip\": 1.0}")
        for (found, expected) in zip(report.losses, try file.floats("losses")) {
            #expect(abs(found - Double(expected)) < 1e-4 * Double(expected))
        }
        let trained = try SafetensorsFile(path: "\(folder.path)/trained/model.safetensors")
        for name in trained.tensors.keys {
            let expected = try file.floats("value.\(name)")
            #expect(relativeError(try trained.floats(name)[...], expected) < 1e-4, "\(name)")
        }
    }
}
