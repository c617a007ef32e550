import Deployment
import Federation
import Foundation
import Testing

@Suite("Systemd units")
struct SystemdUnitsTests {
    private static let analyzes = Tool.analyze.isThere
    private static let needed = Comment("needs systemd-analyze: apt-get install systemd")

    private func units(_ files: [DeploymentFile]) -> [DeploymentFile] {
        files.filter { $0.path.hasPrefix("systemd/") }
    }

    private func verified(_ files: [DeploymentFile]) throws -> Tool.Result {
        let written = try WrittenFiles(units(files))
        return try Tool.analyze.run(["verify", "--man=no"] + written.paths)
    }

    /// Whether a unit's exposure is at most this.
    private func isExposed(_ file: DeploymentFile, above threshold: Double) throws -> Bool {
        let written = try WrittenFiles([file])
        let result = try Tool.analyze.run(
            ["security", "--offline=true", "--no-pager", "--threshold=\(Int(threshold * 10))"] + written.paths)
        #expect(result.output.contains("Overall exposure level"), "\(result.output)")
        return result.status != 0
    }

    @Test(
        "systemd-analyze verify accepts every unit of every cloud, and not a spoiled one",
        .enabled(if: analyzes, needed))
    func verifies() throws {
        for cloud in ["north", "south", "coordinator", "release"] {
            let files = try Federations.units(of: cloud)
            #expect(try verified(files) == Tool.Result(status: 0, output: ""), "\(cloud)")
        }
        let sound = try Federations.units(of: "release")
        for (part, other) in [
            ("ProtectSystem=strict", "ProtectSystem=strictly"), ("Type=notify", "Tpye=notify"),
            ("ExecStart=/usr/bin/true", "ExecStart=/usr/bin/not-there"),
        ] {
            let spoiled = sound.map {
                DeploymentFile(path: $0.path, text: $0.text.replacing(part, with: other))
            }
            #expect(spoiled != sound)
            #expect(try !verified(spoiled).output.isEmpty, "\(other)")
        }
    }

    @Test(
        "exposure is at most 2.0, local-train's 3.0, and more without a unit's system calls and capabilities",
        .enabled(if: analyzes, needed))
    func exposure() throws {
        for cloud in ["north", "south", "coordinator", "release"] {
            for file in try Federations.units(of: cloud) where file.path.hasSuffix(".service") {
                let limit = file.path.hasSuffix("local-train.service") ? 3.0 : 2.0
                #expect(try !isExposed(file, above: limit), "\(file.path)")
                let kept = file.text.split(separator: "\n", omittingEmptySubsequences: false).filter {
                    !$0.hasPrefix("SystemCall") && !$0.hasPrefix("CapabilityBoundingSet")
                        && !$0.hasPrefix("PrivateUsers")
                }
                let open = DeploymentFile(path: file.path, text: kept.joined(separator: "\n"))
                #expect(try isExposed(open, above: limit), "\(file.path) opened")
            }
        }
    }

