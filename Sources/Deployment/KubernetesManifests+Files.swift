internal import Federation
internal import Topology

/// What a pod's containers find at the paths that they know: files in a ConfigMap, folders as claims, keys and cards by reference.
extension KubernetesManifests {
    /// Of a ConfigMap (the API's own limit is 1 MiB with its names).
    private static let largestMap = 1_000_000

    func configMap(_ pod: [StageService]) throws(DeploymentError) -> YAMLText {
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
        let own = pod.flatMap { [$0.topology, $0.config] + $0.reads.filter { !$0.isFolder }.map(\.path) }
        return (own + (monitor(of: pod)?.configs ?? [])).uniqued()
    }

    func folders(_ pod: [StageService]) -> [String] {
        pod.flatMap { $0.reads.filter(\.isFolder).map(\.path) + $0.writes }.uniqued()
    }

    func key(_ pod: [StageService], _ path: String) -> String {
        let index = files(pod).firstIndex(of: path) ?? 0
        return "\(index)-\(KubernetesManifests.plain(path.split(separator: "/").last.map(String.init) ?? "file"))"
    }

    func claim(_ pod: [StageService], _ path: String) -> String {
        let index = folders(pod).firstIndex(of: path) ?? 0
        let last = KubernetesManifests.plain(path.split(separator: "/").last.map(String.init) ?? "data").lowercased()
        return DeploymentName.fitted("\(title(pod))-\(index)-\(last)", to: 63)
    }

    private static func plain(_ text: String) -> String {
        let letters = text.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") ? $0 : "-" }
        return String(letters.prefix(32)).trimming("-")
    }

    private func folderVolume(_ pod: [StageService], _ path: String) -> String {
        "folder-\(folders(pod).firstIndex(of: path) ?? 0)"
    }

    func mounts(_ service: StageService, in pod: [StageService]) -> [YAMLText] {
        var mounts: [YAMLText] = [
            ["name": "state", "mountPath": .text(KubernetesManifests.state)],
            [
                "name": .text("secrets-\(service.stage.role)"), "mountPath": .text(KubernetesManifests.secrets),
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

    func mounts(_ monitor: MonitorService, in pod: [StageService]) -> [YAMLText] {
        // The topology asks for the configs of all of a cloud's stages, wherever they run.
        let files = [monitor.topology] + monitor.configs
        let keys = monitor.sharedKeys.map { path -> YAMLText in
            [
                "name": "collector-keys", "mountPath": .text(path), "subPath": .text(KubernetesManifests.last(path)),
                "readOnly": true,
            ]
        }
        return [
            ["name": "state", "mountPath": .text(KubernetesManifests.state)], ["name": "tmp", "mountPath": "/tmp"],
        ]
            + files.uniqued().map {
                ["name": "files", "mountPath": .text($0), "subPath": .text(key(pod, $0)), "readOnly": true]
            } + keys
    }

    static func last(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    func volumes(_ pod: [StageService]) -> [YAMLText] {
        var volumes: [YAMLText] = [
            ["name": "tmp", "emptyDir": ["medium": "Memory", "sizeLimit": .text("\(StageService.temporaryFiles)")]],
            ["name": "sockets", "emptyDir": ["medium": "Memory", "sizeLimit": "1Mi"]],
            ["name": "files", "configMap": ["name": .text(title(pod)), "defaultMode": 0o444]],
        ]
        volumes += pod.map {
            [
                "name": .text("secrets-\($0.stage.role)"),
                "secret": ["secretName": .text(name.stage($0.stage)), "defaultMode": 0o440],
            ]
        }
        volumes += clouds.map {
            [
                "name": .text(DeploymentName.fitted("cards-\($0)", to: 63)),
                "configMap": ["name": .text("\(name)-cards-\($0)"), "defaultMode": 0o444],
            ]
        }
        if let monitor = monitor(of: pod), !monitor.sharedKeys.isEmpty {
            volumes.append([
                "name": "collector-keys",
                "secret": ["secretName": .text(collectorKeys(of: monitor.cloud)), "defaultMode": 0o400],
            ])
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
}

extension String {
    fileprivate func trimming(_ character: Character) -> String {
        var text = Substring(self)
        while text.first == character { text.removeFirst() }
        while text.last == character { text.removeLast() }
        return String(text)
    }
}
