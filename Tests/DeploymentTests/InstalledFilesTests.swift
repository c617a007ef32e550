import Foundation
import Glibc
import Testing

/// What `make install` puts there, of the programs that were built with these tests.
@Suite("Installed files", .serialized)
struct InstalledFilesTests {
    private static let checkout = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    private static let programs = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path
    private static let canRun =
        access("\(programs)/tributary", X_OK) == 0 && access("\(programs)/libTributaryTorch.so", R_OK) == 0
        && access("/usr/bin/python3", X_OK) == 0
    private static let needed = Comment("needs the built programs beside the tests, and python3")
    private static let names =
        ["tributary"] + ["ingest", "local-train", "encrypt", "aggregate", "publish"].map { "tributary-\($0)" }

    /// An installation of its own, removed with it.
    private final class Installation {
        let folder = FileManager.default.temporaryDirectory.path + "/tributary-install-\(UUID().uuidString)"
        let prefix = "/opt/tributary"
        var root: String { folder + prefix }

        init() throws {
            let result = try Tool(path: "/usr/bin/env").run([
                "TRIBUTARY_ENGINE=no", "\(checkout)/scripts/install", programs, prefix, folder,
            ])
            try #require(result.status == 0, "\(result.output)")
        }

        func uninstall() throws -> Tool.Result {
            try Tool(path: "\(checkout)/scripts/uninstall").run([prefix, folder])
        }

        deinit {
            do { try FileManager.default.removeItem(atPath: folder) } catch { print("\(folder) stays: \(error)") }
        }
    }

    @Test(
        "programs run where they were put, and uninstall leaves nothing behind but what others put there",
        .enabled(if: canRun, needed))
    func installs() throws {
        let installation = try Installation()
        for name in Self.names {
            #expect(
                try Tool(path: "\(installation.root)/bin/\(name)").run(["--version"])
                    == Tool.Result(status: 0, output: "0.1.0\n"))
        }
        for schema in try FileManager.default.contentsOfDirectory(atPath: "\(Self.checkout)/schemas") {
            #expect(
                FileManager.default.contentsEqual(
                    atPath: "\(Self.checkout)/schemas/\(schema)",
                    andPath: "\(installation.root)/share/tributary/schemas/\(schema)"))
        }
        let valid = try Tool(path: "\(installation.root)/bin/tributary").run([
            "validate", "\(installation.root)/share/tributary/topology/three-clouds.yaml",
        ])
        #expect(valid.status == 0, "\(valid.output)")
        let other = "\(installation.root)/share/another"
        try Data("mine".utf8).write(to: URL(filePath: other))
        #expect(try installation.uninstall().status == 0)
        let rest = FileManager.default.enumerator(atPath: installation.root)?.allObjects.map { "\($0)" } ?? []
        #expect(rest.sorted() == ["share", "share/another"])
        #expect(try installation.uninstall().status == 78)
    }

    @Test("a list of installed files that names others is refused", .enabled(if: canRun, needed))
    func spoiledList() throws {
        let installation = try Installation()
        let list = "\(installation.root)/share/tributary/installed"
        let sound = try String(contentsOf: URL(filePath: list), encoding: .utf8)
        for line in ["/etc/passwd", "/opt/tributary/../../etc/passwd"] {
            try Data((sound + line + "\n").utf8).write(to: URL(filePath: list))
            #expect(try installation.uninstall().status == 78, "\(line)")
            #expect(access("\(installation.root)/bin/tributary", X_OK) == 0)
        }
    }

    private static let man = Tool(path: "/usr/bin/man")

    @Test(
        "manual pages are formatted without a warning and tell every command and option; a spoiled one is noticed",
        .enabled(if: canRun && man.isThere, "needs the built programs, and man: apt-get install man-db"))
    func manual() throws {
        for name in Self.names {
            let page = try Tool(path: "\(Self.checkout)/scripts/manual").run(["\(Self.programs)/\(name)"]).output
            let written = try WrittenFilesOf([
                "page.1": page, "spoiled.1": page.replacing(".SH SYNOPSIS", with: ".SYNOPSIS"),
            ])
            let shown = try Tool(path: "/usr/bin/env").run([
                "MANWIDTH=400", "LC_ALL=C", "man", "--warnings", "-l", "\(written.folder)/page.1",
            ])
            let words =
                name == "tributary"
                ? ["swap", "--detach", "export", "TRIBUTARY_TOPOLOGY"] : ["--probe", "--secrets", "NOTIFY_SOCKET"]
            for word in words { #expect(shown.output.contains(word), "\(name): \(word)") }
            #expect(!shown.output.contains("warning:"), "\(name)")
            #expect(shown.output.contains("EXIT STATUS") || shown.output.contains("EEXXIITT"))
            let spoiled = try Tool(path: "/usr/bin/env").run([
                "LC_ALL=C", "man", "--warnings=mac", "-l", "\(written.folder)/spoiled.1",
            ])
            #expect(spoiled.output.contains("warning:"), "\(name)")
        }
    }

    @Test(
        "completions are scripts that their shell reads, and a spoiled one is not", .enabled(if: canRun, needed),
        arguments: ["bash", "zsh", "fish"])
    func completions(_ shell: String) throws {
        let places: [String] = ["/usr/bin/\(shell)", "/bin/\(shell)"]
        let path = places.first { access($0, X_OK) == 0 }
        guard let path else { return print("\(shell) is not here: its completions were not read") }
        for name in Self.names {
            let script = try Tool(path: "\(Self.programs)/\(name)").run(["--generate-completion-script", shell]).output
            #expect(script.contains("topology"))
            let written = try WrittenFilesOf(["sound": script, "spoiled": script + "\nif ((\n"])
            #expect(try Tool(path: path).run(["-n", "\(written.folder)/sound"]) == Tool.Result(status: 0, output: ""))
            #expect(try Tool(path: path).run(["-n", "\(written.folder)/spoiled"]).status != 0)
        }
    }
}

/// Texts as files of one folder, removed with it.
final class WrittenFilesOf {
    let folder = FileManager.default.temporaryDirectory.path + "/tributary-texts-\(UUID().uuidString)"

    init(_ texts: [String: String]) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (name, text) in texts { try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)")) }
    }

    deinit { do { try FileManager.default.removeItem(atPath: folder) } catch { print("\(folder) stays: \(error)") } }
}
