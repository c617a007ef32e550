import Federation
import Glibc
import Testing

extension PipelineSuite {
    @Suite("Training that goes astray")
    struct AstrayTests {
        @Test("A cloud whose training diverges sits the round out, says why, and stays")
        func diverges() async throws {
            let run = try FederationRun(
                .init(
                    clouds: ["north"], suite: .clear,
                    configs: [
                        .publish: """
                        base: \(FederationRun.baseModel)
                        variables: \(FederationRun.repository)/configs/variables.yaml
                        rounds: 1
                        local-steps: 40
                        learning-rate: 1000
                        gradient-clip: 0
                        adapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj, o_proj, down_proj]}
                        minimum-cohort: 1
                        validate-every: 0
                        test: false
                        """
                    ]))
            try run.startAll()
            let trainer = run.stage(.localTrain, "north")
            let refused = try await run.event("opening_refused", of: trainer, round: 2)
            #expect(refused.fields["reason"]?.contains("astray") == true, "\(refused.line)")
            // It lives and answers to its name: asked to stop, it ends in order.
            run.signal(SIGTERM, to: trainer)
            #expect(try await run.event("exited", of: trainer).fields["status"] == "0")
        }
    }
}
