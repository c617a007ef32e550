import Federation
import Foundation
import Testing
import Topology

extension PipelineSuite {
    /// `/metrics`, `/livez` and `/readyz` beside a running federation.
    @Suite("Metrics and health over HTTP")
    struct HealthTests {
        /// Asks the page's server of a running launcher for a path; answers status and body.
        private static let ask = """
            rm -f url
            tributary web topology.yaml --port 0 --no-token > url 2> trouble & server=$!
            trap 'kill $server' EXIT
            until [ -s url ] || ! kill -0 $server; do sleep 0.05; done
            python3 - "$(cat url)" <<'END'
            import sys, urllib.error, urllib.request
            for path in PATHS:
                try:
                    answer = urllib.request.urlopen(sys.argv[1] + path, timeout=60)
                    print(path, answer.status, answer.headers["Content-Type"])
                    print(answer.read().decode())
                except urllib.error.HTTPError as error:
                    print(path, error.code)
                    print(error.read().decode())
            END
            """

        private func ask(_ paths: [String], of run: FederationRun) async throws -> String {
            let list = "[" + paths.map { "\"\($0)\"" }.joined(separator: ", ") + "]"
            return try await run.shell(Self.ask.replacing("PATHS", with: list))
        }

        @Test("They tell of the host and of each stage, and of one that has been stopped")
        func tells() async throws {
            var plan = FederationRun.Plan(suite: .clear, updates: 200, evaluates: false)
            plan.trainer = "none"
            let run = try FederationRun(plan, keys: try await SharedRuns.paillier().run)
            try await run.launch()
            let ready = try await ask(
                ["livez", "readyz", "readyz/north/encrypt", "metrics/north/encrypt", "metrics"], of: run)
            #expect(ready.contains("livez 200") && ready.contains("readyz 200"), "\(ready.prefix(600))")
            #expect(ready.contains("ok  north/encrypt"))
            #expect(ready.contains("metrics 200 text/plain; version=0.0.4; charset=utf-8"))
            #expect(ready.contains(#"tributary_stage_up{run="test",cloud="office",stage="publish"} 1"#))
            _ = try await run.shell("kill -STOP $(tributary ps topology.yaml --pid encrypt@north); sleep 12")
            let stopped = try await ask(["livez", "livez/north/encrypt", "livez/west/encrypt", "metrics"], of: run)
            _ = try await run.shell(
                "kill -CONT $(tributary ps topology.yaml --pid encrypt@north); tributary down topology.yaml")
            #expect(
                stopped.contains("livez 503") && stopped.contains("livez/north/encrypt 503"), "\(stopped.prefix(600))")
            #expect(stopped.contains("livez/west/encrypt 200") && stopped.contains("NO  north/encrypt"))
            #expect(stopped.contains(#"tributary_stage_up{run="test",cloud="north",stage="encrypt"} 0"#))
        }
    }
}
