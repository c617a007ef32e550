import Federation
import Monitoring
import Sodium
import Testing
import View

/// Every choice that an update's opening makes stands by its name where people look.
@Suite("How updates come about, on the screen")
struct MethodTests {
    struct Mode: CustomTestStringConvertible, Sendable {
        /// What is to be read.
        let words: [String]
        var optimizer = LocalOptimizer.adamW
        var steps = 12
        var proximal = 0.0
        var outer = OuterOptimizer.average(rate: 1)
        var weights = Weighting.Mode.fedavg
        var paces: [Int] = []
        var trains = "b"
        var suite = Suite.paillier
        var bits = 12
        var encryption: (@Sendable (VectorLayout) throws -> PartialEncryption)?
        var compression: (@Sendable (VectorLayout) throws -> CompressionPlan)?
        var pace: Pace?
        var privacy: PrivacyPlan?

        var testDescription: String { words.joined(separator: ", ") }

        func opening() throws -> Opening {
            let clouds = try Story.clouds.sorted().map { try CloudName($0) }
            let layout = try VectorLayout([
                .init(name: "layers.0.q_proj.lora_B.weight", shape: [5, 2], range: 0.07)
            ])
            let pacing = paces.isEmpty ? Pacing.even : .balanced(zip(clouds, paces).map { .init(cloud: $0, steps: $1) })
            let digest = Digest(of: [1])
            return Opening(
                run: try RunName("demo"), round: RoundNumber(4), purpose: .update,
                seat: Seat(try StageName("coordinator/aggregate")), layout: layout, bits: bits, suite: suite,
                keyID: [], profile: "", clipNorm: 10, cohort: clouds.map { Member(cloud: $0, weight: 1) }, quorum: 3,
                minimumCohort: 3, deadline: 1, startsFrom: RoundNumber(2), adapterDigest: digest,
                adapter: AdapterPlan(
                    rank: 2, alpha: 4, targets: ["q_proj"], trains: trains, seed: 1, baseModel: "base",
                    baseDigest: digest.description, tokenizerDigest: digest.description),
                training: TrainingPlan(
                    steps: steps, batchSize: 8, optimizer: optimizer, learningRate: 0.006, weightDecay: 0,
                    gradientClip: 1, proximal: proximal, seed: 1, outer: outer,
                    weighting: WeightingPlan(rule: Weighting(weights), inputs: []), pacing: pacing),
                split: nil, encryption: try encryption?(layout), compression: try compression?(layout), pace: pace,
                privacy: privacy)
        }
    }

    private static func pace(_ mode: Pace.Mode, _ window: Int, _ oldest: Int) -> Pace {
        Pace(mode: mode, window: window, oldest: oldest, discount: 0.5, recent: RecentUpdates([]))
    }

    private static let noise = PrivacyPlan(
        training: .init(unit: .patient, clip: 0.5, noise: 1.25, rate: 0.0625),
        sum: .init(noise: 2, honest: 2, steps: 12, variance: 90_000), delta: 1e-5)

    private static let weighed: [Mode] = Weighting.Mode.allCases.map {
        Mode(words: ["weights \($0.rawValue)"], weights: $0)
    }

    private static let adapted: [Mode] = [
        ("b", "freezeA"), ("a", "shareA"), ("alternate", "alternate (B)"), ("core", "core"), ("both", "inexact"),
        ("full", "full"),
    ].map { (trains: String, name: String) in Mode(words: ["adapter \(name)"], trains: trains) }

    private static let others: [Mode] = [
        Mode(words: ["12 adamw steps", "average", "synchronous", "12 bits", "encryption full"]),
        Mode(words: ["1 sgd step", "proximal 0.01"], optimizer: .sgd, steps: 1, proximal: 0.01),
        Mode(words: ["nesterov, rate 0.7, momentum 0.9"], outer: .nesterov(rate: 0.7, momentum: 0.9)),
        Mode(
            words: ["adam, rate 0.01, momenta 0.9 and 0.99, epsilon 0.001"],
            outer: .adam(rate: 0.01, momentum: 0.9, secondMomentum: 0.99, epsilon: 0.001)),
        Mode(words: ["3 to 24 adamw steps, balanced", "8 bits"], paces: [3, 24, 12], bits: 8),
        Mode(words: ["buffered, late updates of 3 rounds"], pace: pace(.buffered, 0, 3)),
        Mode(words: ["grace 30.0 s, late updates of 4 rounds"], pace: pace(.grace, 30_000, 4)),
        Mode(words: ["encryption none", "30 bits"], suite: .clear, bits: 30),
        Mode(
            words: ["encryption selective (5 of 10 values, noise 0.5 on the others)"],
            encryption: { .selective(try ValueMask(places: [0, 1, 3, 5, 8], of: $0.count), noise: 0.5) }),
        Mode(
            words: ["encryption literal-eq4 (omega 0.25, which hides nothing)"],
            encryption: { _ in .literal(omega: 0.25) }),
        Mode(
            words: ["6 bits, scales of the last step, 2 of 10 values, error feedback 0.9"], bits: 6,
            compression: {
                CompressionPlan(
                    scales: .released, margin: 2, limit: 0.07, feedback: 0.9, fraction: 0.2, rotation: 0.25,
                    turn: 3, since: RoundNumber(1), places: try ValueMask(places: [0, 3], of: $0.count))
            }),
        Mode(words: ["DP-SGD (patient, noise 1.25, clip 0.5, rate 0.0625)", "noise 2.0 in the sum"], privacy: noise),
    ]

