import Federation
import Foundation
import Monitoring
import Testing
import Topology
import ZeroMQ

extension PipelineSuite {
    /// The events that stages publish over ipc.
    @Suite("Followers of events")
    struct FollowerTests {
        /// What comes by a subscription, until there are so many, for at most a minute.
        private func follow(_ topic: String, _ endpoint: String, count: Int) throws -> [(topic: String, line: [UInt8])]
        {
            let context = try Context()
            let socket = try Socket(.sub, in: context)
            try socket.set(.subscribe(Array(topic.utf8)))
            try socket.connect(endpoint)
            var found: [(topic: String, line: [UInt8])] = []
            let end = ContinuousClock.now + .seconds(60)
            while found.count < count, .now < end {
                var items = [PollItem(socket, forInput: true, forOutput: false)]
                try poll(&items, milliseconds: 1000)
                while found.count < count, let message = try socket.receive() {
                    try #require(message.frames.count == 2)
                    found.append((String(decoding: message.frames[0], as: UTF8.self), message.frames[1]))
                }
            }
            return found
        }

        @Test("A subscriber hears a stage's events as they are told, the same that its spool keeps, in their order")
        func hears() async throws {
            var plan = FederationRun.Plan(suite: .clear, updates: 400, evaluates: false)
            plan.trainer = "none"
            let run = try FederationRun(plan, keys: try await SharedRuns.paillier().run)
            try await run.launch()
            let publish = run.topology.publish
            let endpoint = "ipc://\(run.topology.followersPath(of: publish))"
            let heard = try await Task.detached { try follow("\(publish)", endpoint, count: 6) }.value
            _ = try await run.shell("tributary down topology.yaml")
            #expect(heard.count == 6 && heard.allSatisfy { $0.topic == publish.description })
            let events = try heard.map { try EventLine.event($0.line) }
            #expect(events.map(\.sequence) == events.map(\.sequence).sorted())
            var reader = SpoolReader(folder: run.topology.eventSpool(of: publish))
            var kept: Set<[UInt8]> = []
            while case let batch = try reader.next(maximumBytes: 1 << 20), !batch.lines.isEmpty {
                kept.formUnion(batch.lines.map { Array($0) })
            }
            #expect(heard.allSatisfy { kept.contains($0.line) })
        }
    }
}
