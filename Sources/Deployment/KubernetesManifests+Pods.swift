internal import Federation

/// A pod's containers: how they run, and how they are asked whether they do.
extension KubernetesManifests {
    func set(_ pod: [StageService]) -> YAMLText {
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
                        "containers": .list(
                            pod.map { container($0, in: pod) }
                                + (monitor(of: pod).map { [container($0, in: pod)] } ?? [])),
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
            ("name", .text(service.stage.role.description)),
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
            ("securityContext", KubernetesManifests.closed),
            // Asked for in whole, so that the host has it whenever the stage comes to need it.
            ("resources", KubernetesManifests.memory(service.memory)),
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

    static let closed: YAMLText = [
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": ["drop": ["ALL"]],
    ]

    static func memory(_ bytes: Int) -> YAMLText {
        ["requests": ["memory": .text("\(bytes)")], "limits": ["memory": .text("\(bytes)")]]
    }

    /// The kubelet puts $(VARIABLES) in.
    func escaped(_ arguments: [String]) -> [String] { arguments.map { $0.replacing("$(", with: "$$(") } }

    private func probe(_ service: StageService, _ question: String, every seconds: Int, failures: Int) -> YAMLText {
        let command =
            [service.program] + service.arguments(state: KubernetesManifests.state, secrets: "", probe: question)
        return .mapping([
            ("exec", ["command": .texts(command)]), ("periodSeconds", .number(seconds)), ("timeoutSeconds", 5),
            ("failureThreshold", .number(failures)),
        ])
    }
}