    static let modes = weighed + adapted + others

    /// The lines below a label up to the next section, as one text.
    private func text(_ label: String, in frame: [String]) -> String {
        guard let first = frame.firstIndex(where: { $0.hasPrefix(" \(label) ") }) else { return "" }
        let more = frame[(first + 1)...].prefix { $0.hasPrefix(String(repeating: " ", count: label.count + 2)) }
        return ([String(frame[first].dropFirst(label.count + 2))] + more).map {
            String($0.drop { $0 == " " })
        }.joined(separator: " ")
    }

    private func story(_ method: String) throws -> Story {
        var story = try Story()
        try story.start()
        try story.update(1, at: 5)
        try story.tell(
            .roundOpened, "release/publish", at: 20, round: 2,
            [
                .purpose: .text("update"), .cohort: .list(Story.clouds.sorted().map { .text($0) }),
                .stepsDone: .number(1), .planSteps: .number(4), .method: .text(method),
            ])
        return story
    }

    @Test("80 by 24: every mode stands there by name, whole, and so do the others with it", arguments: modes)
    func named(_ mode: Mode) throws {
        let method = try mode.opening().method
        for word in mode.words { #expect(method.contains(word), "\(method)") }
        let view = try story(method).view()
        #expect(view.method == method)
        let frame = TopScreen(view.plan).frame(of: view, at: Story.at(21), width: 80, height: 24).map(\.plain)
        #expect(text("method", in: frame) == method, "\(frame.joined(separator: "\n"))")
        #expect(frame.allSatisfy { Columns.of($0) <= 80 })
    }

    @Test("The longest at 80 columns, with epsilon, predicted seconds and cost, beside what the round waits for")
    func everything() throws {
        var mode = Mode(words: [], steps: 12, proximal: 0.01, weights: .uniform)
        mode.outer = .adam(rate: 0.01, momentum: 0.9, secondMomentum: 0.99, epsilon: 0.001)
        mode.privacy = Self.noise
        let method = try mode.opening().method
        var story = try story(method)
        try story.tell(
            .privacySpent, "release/publish", at: 20.1, round: 2,
            [
                .unit: .text("patient"), .epsilon: .real(3.21), .cloudEpsilon: .real(12.3), .delta: .real(1e-5),
                .budget: .real(8),
            ])
        try story.tell(
            .roundPlanned, "release/publish", at: 20.2, round: 2,
            [.predictedSeconds: .real(12.5), .unplannedSeconds: .real(20)])
        var view = story.view()
        view.take(
            RunCost(
                currency: "CHF",
                clouds: [
                    .init(name: try CloudName("north"), cpuSeconds: 9, gpuSeconds: 0, egressBytes: 1, amount: 0.25),
                    .init(name: try CloudName("west"), cpuSeconds: 9, gpuSeconds: 0, egressBytes: 1, amount: 0.5),
                ]))
        let frame = TopScreen(view.plan).frame(of: view, at: Story.at(25), width: 80, height: 30).map(\.plain)
        let whole = frame.joined(separator: "\n")
        #expect(text("method", in: frame) == method, "\(whole)")
        #expect(text("privacy", in: frame) == "epsilon 3.21 of 8 (patient), 12.3 (cloud), delta 1e-05", "\(whole)")
        #expect(whole.contains("1 of 4 steps   round 2 update  5s   waits for east, "), "\(whole)")
        #expect(whole.contains("5.00 s of 12.5 s"), "\(whole)")
        #expect(whole.contains(" cost 0.7500 CHF   north 0.2500   west 0.5000"), "\(whole)")
        #expect(frame.allSatisfy { Columns.of($0) <= 80 } && frame.count == 30)
    }

    @Test("On a low terminal it has one line, and a text that somebody made up never fills the screen or commands it")
    func bounded() throws {
        let view = try story("12 adamw steps, " + String(repeating: "and more ", count: 400) + "\u{1B}[2J").view()
        for (height, most) in [(12, 1), (24, 5)] {
            let frame = TopScreen(view.plan).frame(of: view, at: Story.at(21), width: 80, height: height).map(\.plain)
            #expect(frame.filter { $0.contains("and more") }.count == most)
            #expect(frame.contains { $0.contains("release") } || height < 20)
        }
        let clean = view.method.unicodeScalars.allSatisfy { $0.value >= 32 }
        #expect(clean && view.method.unicodeScalars.count <= 1001)
    }
}
