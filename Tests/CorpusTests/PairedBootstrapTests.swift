import Corpus
import Testing

@Suite("Paired bootstrap")
struct PairedBootstrapTests {
    /// 60 patients of two stays each; the first score ranks well, the second not at all.
    private let patients = (0..<120).map { $0 / 2 }
    private let died = (0..<120).map { ($0 / 2) % 3 == 0 }
    private var good: [Double] { died.indices.map { (died[$0] ? 1.0 : 0) + Double(($0 * 37) % 100) / 60 } }
    private var useless: [Double] { died.indices.map { Double(($0 * 53) % 97) } }

    @Test("The estimate is the AUROC of the data itself, ties counting half")
    func estimate() throws {
        var scores = good
        scores[0] = scores[5]
        let bootstrap = try #require(
            PairedBootstrap(patients: patients, died: died, scores: [scores, useless], resamples: 50))
        #expect(bootstrap.observed[0] == RankingMetrics.auroc(zip(scores, died).map { ($0, $1) }))
        #expect(bootstrap.observed[1] == RankingMetrics.auroc(zip(useless, died).map { ($0, $1) }))
    }

    @Test("The interval lies around the estimate, and a model's difference to itself is nothing at all")
    func interval() throws {
        let bootstrap = try #require(
            PairedBootstrap(patients: patients, died: died, scores: [good, useless, good], resamples: 500))
        let interval = bootstrap.interval { $0[0] }
        #expect(interval.low < interval.estimate && interval.estimate < interval.high)
        #expect(bootstrap.interval { $0[0] - $0[2] } == .init(estimate: 0, low: 0, high: 0))
        #expect(bootstrap.interval { $0[0] - $0[1] }.low > 0)
    }

    @Test("Stays of one patient are drawn together: counting each as a patient narrows the interval")
    func grouped() throws {
        // Every stay thrice: as three patients it looks like thrice the evidence, as one it does not.
        let thrice = (0..<360).map { $0 % 120 }
        func width(_ owners: [Int]) throws -> Double {
            let bootstrap = try #require(
                PairedBootstrap(
                    patients: owners, died: thrice.map { died[$0] }, scores: [thrice.map { good[$0] }], resamples: 500))
            let interval = bootstrap.interval { $0[0] }
            return interval.high - interval.low
        }
        #expect(try width(thrice.map { patients[$0] }) > 1.3 * width(Array(0..<360)))
    }

    @Test("The same seed draws the same resamples, another seed others")
    func seeded() {
        func draw(_ seed: UInt64) -> [[Double]]? {
            PairedBootstrap(patients: patients, died: died, scores: [good], resamples: 20, seed: seed)?.resampled
        }
        #expect(draw(1) == draw(1))
        #expect(draw(1) != draw(2))
    }

    @Test("Without both outcomes there is no AUROC")
    func oneOutcome() {
        #expect(PairedBootstrap(patients: [1, 2], died: [true, true], scores: [[1, 2]]) == nil)
        #expect(PairedBootstrap(patients: [1, 2], died: [true, false], scores: [[1, 2]]) != nil)
    }
}
