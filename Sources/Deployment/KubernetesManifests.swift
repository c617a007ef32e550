internal import Federation
internal import Topology

/// A topology's stages in one namespace of a Kubernetes cluster: all clouds, or those that run there. Stages that share ipc sockets are
/// containers of one pod; every other stage has a pod of its own. Paths inside are those of the exporting host.
package struct KubernetesManifests {
    private let name: DeploymentName
    private let services: [StageService]
    private let image: String
    private let contents: [String: String]
    private let present: Set<StageName>

    /// - Parameter contents: of the topology, the configs and the files (not folders) that they name, by path.
    package init(_ services: [StageService], name: DeploymentName, image: String, contents: [String: String]) {
        self.name = name
        self.services = services
        self.image = image
        self.contents = contents
        present = Set(services.map(\.stage))
    }

    static let state = "/var/lib/tributary"
    static let sockets = "/run/tributary"
    static let secrets = "/run/secrets/tributary"
    /// Nobody in particular; the volumes are given to this group.
    private static let user = 65_532
    /// Of a ConfigMap (the API's own limit is 1 MiB with its names).
    private static let largestMap = 1_000_000

    package func files() throws(DeploymentError) -> [DeploymentFile] {
        var files = [DeploymentFile(path: "00-namespace.yaml", text: document([namespace, denial]))]
        for pod in pods {
            let documents = [try configMap(pod), set(pod), service(pod)].compactMap { $0 } + policies(pod)
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
        } + clouds.map { "configmap \(name)-cards-\($0): the files of keys/public/\($0)" }
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

    private func title(_ pod: [StageService]) -> String {
        let kinds = pod.map(\.stage.kind.rawValue).joined(separator: "-")
        let cloud = pod.first.map { "\($0.stage.cloud)" } ?? ""
        // A StatefulSet's name with a hash of ten digits becomes a label of its pods.
        return DeploymentName.fitted("\(name)-\(cloud)-\(pod.count > 1 ? "stages" : kinds)", to: 52)
    }

    /// Of all clouds whose cards a stage needs: those of the whole federation.
    private var clouds: [CloudName] {
        let dialled = services.flatMap { $0.dials.map(\.hub.cloud) }
        let callers = services.flatMap { $0.listener?.callers.map(\.cloud) ?? [] }
        return Set(services.map(\.stage.cloud) + dialled + callers).sorted()
    }

    private func document(_ documents: [YAMLText]) -> String {
        "# Written by `tributary export kubernetes`.\n" + documents.map(\.rendered).joined(separator: "---\n")
    }

    // MARK: Objects

    private func metadata(_ title: String, labels: [(String, YAMLText)]? = nil) -> YAMLText {
        .mapping([
            ("name", .text(title)), ("namespace", .text("\(name)")), ("labels", .mapping(labels ?? common)),
        ])
    }

    private var common: [(String, YAMLText)] {
        [
            ("app.kubernetes.io/name", "tributary"), ("app.kubernetes.io/instance", .text("\(name)")),
        ]
    }

    private func labels(_ pod: [StageService]) -> [(String, YAMLText)] {
        common + pod.map { (label($0.stage), "true") }
    }

    /// One for each stage, so that a policy finds it whichever pod it is in.
    private func label(_ stage: StageName) -> String { "stage.tributary/\(stage.cloud)-\(stage.kind)" }

    private func selector(_ stage: StageName) -> YAMLText { ["matchLabels": .mapping([(label(stage), .text("true"))])] }

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

    /// Nothing is open but what a link of the topology opens.
    private var denial: YAMLText {
        [
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata("\(name)-nothing-else"),
            "spec": ["podSelector": [:], "policyTypes": ["Ingress", "Egress"]],
        ]
    }

    private func configMap(_ pod: [StageService]) throws(DeploymentError) -> YAMLText {
        var pairs: [(String, YAMLText)] = []
        var count = 0
        for path in files(pod) {
            guard let text = contents[path] else { throw DeploymentError("\(path): was not read") }
            count += text.utf8.count
            pairs.append((key(pod, path), .text(text)))
        }
        guard count <= KubernetesManifests.largestMap else {
            throw DeploymentError(
                "the files of \(title(pod)) are \(count) bytes together; a ConfigMap has room for \(KubernetesManifests.largestMap)"
            )
        }
        return [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(title(pod)), "data": .mapping(pairs),
        ]
    }

    /// What is small and known when it is exported.
    private func files(_ pod: [StageService]) -> [String] {
        pod.flatMap { [$0.topology, $0.config] + $0.reads.filter { !$0.isFolder }.map(\.path) }.uniqued()
    }

    private func folders(_ pod: [StageService]) -> [String] {
        pod.flatMap { $0.reads.filter(\.isFolder).map(\.path) + $0.writes }.uniqued()
    }

    private func key(_ pod: [StageService], _ path: String) -> String {
        let index = files(pod).firstIndex(of: path) ?? 0
        return "\(index)-\(KubernetesManifests.plain(path.split(separator: "/").last.map(String.init) ?? "file"))"
    }

    private func claim(_ pod: [StageService], _ path: String) -> String {
        let index = folders(pod).firstIndex(of: path) ?? 0
        let last = KubernetesManifests.plain(path.split(separator: "/").last.map(String.init) ?? "data").lowercased()
        return DeploymentName.fitted("\(title(pod))-\(index)-\(last)", to: 63)
    }

    private static func plain(_ text: String) -> String {
        let letters = text.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") ? $0 : "-" }
        return String(letters.prefix(32)).trimming("-")
    }

    private func set(_ pod: [StageService]) -> YAMLText {
        let selector: [(String, YAMLText)] = pod.map { (label($0.stage), "true") }
        return [
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata(title(pod), labels: labels(pod)),
            "spec": [
                "serviceName": .text(title(pod)), "replicas": 1,
                "selector": ["matchLabels": .mapping(selector)],
                "template": [
                    "metadata": ["labels": .mapping(labels(pod))],
                    "spec": [
                        "automountServiceAccountToken": false, "enableServiceLinks": false,
                        "terminationGracePeriodSeconds": 90,
                        "securityContext": [
                            "runAsNonRoot": true, "runAsUser": .number(KubernetesManifests.user),
                            "runAsGroup": .number(KubernetesManifests.user),
                            "fsGroup": .number(KubernetesManifests.user), "fsGroupChangePolicy": "OnRootMismatch",
                            "seccompProfile": ["type": "RuntimeDefault"],
                        ],
                        "containers": .list(pod.map { container($0, in: pod) }),
                        "volumes": .list(volumes(pod)),
                    ],
                ],
                "volumeClaimTemplates": [
                    [
                        "metadata": ["name": "state"],
                        "spec": [
                            "accessModes": ["ReadWriteOncePod"],
                            "resources": ["requests": ["storage": "10Gi"]],
                        ],
                    ]
                ],
            ],
        ]
    }

    private func container(_ service: StageService, in pod: [StageService]) -> YAMLText {
        var pairs: [(String, YAMLText)] = [
            ("name", .text(service.stage.kind.rawValue)),
            ("image", .text(image)),
            (
                "command",
                .texts(
                    [service.program]
                        + escaped(
                            service.arguments(
                                state: KubernetesManifests.state, secrets: KubernetesManifests.secrets)))
            ),
            ("env", [["name": "XDG_RUNTIME_DIR", "value": .text(KubernetesManifests.sockets)]]),
            (
                "securityContext",
                [
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                    "capabilities": ["drop": ["ALL"]],
                ]
            ),
            ("startupProbe", probe(service, "ready", every: 10, failures: 90)),
            ("livenessProbe", probe(service, "live", every: 20, failures: 3)),
            ("readinessProbe", probe(service, "ready", every: 10, failures: 2)),
            ("volumeMounts", .list(mounts(service, in: pod))),
        ]
        if let listener = service.listener {
            pairs.append(
                (
                    "ports",
                    .list(
                        zip(["work", "news"], listener.ports).map {
                            ["name": .text($0), "containerPort": .number($1), "protocol": "TCP"]
                        })
                ))
        }
        return .mapping(pairs)
    }

    /// The kubelet puts $(VARIABLES) in.
    private func escaped(_ arguments: [String]) -> [String] { arguments.map { $0.replacing("$(", with: "$$(") } }

    private func probe(_ service: StageService, _ question: String, every seconds: Int, failures: Int) -> YAMLText {
        let command =
            [service.program] + service.arguments(state: KubernetesManifests.state, secrets: "", probe: question)
        return .mapping([
            ("exec", ["command": .texts(command)]), ("periodSeconds", .number(seconds)), ("timeoutSeconds", 5),
            ("failureThreshold", .number(failures)),
        ])
    }

    private func mounts(_ service: StageService, in pod: [StageService]) -> [YAMLText] {
        var mounts: [YAMLText] = [
            ["name": "state", "mountPath": .text(KubernetesManifests.state)],
            [
                "name": .text("secrets-\(service.stage.kind)"), "mountPath": .text(KubernetesManifests.secrets),
                "readOnly": true,
            ],
            ["name": "tmp", "mountPath": "/tmp"],
            ["name": "sockets", "mountPath": .text(KubernetesManifests.sockets)],
        ]
        mounts += clouds.map {
            [
                "name": .text(DeploymentName.fitted("cards-\($0)", to: 63)),
                "mountPath": .text("\(KubernetesManifests.state)/keys/public/\($0)"), "readOnly": true,
            ]
        }
        let files = [service.topology, service.config] + service.reads.filter { !$0.isFolder }.map(\.path)
        mounts += files.uniqued().map {
            ["name": "files", "mountPath": .text($0), "subPath": .text(key(pod, $0)), "readOnly": true]
        }
        mounts += service.reads.filter(\.isFolder).map {
            ["name": .text(folderVolume(pod, $0.path)), "mountPath": .text($0.path), "readOnly": true]
        }
        mounts += service.writes.map { ["name": .text(folderVolume(pod, $0)), "mountPath": .text($0)] }
        return mounts
    }

    private func folderVolume(_ pod: [StageService], _ path: String) -> String {
        "folder-\(folders(pod).firstIndex(of: path) ?? 0)"
    }

    private func volumes(_ pod: [StageService]) -> [YAMLText] {
        var volumes: [YAMLText] = [
            ["name": "tmp", "emptyDir": ["medium": "Memory", "sizeLimit": "64Mi"]],
            ["name": "sockets", "emptyDir": ["medium": "Memory", "sizeLimit": "1Mi"]],
            ["name": "files", "configMap": ["name": .text(title(pod)), "defaultMode": 0o444]],
        ]
        volumes += pod.map {
            [
                "name": .text("secrets-\($0.stage.kind)"),
                "secret": ["secretName": .text(name.stage($0.stage)), "defaultMode": 0o440],
            ]
        }
        volumes += clouds.map {
            [
                "name": .text(DeploymentName.fitted("cards-\($0)", to: 63)),
                "configMap": ["name": .text("\(name)-cards-\($0)"), "defaultMode": 0o444],
            ]
        }
        let written = Set(pod.flatMap(\.writes))
        volumes += folders(pod).map {
            [
                "name": .text(folderVolume(pod, $0)),
                "persistentVolumeClaim": [
                    "claimName": .text(claim(pod, $0)), "readOnly": .flag(!written.contains($0)),
                ],
            ]
        }
        return volumes
    }

    /// Every StatefulSet wants one; a hub is dialled through it.
    private func service(_ pod: [StageService]) -> YAMLText {
        let listeners = pod.flatMap { service in
            (service.listener?.ports ?? []).enumerated().map { index, port -> YAMLText in
                let end = index == 0 ? "work" : "news"
                return [
                    "name": .text("\(pod.count > 1 ? "\(service.stage.kind.rawValue.prefix(9))-" : "")\(end)"),
                    "port": .number(port), "targetPort": .number(port), "protocol": "TCP",
                ]
            }
        }
        var spec: [(String, YAMLText)] = [("selector", .mapping(pod.map { (label($0.stage), "true") }))]
        if listeners.isEmpty { spec.append(("clusterIP", "None")) } else { spec.append(("ports", .list(listeners))) }
        return [
            "apiVersion": "v1", "kind": "Service", "metadata": metadata(title(pod), labels: labels(pod)),
            "spec": .mapping(spec),
        ]
    }

    // MARK: The topology's links

    /// One object for each end of each link that is here.
    private func policies(_ pod: [StageService]) -> [YAMLText] {
        pod.flatMap { service -> [YAMLText] in
            let outward = service.dials.map { dial in
                policy(
                    "\(service.stage.cloud)-\(service.stage.kind)-dials-\(dial.hub.cloud)-\(dial.hub.kind)",
                    of: service.stage, "Egress", egress(dial))
            }
            let inward = (service.listener?.callers ?? []).map { caller in
                policy(
                    "\(service.stage.cloud)-\(service.stage.kind)-hears-\(caller.cloud)-\(caller.kind)",
                    of: service.stage, "Ingress",
                    [
                        .mapping(
                            (present.contains(caller) ? [("from", [["podSelector": selector(caller)]])] : [])
                                + [("ports", ports(service.listener?.ports ?? []))])
                    ])
            }
            return outward + inward
        }
    }

    private func policy(_ title: String, of stage: StageName, _ kind: String, _ rules: YAMLText) -> YAMLText {
        [
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": metadata(DeploymentName.fitted("\(name)-\(title)", to: 253)),
            "spec": .mapping([
                ("podSelector", selector(stage)), ("policyTypes", [.text(kind)]), (kind.lowercased(), rules),
            ]),
        ]
    }

    private func egress(_ dial: StageService.Dial) -> YAMLText {
        var rule: [(String, YAMLText)] = []
        let isAddress = dial.host.contains(":") || dial.host.allSatisfy { $0.isNumber || $0 == "." }
        if present.contains(dial.hub) {
            rule.append(("to", [["podSelector": selector(dial.hub)]]))
        } else if isAddress {
            let length = dial.host.contains(":") ? 128 : 32
            rule.append(("to", [["ipBlock": ["cidr": .text("\(dial.host)/\(length)")]]]))
        }
        rule.append(("ports", ports(dial.ports)))
        // A name must be asked for before it can be dialled.
        let names: YAMLText = [
            "ports": [["port": 53, "protocol": "UDP"], ["port": 53, "protocol": "TCP"]]
        ]
        return .list([.mapping(rule)] + (isAddress ? [] : [names]))
    }

    private func ports(_ ports: [Int]) -> YAMLText {
        .list(ports.map { ["port": .number($0), "protocol": "TCP"] })
    }
}

extension String {
    func trimming(_ character: Character) -> String {
        var text = Substring(self)
        while text.first == character { text.removeFirst() }
        while text.last == character { text.removeLast() }
        return String(text)
    }
}
