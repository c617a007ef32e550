import Deployment
import Federation
import Foundation
import Testing
import Topology

@Suite("Kubernetes manifests")
struct KubernetesTests {
    private static let judges = Tool.has("kubernetes_validate, yaml")
    private static let needed = Comment("set TRIBUTARY_PYTHON to one with kubernetes-validate (make reference)")

    private let tables = StageService.NamedPath(path: "/srv/tables", isFolder: true)
    private let mapping = StageService.NamedPath(path: "/srv/mapping.yaml", isFolder: false)

    private func files(
        of clouds: [String]? = nil
    ) throws -> [DeploymentFile] {
        let services = try Federations.services(of: clouds, reads: [tables, mapping])
        return try KubernetesManifests(
            services, name: .standard, image: "registry.example/tributary:1",
            contents: [
                Federations.config: "version: 1\n\n# ends without a line's end", mapping.path: "a: \"b\"\n\tc\n",
            ]
        ).files()
    }

    private func judged(_ files: [DeploymentFile]) throws -> Tool.Result {
        let written = try WrittenFiles(files)
        return try Tool.python.run([Tool.reference("kubernetes.py")] + written.paths)
    }

    @Test("kubernetes-validate, strict, accepts every manifest, and not a spoiled one", .enabled(if: judges, needed))
    func schema() throws {
        for clouds in [nil, ["north"], ["release", "south"]] as [[String]?] {
            let result = try judged(files(of: clouds))
            #expect(result.status == 0, "\(result.output)")
        }
        let sound = try files(of: ["release"])
        for (part, other) in [
            ("readOnlyRootFilesystem", "readonlyRootFilesystem"), ("replicas: 1", "replicas: one"),
            ("podSelector", "podselector"),
        ] {
            let spoiled = sound.map { DeploymentFile(path: $0.path, text: $0.text.replacing(part, with: other)) }
            #expect(spoiled != sound)
            #expect(try judged(spoiled).status != 0, "\(other)")
        }
    }

    @Test("a policy for each end of each link over TCP, and none besides but the one that closes all")
    func policies() throws {
        let topology = try Federations.topology()
        let remote = topology.links.filter { topology.hub(of: $0.to)?.isRemote == true }
        let text = try files().map(\.text).joined()
        for link in remote {
            #expect(
                text.contains(
                    "name: tributary-\(link.from.cloud)-\(link.from.kind)-dials-\(link.to.cloud)-\(link.to.kind)\n"))
            #expect(
                text.contains(
                    "name: tributary-\(link.to.cloud)-\(link.to.kind)-hears-\(link.from.cloud)-\(link.from.kind)\n"))
        }
        #expect(text.components(separatedBy: "kind: NetworkPolicy").count - 1 == 2 * remote.count + 1)
        #expect(!text.contains("encrypt-dials-north-local-train"))
    }

    @Test("stages that share ipc sockets share a pod; the others have one each")
    func pods() throws {
        let names = try files().map(\.path)
        #expect(
            names == [
                "00-namespace.yaml", "tributary-north-stages.yaml", "tributary-south-stages.yaml",
                "tributary-west-stages.yaml",
                "tributary-coordinator-aggregate.yaml", "tributary-release-publish.yaml",
            ])
    }

    @Test("links to clouds that are elsewhere lead to their addresses, and come from anywhere")
    func elsewhere() throws {
        let north = try files(of: ["north"]).map(\.text).joined()
        #expect(north.contains("cidr: \"192.0.2.7/32\""))
        #expect(north.contains("cidr: \"192.0.2.8/32\""))
        let release = try files(of: ["release"]).map(\.text).joined()
        #expect(!release.contains("- from:"))
        #expect(try files().map(\.text).joined().contains("- from:"))
    }

    @Test("no secret is in a manifest, only its name; what must be there beside it is told")
    func references() throws {
        let services = try Federations.services(of: ["north"], reads: [tables])
        let manifests = KubernetesManifests(
            services, name: .standard, image: "tributary", contents: [Federations.config: "a: b\n"])
        let wanted = manifests.wanted
        #expect(wanted.contains { $0.hasPrefix("secret tributary-north-encrypt: ") && $0.contains("rounding.secret") })
        #expect(wanted.contains { $0.hasPrefix("persistentvolumeclaim ") && $0.hasSuffix("what /srv/tables holds") })
        let text = try manifests.files().map(\.text).joined()
        #expect(!text.contains("kind: Secret"))
        #expect(text.contains("secretName: tributary-north-encrypt"))
    }

    @Test("every local-train of a cloud has its policies; in a pod with others its ports have names of their own")
    func workers() throws {
        let services = try Federations.services(Federations.worked, of: ["south"], reads: [tables, mapping])
        let files = try KubernetesManifests(
            services, name: .standard, image: "registry.example/tributary:1",
            contents: [Federations.config: "version: 1\n", mapping.path: "a: b\n"]
        ).files()
        let text = files.map(\.text).joined()
        for name in [
            "tributary-south-ingest-dials-south-local-train-2", "tributary-south-local-train-2-hears-south-ingest",
            "tributary-south-local-train-2-dials-release-publish",
        ] {
            #expect(text.contains("name: \(name)\n"), "\(name)")
        }
        // The third shares ipc sockets with ingest and encrypt, the second has a host of its own.
        #expect(text.contains("name: local-train-3\n"))
        if Self.judges {
            let result = try judged(files)
            #expect(result.status == 0, "\(result.output)")
        }
    }
}
