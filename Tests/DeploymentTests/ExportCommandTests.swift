import Foundation
import Glibc
import Testing

/// `tributary export` itself, over the topology file of three hosts that comes with it, and the tools that read what it writes.
@Suite("The export command", .serialized)
struct ExportCommandTests {
    private static let checkout = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    private static let programs = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path
    private static let canRun = access("\(programs)/tributary", X_OK) == 0
    private static let needed = Comment("needs the built programs beside the tests")

    /// A folder to export into, removed with it.
    private final class Target {
        let folder = FileManager.default.temporaryDirectory.path + "/tributary-export-\(UUID().uuidString)"

        init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

        func export(_ format: String, _ topology: String = "\(checkout)/topology/three-clouds.yaml") throws
            -> Tool.Result
        {
            try Tool(path: "\(programs)/tributary").run([
                "export", format, "--topology", topology, "--out", folder, "--stages", programs,
            ])
        }

        var files: [String] {
            let all = FileManager.default.enumerator(atPath: folder)?.allObjects.map { "\($0)" } ?? []
            return all.filter { $0.contains(".") }.map { "\(folder)/\($0)" }.sorted()
        }

        deinit {
            do { try FileManager.default.removeItem(atPath: folder) } catch { print("\(folder) stays: \(error)") }
        }
    }

    @Test(
        "systemd: a unit for each of the eleven stages and a target for each cloud, which systemd-analyze verifies",
        .enabled(if: canRun, needed))
    func systemd() throws {
        let target = try Target()
        let result = try target.export("systemd")
        #expect(result.status == 0, "\(result.output)")
        let units = target.files.filter { $0.hasSuffix(".service") }
        #expect(units.count == 11 && target.files.count { $0.hasSuffix(".target") } == 4, "\(target.files)")
        #expect(units.allSatisfy { result.output.contains($0) })
        guard Tool.analyze.isThere else { return }
        // Users, as systemd-sysusers would make them, are not on this machine: that is all that may be missing.
        let verified = try Tool.analyze.run(["verify", "--man=no"] + target.files.filter { $0.contains("/system/") })
        #expect(verified.status == 0, "\(verified.output)")
    }

    @Test(
        "kubernetes: manifests that kubernetes-validate accepts, and what must be there beside them",
        .enabled(if: canRun, needed))
    func kubernetes() throws {
        let target = try Target()
        let result = try target.export("kubernetes")
        #expect(result.status == 0 && result.output.contains("keys/public/tokyo"), "\(result.output)")
        #expect(!target.files.isEmpty)
        guard Tool.has("kubernetes_validate") else { return }
        let judged = try Tool.python.run(
            [Tool.reference("kubernetes.py")] + target.files.filter { $0.hasSuffix(".yaml") })
        #expect(judged.status == 0, "\(judged.output)")
    }

    @Test(
        "compose: refused where a hub binds an address of its host, with what to write; then a file for each cloud",
        .enabled(if: canRun, needed))
    func compose() throws {
        let target = try Target()
        let refused = try target.export("compose")
        #expect(refused.status == 78 && refused.output.contains("write `bind: 0.0.0.0`"), "\(refused.output)")
        #expect(target.files.isEmpty)
        let text = try String(contentsOfFile: "\(Self.checkout)/topology/three-clouds.yaml", encoding: .utf8)
        let topology = "\(target.folder)-three-clouds.yaml"
        defer { unlink(topology) }
        try text.replacing("bind: 10.20.0.5", with: "bind: 0.0.0.0").replacing(
            "../configs", with: "\(Self.checkout)/configs"
        )
        .write(toFile: topology, atomically: true, encoding: .utf8)
        let result = try target.export("compose", topology)
        #expect(result.status == 0, "\(result.output)")
        #expect(target.files.count == 4, "\(target.files)")
        guard Tool.has("jsonschema, yaml"), access(Tool.composeSchema, R_OK) == 0 else { return }
        let judged = try Tool.python.run([Tool.reference("compose.py"), Tool.composeSchema] + target.files)
        #expect(judged == Tool.Result(status: 0, output: ""))
    }
}