    @Test("a stage gets its own secrets and none of the others'")
    func secrets() throws {
        let files = try Federations.units(
            of: "north",
            keyFiles: ["encrypt.curve", "encrypt.2.curve", "encrypt.2.sign", "ingest.2.sign", "encrypt.x.sign"])
        func credentials(_ stage: String) throws -> [Substring] {
            try Federations.text(files, "north-\(stage).service").split(separator: "\n")
                .filter { $0.hasPrefix("LoadCredential=") }
                .map { $0.dropFirst("LoadCredential=".count).prefix { $0 != ":" } }
        }
        #expect(try credentials("ingest") == ["ingest.curve", "ingest.sign", "ingest.2.sign"])
        #expect(
            try credentials("encrypt") == [
                "encrypt.curve", "encrypt.2.curve", "encrypt.sign", "encrypt.2.sign", "rounding.secret",
            ])
        let unit = try Federations.text(files, "north-encrypt.service")
        #expect(unit.contains("InaccessiblePaths=-/var/lib/tributary/north/first/keys/secret\n"))
        #expect(unit.contains(" --secrets %d\n"))
        let publish = try Federations.text(try Federations.units(of: "release"), "publish.service")
        #expect(publish.contains("LoadCredential=release.sign:"))
        #expect(!publish.contains("paillier.secret"))
        let alone = Federations.wide.replacing("run: first", with: "run: first\nkeys: publisher")
        #expect(
            try Federations.text(try Federations.units(of: "release", alone), "publish.service")
                .contains("LoadCredential=paillier.secret:"))
    }

    @Test("what may be written is a stage's own state alone; memory that is code, in local-train alone")
    func writes() throws {
        for file in try Federations.units(of: "north") where file.path.hasSuffix(".service") {
            let lines = file.text.split(separator: "\n")
            let stage = file.path.dropFirst("systemd/system/tributary-north-".count).dropLast(".service".count)
            #expect(
                lines.filter { $0.hasPrefix("ReadWritePaths=") }
                    == ["ReadWritePaths=/var/lib/tributary/north/first/north/\(stage)"])
            #expect(lines.contains("MemoryDenyWriteExecute=yes") == (stage != "local-train"))
        }
    }

    @Test("addresses are closed where all that are dialled are written out, and left open for names and hubs")
    func addresses() throws {
        let north = try Federations.units(of: "north")
        let encrypt = try Federations.text(north, "encrypt.service")
        #expect(encrypt.contains("IPAddressDeny=any\nIPAddressAllow=192.0.2.7\nIPAddressAllow=192.0.2.8\n"))
        #expect(encrypt.contains("SocketBindDeny=any\nIPAddressDeny"))
        let ingest = try Federations.text(try Federations.units(of: "south"), "south-ingest.service")
        #expect(!ingest.contains("IPAddress"))
        let publish = try Federations.text(try Federations.units(of: "release"), "publish.service")
        #expect(publish.contains("SocketBindAllow=tcp:7111\nSocketBindAllow=tcp:7112\n"))
        #expect(!publish.contains("IPAddress"))
    }

    @Test("paths with blanks, percent and dollar signs mean themselves; what lies in a home is shown alone")
    func paths() throws {
        let odd = StageService.NamedPath(path: "/srv/50 % of $it", isFolder: true)
        let home = StageService.NamedPath(path: "/home/me/tables", isFolder: true)
        let services = try Federations.services(of: ["north"], program: "/opt/a b/$x%y", reads: [odd, home])
        let files = try SystemdUnits(services, of: services[0].stage.cloud, name: .standard).files()
        let unit = try Federations.text(files, "north-ingest.service")
        #expect(unit.contains("ExecStart=\"/opt/a b/$$x%%y\" --topology "))
        #expect(unit.contains("ProtectHome=tmpfs\n"))
        #expect(unit.contains("BindReadOnlyPaths=/home/me/tables\n"))
        // The checkout, whose configs it reads, may itself lie in a home.
        let isInHome = ["/home/", "/root/"].contains { #filePath.hasPrefix($0) }
        let own = try Federations.text(try Federations.units(of: "north"), "ingest.service")
        #expect(own.contains(isInHome ? "ProtectHome=tmpfs\n" : "ProtectHome=yes\n"))
        let broken = try Federations.services(of: ["north"], program: "/opt/a\nUser=root")
        #expect(throws: DeploymentError.self) {
            try SystemdUnits(broken, of: broken[0].stage.cloud, name: .standard).files()
        }
    }

    @Test(
        "names that do not fit into those of units and labels are refused",
        arguments: ["", "Trial", "a.b", "-a", "a-", "a23456789012345678"])
    func names(_ text: String) throws {
        #expect(throws: DeploymentError.self) { try DeploymentName(text) }
        #expect(try DeploymentName("trial-2").description == "trial-2")
    }

    @Test("a stage that finds no room on its disk is started again for as long as it takes; a wrong one is not")
    func restarts() throws {
        for cloud in ["north", "coordinator", "release"] {
            for file in try Federations.units(of: cloud) where file.path.hasSuffix(".service") {
                let lines = file.text.split(separator: "\n")
                func values(_ key: String) -> [Substring] {
                    lines.filter { $0.hasPrefix("\(key)=") }.map { $0.dropFirst(key.count + 1) }
                }
                let section = try #require(lines.firstIndex(of: "[Service]"))
                // systemd.unit(5): 0 is no limit, and in [Service] it would not be heard.
                #expect(lines[..<section].contains("StartLimitIntervalSec=0"), "\(file.path)")
                #expect(values("StartLimitIntervalSec").count == 1 && values("StartLimitBurst").isEmpty)
                #expect(values("Restart") == ["on-failure"] && values("RestartSec") == ["5s"])
                let final = values("RestartPreventExitStatus").flatMap { $0.split(separator: " ").map(String.init) }
                #expect(final.contains("78") && !final.contains("74"), "\(file.path): \(final)")
            }
        }
    }

    @Test("every local-train of a cloud has a unit with its own number and secrets")
    func workers() throws {
        let files = try Federations.units(of: "south", Federations.worked)
        let second = try Federations.text(files, "tributary-south-local-train-2.service")
        #expect(second.contains("--cloud south --worker 2 "))
        #expect(second.contains("LoadCredential=local-train-2.curve:") && !second.contains("local-train.curve"))
        #expect(second.contains("south/local-train-2"))
        let first = try Federations.text(files, "tributary-south-local-train.service")
        #expect(!first.contains("--worker") && !first.contains("local-train-2.curve"))
        if Self.analyzes { #expect(try verified(files) == Tool.Result(status: 0, output: "")) }
    }
}
