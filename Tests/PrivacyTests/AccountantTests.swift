import Foundation
import Testing

import Privacy

/// The accountant against Google's dp-accounting: Reference/accountant.py made the vectors.
@Suite("The accountant") struct AccountantTests {
    private enum Line {
        case curve(SampledGaussian, order: Double, Double)
        case epsilon(SampledGaussian, steps: Int, delta: Double, Double)
        case mixed(Double)

        init(_ text: Substring) throws {
            let words = text.split(separator: " ")
            let numbers = try words.dropFirst().map { try #require(Double($0)) }
            switch words.first {
            case "rdp":
                try #require(numbers.count == 4)
                self = .curve(SampledGaussian(rate: numbers[0], multiplier: numbers[1]), order: numbers[2], numbers[3])
            case "epsilon":
                try #require(numbers.count == 5)
                self = .epsilon(
                    SampledGaussian(rate: numbers[0], multiplier: numbers[1]), steps: Int(numbers[2]),
                    delta: numbers[3], numbers[4])
            default:
                try #require(words.first == "mixed" && numbers.count == 1)
                self = .mixed(numbers[0])
            }
        }
    }

    private static func lines(_ text: String) throws -> [Line] {
        try text.split(separator: "\n").map { try Line($0) }
    }

    private static func vectors() throws -> String {
        let url = try #require(
            Bundle.module.url(forResource: "accountant", withExtension: "txt", subdirectory: "Vectors"))
        return try String(contentsOf: url, encoding: .utf8)
    }

    @Test("Agrees with dp-accounting to 1e-8 on a grid, and is never below it")
    func grid() throws {
        var curves: [SampledGaussian: RenyiCurve] = [:]
        var (orders, epsilons, infinite) = (0, 0, 0)
        func curve(_ mechanism: SampledGaussian) -> RenyiCurve {
            if let known = curves[mechanism] { return known }
            let made = mechanism.curve
            curves[mechanism] = made
            return made
        }
        for line in try Self.lines(Self.vectors()) {
            switch line {
            case .curve(let mechanism, let order, let expected):
                let index = try #require(RenyiCurve.orders.firstIndex { abs($0 - order) < 1e-9 })
                let found = curve(mechanism).values[index]
                orders += 1
                guard expected.isFinite else {
                    infinite += 1
                    #expect(found == .infinity)
                    continue
                }
                #expect(found >= expected && found <= expected * (1 + 1e-8) + 2e-12, "\(mechanism) at \(order)")
            case .epsilon(let mechanism, let steps, let delta, let expected):
                epsilons += 1
                let found = (curve(mechanism) * steps).epsilon(delta: delta)
                #expect(
                    found >= expected && found <= expected + max(1, expected) * 1e-8, "\(mechanism), \(steps), \(delta)"
                )
            case .mixed(let expected):
                let composed =
                    curve(SampledGaussian(rate: 0.01, multiplier: 1)) * 300
                    + curve(SampledGaussian(rate: 0.02, multiplier: 1.5)) * 200
                    + curve(SampledGaussian(rate: 1, multiplier: 8)) * 7
                let found = composed.epsilon(delta: 1e-5)
                #expect(found >= expected && found <= expected * (1 + 1e-8))
            }
        }
        // The grid is one, and what has no answer is not all of it.
        #expect(orders > 1000 && epsilons == 120 && infinite < orders / 10)
    }

    @Test(
        "The vectors are what dp-accounting says today",
        .enabled(
            if: ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"] != nil,
            "set TRIBUTARY_PYTHON (`make reference` installs dp-accounting)"))
    func peer() throws {
        let python = try #require(ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"])
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
            path: "Reference/accountant.py")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = [script.path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = try #require(try output.fileHandleForReading.readToEnd())
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        let (fresh, kept) = (try Self.lines(String(decoding: data, as: UTF8.self)), try Self.lines(Self.vectors()))
        #expect(fresh.count == kept.count)
        for (one, other) in zip(fresh, kept) {
            switch (one, other) {
            case (.curve(let a, let x, let left), .curve(let b, let y, let right)):
                #expect(a == b && x == y && (left == right || abs(left - right) <= 1e-10 * abs(right)))
            case (.epsilon(let a, _, _, let left), .epsilon(let b, _, _, let right)):
                #expect(a == b && abs(left - right) <= 1e-10 * max(1, right))
            case (.mixed(let left), .mixed(let right)): #expect(abs(left - right) < 1e-10)
            default: Issue.record("the lines are of two kinds")
            }
        }
    }

    @Test("More noise, fewer steps, a lower rate and a larger delta are never worth less")
    func monotone() {
        func epsilon(_ rate: Double, _ noise: Double, _ steps: Int, _ delta: Double) -> Double {
            (SampledGaussian(rate: rate, multiplier: noise).curve * steps).epsilon(delta: delta)
        }
        let middle = epsilon(0.02, 1, 200, 1e-5)
        #expect(epsilon(0.02, 1.2, 200, 1e-5) < middle)
        #expect(epsilon(0.02, 1, 180, 1e-5) < middle)
        #expect(epsilon(0.018, 1, 200, 1e-5) < middle)
        #expect(epsilon(0.02, 1, 200, 1e-4) < middle)
        #expect(epsilon(0.02, 0, 1, 1e-5) == .infinity)
        #expect(RenyiCurve.none.epsilon(delta: 1e-5) == 0)
    }
}
