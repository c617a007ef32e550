import Federation
import StageKit
import Testing
import Topology

extension PipelineSuite {
    /// How a released adapter comes to the clouds.
    @Suite("Released sums")
    struct ReleasedSumsTests {
        private func run(_ settings: String = "", suite: Suite = .paillier) async throws -> FederationRun {
            let run = try FederationRun(
                .init(
                    suite: suite,
                    configs: [
                        .publish: """
                        values: 600
                        rounds: 4
                        deadline: 120s
                        validate-every: 0
                        test: false
                        threads: 1
                        \(settings)
                        """
                    ], trainer: "none"))
            try await run.run()
            return run
        }

        /// What became of each part of the adapters that were sent, by round: 0 is a whole one, 1 what its round has changed.
        private func sent(_ run: FederationRun, to receiver: StageName) throws -> [Int: [String]] {
            let journal = try run.journal(of: run.topology.publish)
            let rounds = run.book.all.filter { $0.name == "round_released" && $0.fields["final"] != "true" }
                .compactMap(\.round)
            return try journal.read { entry in
                try (0..<2).reduce(into: [:]) { parts, part in
                    parts[part] = try rounds.compactMap { round in
                        try entry.departureState(
                            TransferName(
                                run: try RunName("test"), kind: .adapter, round: RoundNumber(UInt32(round)),
                                cloud: run.topology.publish.cloud, part: UInt32(part)), to: receiver)
                    }
                }
            }
        }

        @Test("Clouds get the sums and make the adapter of them; where its optimiser remembers, they get the adapter")
        func sums() async throws {
            let average = try await run()
            let trainer = average.stage(.localTrain, "north")
            let parts = try sent(average, to: trainer)
            #expect(parts[0] == [] && parts[1] == ["durable", "durable", "durable"])
            // Four updates of four adapters: each was trained from the one that it names.
            #expect(average.book.all.filter { $0.name == "round_trained" && $0.stage == trainer }.count == 4)
            let nesterov = try await run("outer: {optimizer: nesterov, rate: 1, momentum: 0.5}\n")
            let whole = try sent(nesterov, to: trainer)
            #expect(whole[0] == ["durable", "durable", "durable"] && whole[1] == [])
        }
    }
}
