import Federation
import MessagePack
import Testing

@Suite("How publish steps, on the wire")
struct OuterOptimizerTests {
    static let all: [OuterOptimizer] = [
        .average(rate: 1), .average(rate: 0.25), .nesterov(rate: 0.7, momentum: 0.9),
        .adam(rate: 0.01, momentum: 0, secondMomentum: 0.99, epsilon: 1e-3),
    ]

    private func spoiled(_ optimizer: OuterOptimizer, _ key: String, _ value: Value) throws -> Value {
        guard case .map(let pairs) = optimizer.value else {
            throw FederationError.malformed(place: "test", "not a map")
        }
        return .map(pairs.map { $0.key == key ? ($0.key, value) : $0 })
    }

    @Test("Each reads back", arguments: all)
    func roundTrips(_ optimizer: OuterOptimizer) throws { #expect(try OuterOptimizer(optimizer.value) == optimizer) }

    @Test(
        "A number that is another optimiser's, missing or out of its bounds is refused by its name",
        arguments: [
            (0, "momentum", Value.double(0.9)), (0, "rate", .double(0)), (0, "rate", .double(11)),
            (0, "rate", .double(.infinity)), (0, "optimizer", .text("lion")), (2, "epsilon", .double(1e-3)),
            (2, "momentum", .none), (2, "momentum", .double(1)), (3, "second-momentum", .double(-0.1)),
            (3, "second-momentum", .none), (3, "epsilon", .double(0)), (3, "epsilon", .unsigned(1)),
        ])
    func refuses(_ index: Int, _ key: String, _ value: Value) throws {
        let error = #expect(throws: FederationError.self) {
            try OuterOptimizer(try spoiled(Self.all[index], key, value))
        }
        let words = error?.description ?? ""
        #expect(words.contains("outer.\(key)"), "\(words)")
    }

    @Test("Each says in words what it is")
    func summary() {
        #expect(
            Self.all.map(\.summary) == [
                "average", "average, rate 0.25", "nesterov, rate 0.7, momentum 0.9",
                "adam, rate 0.01, momenta 0.0 and 0.99, epsilon 0.001",
            ])
    }
}
