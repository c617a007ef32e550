internal import Federation
internal import Topology

/// A topology's stages in one namespace of a Kubernetes cluster: all clouds, or those that run there. Stages that share ipc sockets are
/// containers of one pod; every other stage has a pod of its own. Paths inside are those of the exporting host.
package struct KubernetesManifests {
    let name: DeploymentName
    private let services: [StageService]
    let image: String
    let contents: [String: String]
    let present: Set<StageName>
    private let monitors: [CloudName: MonitorService]

    /// - Parameter contents: of the topology, the configs and the files (not folders) that they name, by path.
    package init(
        _ services: [StageService], name: DeploymentName, image: String, contents: [String: String],
        monitors: [MonitorService] = []
    ) {
        self.name = name
        self.services = services
        self.monitors = Dictionary(monitors.map { ($0.cloud, $0) }) { first, _ in first }
        self.image = image
        self.contents = contents
        present = Set(services.map(\.stage))
    }

    static let state = "/var/lib/tributary"
    static let sockets = "/run/tributary"
    static let secrets = "/run/secrets/tributary"
    /// Nobody in particular; the volumes are given to this group.
    static let user = 65_532

    package func files() throws(DeploymentError) -> [DeploymentFile] {
        for monitor in monitors.values.sorted(by: { $0.cloud < $1.cloud }) { try KubernetesManifests.check(monitor) }
        var files = [DeploymentFile(path: "00-namespace.yaml", text: document([namespace, denial]))]
        for pod in pods {
            let documents =
                [try configMap(pod), set(pod), service(pod)].compactMap { $0 } + policies(pod) + monitorPolicies(pod)
            files.append(DeploymentFile(path: "\(title(pod)).yaml", text: document(documents)))
        }
        return files
    }

    /// What must be in the namespace before: by name, with what it is.
    package var wanted: [String] {
        pods.flatMap { pod -> [String] in
            pod.map {
                "secret \(name.stage($0.stage)): its files of keys/secret/\($0.stage.cloud): \($0.secrets.joined(separator: ", "))"
            }
                + folders(pod).map { "persistentvolumeclaim \(claim(pod, $0)): what \($0) holds" }
        }
            + Set(services.map(\.stage.cloud)).sorted().compactMap { monitors[$0] }.filter { !$0.sharedKeys.isEmpty }
            .map {
                "secret \(collectorKeys(of: $0.cloud)): \($0.sharedKeys.joined(separator: ", ")), by their last names"
            }
            + clouds.map { "configmap \(name)-cards-\($0): the files of keys/public/\($0)" }
    }

    // MARK: Which pods there are

    private var pods: [[StageService]] {
        var rest = services
        var pods: [[StageService]] = []
        while let first = rest.first {
            var names: Set<StageName> = [first.stage]
            while true {
                let more = rest.filter { names.contains($0.stage) }.flatMap(\.neighbours).filter { !names.contains($0) }
                guard !more.isEmpty else { break }
                names.formUnion(more)
            }
            pods.append(rest.filter { names.contains($0.stage) })
            rest.removeAll { names.contains($0.stage) }
        }
        return pods
    }

    /// Whatever sinks its cloud has, a pod brings its own stages' events there: its state is no other pod's.
    func monitor(of pod: [StageService]) -> MonitorService? { pod.first.flatMap { monitors[$0.stage.cloud] } }

    func title(_ pod: [StageService]) -> String {
        let kinds = pod.map(\.stage.role.description).joined(separator: "-")
        let cloud = pod.first.map { "\($0.stage.cloud)" } ?? ""
        // A StatefulSet's name with a hash of ten digits becomes a label of its pods.
        return DeploymentName.fitted("\(name)-\(cloud)-\(pod.count > 1 ? "stages" : kinds)", to: 52)
    }

    /// Of all clouds whose cards a stage needs: those of the whole federation.
    var clouds: [CloudName] {
        let dialled = services.flatMap { $0.dials.map(\.hub.cloud) }
        let callers = services.flatMap { $0.listener?.callers.map(\.cloud) ?? [] }
        return Set(services.map(\.stage.cloud) + dialled + callers).sorted()
    }

    private func document(_ documents: [YAMLText]) -> String {
        "# Written by `tributary export kubernetes`.\n" + documents.map(\.rendered).joined(separator: "---\n")
    }

    func metadata(_ title: String, labels: [(String, YAMLText)]? = nil) -> YAMLText {
        .mapping([
            ("name", .text(title)), ("namespace", .text("\(name)")), ("labels", .mapping(labels ?? common)),
        ])
    }

    private var common: [(String, YAMLText)] {
        [
            ("app.kubernetes.io/name", "tributary"), ("app.kubernetes.io/instance", .text("\(name)")),
        ]
    }

    func labels(_ pod: [StageService]) -> [(String, YAMLText)] {
        common + pod.map { (label($0.stage), "true") }
    }

    /// One for each stage, so that a policy finds it whichever pod it is in.
    func label(_ stage: StageName) -> String { "stage.tributary/\(stage.cloud)-\(stage.role)" }

    func selector(_ stage: StageName) -> YAMLText { ["matchLabels": .mapping([(label(stage), .text("true"))])] }

    private var namespace: YAMLText {
        [
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": [
                "name": .text("\(name)"),
                "labels": [
                    "pod-security.kubernetes.io/enforce": "restricted",
                    "pod-security.kubernetes.io/warn": "restricted",
                ],
            ],
        ]
    }
}
