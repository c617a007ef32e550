import Federation
import Foundation
import Testing

struct OuterStepTests {
    private func step(
        _ previous: [Float], _ sums: [Double], weight: Double, _ outer: OuterOptimizer = .average(rate: 1),
        moments: [[Float]] = []
    ) throws -> (values: [Float], moments: [[Float]]) {
        try OuterStep(outer, totalWeight: weight).apply(to: previous, moments: moments, weightedSum: sums)
    }

    @Test("The average adds the rate times the weighted mean")
    func averages() throws {
        // Deltas 0.2 and -0.4 with weights 3 and 1: mean 0.05.
        let next = try step([1, 0], [3 * 0.2 - 0.4, 8], weight: 4, .average(rate: 0.5))
        #expect(next.values == [1.025, 1])
        #expect(next.moments.isEmpty)
    }

    @Test("The sum is rounded to a Float once, at the end")
    func roundsOnce() throws {
        // 2^24 + 3: a Float there has steps of 2, so rounding 1.5 + 1.5 by parts would give 2^24 + 2 or + 4 by luck alone.
        #expect(try step([0x1p24], [0.5 * 3], weight: 0.5).values == [Float(0x1p24 + 3.0)])
        // 0.1 as a Float is not 0.1: the sum is taken from the Float's own value, in Double.
        #expect(try step([0.1], [1e-9], weight: 1).values == [Float(Double(Float(0.1)) + 1e-9)])
    }

    @Test("Nesterov's momentum, two steps by hand")
    func nesterov() throws {
        let outer = OuterOptimizer.nesterov(rate: 0.5, momentum: 0.75)
        // Means 1 and 2. Buffer 1, step 0.5 (1 + 0.75); buffer 0.75 + 2, step 0.5 (2 + 0.75 * 2.75).
        let first = try step([0], [2], weight: 2, outer, moments: [[0]])
        #expect(first.values == [0.875] && first.moments == [[1]])
        let second = try step(first.values, [4], weight: 2, outer, moments: first.moments)
        #expect(second.values == [0.875 + 1 + 0.375 * 2.75] && second.moments == [[2.75]])
    }

    @Test("FedAdam, two steps by hand")
    func adam() throws {
        let outer = OuterOptimizer.adam(rate: 0.5, momentum: 0.5, secondMomentum: 0.75, epsilon: 0.5)
        #expect(outer.initialMoments == [0, 0.25])
        // Mean 1: m = 0.5, v = 0.75 * 0.25 + 0.25 = 0.4375.
        let first = try step([1], [3], weight: 3, outer, moments: [[0], [0.25]])
        #expect(first.moments == [[0.5], [0.4375]])
        #expect(first.values == [Float(1 + 0.25 / (0.4375.squareRoot() + 0.5))])
        // Mean -2: m = 0.25 - 1, v = 0.75 * 0.4375 + 1.
        let second = try step(first.values, [-6], weight: 3, outer, moments: first.moments)
        #expect(second.moments == [[-0.75], [1.328125]])
        #expect(second.values == [Float(Double(first.values[0]) - 0.375 / (1.328125.squareRoot() + 0.5))])
    }

    static let python = ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"]

    /// Takes eight steps of each optimiser on given means: torch's SGD with Nesterov's momentum, and Algorithm 2 of FedOpt
    /// (arXiv 2003.00295) in NumPy; prints the values.
    private let script = """
        import json, sys, numpy, torch
        means = numpy.array(json.loads(sys.argv[1]))
        start = numpy.full(means.shape[1], 0.25)
        w = torch.tensor(start, requires_grad=True)
        sgd = torch.optim.SGD([w], lr=0.7, momentum=0.9, nesterov=True)
        for mean in means:
            w.grad = torch.tensor(-mean)
            sgd.step()
        x, m, v = start.copy(), 0.0, 1e-3 ** 2
        for mean in means:
            m = 0.9 * m + (1 - 0.9) * mean
            v = 0.99 * v + (1 - 0.99) * mean ** 2
            x = x + 0.01 * m / (numpy.sqrt(v) + 1e-3)
        print(json.dumps([w.tolist(), x.tolist()]))
        """

    @Test(
        "Eight steps are those of torch's SGD with Nesterov's momentum, and of FedAdam in NumPy",
        .enabled(if: python != nil, "set TRIBUTARY_PYTHON to a Python with torch"))
    func agrees() throws {
        let python = try #require(OuterStepTests.python)
        let means = (0..<8).map { round in (0..<5).map { sin(Double(round * 7 + $0 * 3)) * 0.05 } }
        let outcome = try Fixtures.run(python, ["-c", script, "\(means)"], in: "/tmp")
        #expect(outcome.status == 0, "\(outcome.output)")
        let answer = try #require(outcome.output.split(separator: "\n").last)
        let expected = try JSONDecoder().decode([[Double]].self, from: Data(answer.utf8))
        let optimizers: [OuterOptimizer] = [
            .nesterov(rate: 0.7, momentum: 0.9),
            .adam(rate: 0.01, momentum: 0.9, secondMomentum: 0.99, epsilon: 1e-3),
        ]
        for (outer, expected) in zip(optimizers, expected) {
            var values = [Float](repeating: 0.25, count: 5)
            var moments = outer.initialMoments.map { [Float](repeating: Float($0), count: 5) }
            for mean in means {
                (values, moments) = try step(values, mean.map { $0 * 3 }, weight: 3, outer, moments: moments)
            }
            for (found, wanted) in zip(values, expected) { #expect(abs(Double(found) - wanted) < 1e-6, "\(outer)") }
            // It has gone somewhere.
            #expect(zip(values, expected).contains { abs(Double($0.0) - 0.25) > 1e-3 })
        }
    }

    @Test("Counts that differ, no weight, a wild rate and infinite values are refused")
    func refuses() throws {
        func average(_ sums: [Double] = [1], weight: Double = 1, rate: Double = 1) throws {
            _ = try step([1], sums, weight: weight, .average(rate: rate))
        }
        #expect(throws: Never.self) { try average() }
        #expect(throws: FederationError.self) { try average([1, 2]) }
        #expect(throws: FederationError.self) { try average(weight: 0) }
        #expect(throws: FederationError.self) { try average(weight: .nan) }
        #expect(throws: FederationError.self) { try average(rate: 0) }
        #expect(throws: FederationError.self) { try average(rate: .infinity) }
        #expect(throws: FederationError.self) { try average([1e300]) }
        #expect(throws: FederationError.self) { try average([.nan]) }
    }

    @Test("Moments that are not the optimiser's are refused, and so are infinite ones")
    func refusesMoments() throws {
        let nesterov = OuterOptimizer.nesterov(rate: 1e-3, momentum: 0.9)
        #expect(throws: Never.self) { try step([1], [1], weight: 1, nesterov, moments: [[0]]) }
        #expect(throws: FederationError.self) { try step([1], [1], weight: 1, nesterov) }
        #expect(throws: FederationError.self) { try step([1], [1], weight: 1, nesterov, moments: [[0, 0]]) }
        #expect(throws: FederationError.self) { try step([1], [1], weight: 1, moments: [[0]]) }
        #expect(throws: FederationError.self) { try step([0], [3.402e38 * 1.5], weight: 1, nesterov, moments: [[0]]) }
    }
}
