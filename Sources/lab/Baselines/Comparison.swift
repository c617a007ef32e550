import Adapter
import Corpus
import Federation
import FineTuning
import Publication
import Tokenization

/// Trains and scores what a federation is compared with, and the federation's own adapter beside it, all on the same
/// held-out stays.
struct Comparison: Sendable {
    enum Part: String, Sendable, CaseIterable {
        case base, alone, pooled, logistic
    }

    let data: CloudData
    let baseline: FineTunedBaseline
    let progress: @Sendable (String) -> Void

    private struct Job: Sendable {
        let name: String
        let kind: String
        let cloud: String?
        let train: TokenShard
        let validation: TokenShard?
    }

    func run(_ parts: Set<Part>, adapter: String?, truth: String?) async throws -> Scoreboard {
        let answers = try answers()
        let heldOut = data.heldOut
        guard !heldOut.isEmpty else { throw LabError("no patient is held out: give the ingest configs a test share") }
        var models: [Scoreboard.Model] = []
        if parts.contains(.base) {
            models.append(try scored("base, untrained", "base", try baseline.untrained, answers))
        }
        models += try await trained(try jobs(parts), answers)
        if let adapter {
            let released = try PEFTFolder.read(adapter, base: baseline.base.shape)
            models.append(try scored("federation", "federated", released.trained, answers))
        }
        if parts.contains(.logistic) { models += try logistic(heldOut) }
        if let truth { models.append(try oracle(truth, heldOut)) }
        progress("2000 resamples of patients")
        return try Scoreboard(
            standardisation: CloudData.standardisation,
            stays: heldOut.map { .init(cloud: $0.cloud, patient: $0.patient, died: $0.died) }, models: models)
    }

    /// The AUROC of each released adapter on all held-out stays.
    func aurocs(of adapters: [String]) throws -> [Double] {
        let answers = try answers()
        let died = data.heldOut.map(\.died)
        return try adapters.map { folder in
            let released = try PEFTFolder.read(folder, base: baseline.base.shape)
            let scored = try baseline.scores(of: released.trained, on: data, answers: answers)
            guard let auroc = RankingMetrics.auroc(zip(scored.scores, died).map { ($0, $1) }) else {
                throw LabError("the held-out stays have one outcome only")
            }
            return auroc
        }
    }

    private func answers() throws -> AnswerTokens {
        guard let variables = data.clouds.first?.data.variables else { throw LabError("no cloud holds data") }
        let vocabulary = BaseVocabulary(variables: variables)
        return AnswerTokens(event: vocabulary.died, noEvent: vocabulary.survived)
    }

    private func jobs(_ parts: Set<Part>) throws -> [Job] {
        var jobs: [Job] = []
        if parts.contains(.pooled), let train = try data.pooled(.train) {
            jobs.append(
                Job(
                    name: "all data pooled", kind: "pooled", cloud: nil, train: train,
                    validation: try data.pooled(.validation)))
        }
        if parts.contains(.alone) {
            for cloud in data.clouds {
                guard let train = cloud.shard(.train) else { throw LabError("\(cloud.name) has no training stays") }
                let name = cloud.name.description
                jobs.append(
                    Job(
                        name: "\(name) alone", kind: "alone", cloud: name, train: train,
                        validation: cloud.shard(.validation)))
            }
        }
        return jobs
    }

    /// Side by side, one thread each; in the order of the jobs, the clouds first.
    private func trained(_ jobs: [Job], _ answers: AnswerTokens) async throws -> [Scoreboard.Model] {
        let (baseline, progress, data) = (baseline, progress, data)
        let models = try await withThrowingTaskGroup(of: (Int, Scoreboard.Model).self) { group in
            for (index, job) in jobs.enumerated() {
                group.addTask {
                    let outcome = try baseline.train(on: job.train, validation: job.validation) {
                        round, training, loss in
                        func shown(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
                        let judged = loss.map { ", validation \(shown($0))" } ?? ""
                        progress(
                            "\(job.name): round \(round) of \(baseline.plan.update.rounds), loss \(shown(training))\(judged)"
                        )
                    }
                    let scored = try baseline.scores(of: outcome.values, on: data, answers: answers)
                    return (
                        index,
                        Scoreboard.Model(
                            name: job.name, kind: job.kind, cloud: job.cloud, scores: scored.scores,
                            keptRound: outcome.keptRound, rounds: outcome.rounds, logLoss: scored.loss)
                    )
                }
            }
            return try await group.reduce(into: [Int: Scoreboard.Model]()) { $0[$1.0] = $1.1 }
        }
        return models.sorted { $0.key < $1.key }.map(\.value).sorted { $0.kind < $1.kind }
    }

    private func scored(
        _ name: String, _ kind: String, _ values: [Float], _ answers: AnswerTokens
    ) throws -> Scoreboard.Model {
        progress("scoring \(name)")
        let scored = try baseline.scores(of: values, on: data, answers: answers)
        return .init(
            name: name, kind: kind, cloud: nil, scores: scored.scores, keptRound: nil, rounds: nil, logLoss: scored.loss
        )
    }

    private func logistic(_ heldOut: [CloudData.HeldOut]) throws -> [Scoreboard.Model] {
        progress("logistic regression")
        let clouds = data.clouds.map { LogisticBaseline.Cloud(name: $0.name.description, data: $0.data) }
        let scored = try LogisticBaseline(clouds: clouds).run().scored
        guard scored.map(\.stay) == heldOut.map(\.stay) else {
            throw LabError("the logistic baseline scored other stays than the models did")
        }
        func model(_ name: String, _ kind: String, _ cloud: String?, _ scores: [Double]) -> Scoreboard.Model {
            .init(name: name, kind: kind, cloud: cloud, scores: scores, keptRound: nil, rounds: nil, logLoss: nil)
        }
        return [model(Scoreboard.pooledLogisticName, "other", nil, scored.map(\.pooled))]
            + clouds.compactMap { cloud in
                let scores = scored.compactMap { $0.alone[cloud.name] }
                guard scores.count == scored.count else { return nil }
                return model("logistic regression, \(cloud.name) alone", "logistic-alone", cloud.name, scores)
            }
    }

    private func oracle(_ truth: String, _ heldOut: [CloudData.HeldOut]) throws -> Scoreboard.Model {
        let known = try TruthTable(path: truth).probabilities
        let scores = heldOut.compactMap { known[$0.cloud]?[$0.stay] }
        guard scores.count == heldOut.count else {
            throw LabError("\(truth) does not know every held-out stay: it belongs to other tables")
        }
        return .init(
            name: "Bayes (the true probabilities)", kind: "oracle", cloud: nil, scores: scores, keptRound: nil,
            rounds: nil,
            logLoss: nil)
    }
}
