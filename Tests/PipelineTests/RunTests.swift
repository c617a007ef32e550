import Encryption
import Federation
import Publication
import Testing

extension PipelineSuite {
    @Suite("Whole runs")
    struct RunTests {
        @Test("One cloud in clear trains an adapter and publishes it as a sound release")
        func oneCloud() async throws {
            let run = try FederationRun(.init(clouds: ["north"], suite: .clear))
            try run.startAll()
            let statuses = try await run.finish()
            #expect(statuses.count == 5)
            #expect(statuses.values.allSatisfy { $0 == 0 })
            let found = ReleaseVerification.verify("\(run.releases)/latest")
            #expect(found.isSound, "\(found.problems)")
            #expect(try run.adapter().values.allSatisfy { !$0.isEmpty })
        }
    }
}
