import Deployment
import Federation
import Foundation
import Testing

@Suite("Compose files")
struct ComposeTests {
    private static let judges = Tool.has("jsonschema, yaml") && !Tool.composeSchema.isEmpty
    private static let needed = Comment("set TRIBUTARY_PYTHON and TRIBUTARY_COMPOSE_SCHEMA (make reference)")

    private func file(of cloud: String, _ text: String = Federations.wide) throws -> String {
        let services = try Federations.services(text, of: [cloud])
        let files = try ComposeFile(
            services, of: services[0].stage.cloud, name: .standard, image: "registry.example/tributary:1"
        ).files()
        #expect(files.count == 1)
        return files[0].text
    }

    private func judged(_ text: String) throws -> Tool.Result {
        let written = try WrittenFiles([DeploymentFile(path: "compose.yaml", text: text)])
        return try Tool.python.run([Tool.reference("compose.py"), Tool.composeSchema] + written.paths)
    }

    @Test(
        "the compose specification's schema accepts every cloud's file, and not a spoiled one",
        .enabled(if: judges, needed))
    func schema() throws {
        for cloud in ["north", "south", "coordinator", "release"] {
            #expect(try judged(file(of: cloud)) == Tool.Result(status: 0, output: ""), "\(cloud)")
        }
        let sound = try file(of: "release")
        for (part, other) in [("read_only: true\n    cap", "readonly: true\n    cap"), ("retries: 3", "retries: [3]")] {
            let spoiled = sound.replacing(part, with: other)
            #expect(spoiled != sound)
            #expect(try judged(spoiled).status != 0, "\(other)")
        }
    }

    @Test(
        "every service is closed: read-only root, no capabilities, no new privileges, its own secrets, a health check")
    func closed() throws {
        let text = try file(of: "north")
        for line in ["read_only: true\n    cap_drop:\n      - ALL", "- \"no-new-privileges:true\"", "healthcheck:"] {
            #expect(text.components(separatedBy: line).count == 4, "\(line)")
        }
        #expect(text.components(separatedBy: "source: encrypt-rounding-secret").count == 2)
        #expect(text.contains("target: rounding.secret"))
        #expect(!text.contains("ports:"))
        #expect(try file(of: "release").contains("ports:\n      - \"7111:7111\"\n      - \"7112:7112\""))
    }

    @Test("a hub that binds an address of the host is refused: a container has another")
    func binding() throws {
        let bound = Federations.wide.replacing(
            "bind: 0.0.0.0, advertise: 192.0.2.8", with: "bind: 127.0.0.1, advertise: 192.0.2.8")
        #expect(throws: DeploymentError.self) { try file(of: "release", bound) }
        _ = try file(of: "release")
    }

    @Test("every local-train of a cloud is a service of its own, with its own number, keys and folder")
    func workers() throws {
        let text = try file(of: "south", Federations.worked)
        for role in ["local-train", "local-train-2", "local-train-3"] {
            #expect(text.contains("\n  \(role):\n"), "\(role)")
            #expect(text.contains("source: \(role)-\(role)-curve\n"), "\(role)")
        }
        // Two of them say which they are, each in its command and in its health check.
        #expect(text.components(separatedBy: "- \"--worker\"").count == 5)
    }

    @Test("the compose specification's schema accepts several local-train", .enabled(if: judges, needed))
    func workersJudged() throws {
        #expect(try judged(file(of: "south", Federations.worked)) == Tool.Result(status: 0, output: ""))
    }
}
