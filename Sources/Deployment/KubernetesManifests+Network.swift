internal import Federation
internal import Topology

/// The topology's links: what is dialled, and by whom.
extension KubernetesManifests {
    /// Nothing is open but what a link of the topology opens.
    var denial: YAMLText {
        [
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata("\(name)-nothing-else"),
            "spec": ["podSelector": [:], "policyTypes": ["Ingress", "Egress"]],
        ]
    }

    /// Every StatefulSet wants one; a hub is dialled through it.
    func service(_ pod: [StageService]) -> YAMLText {
        let listeners = pod.flatMap { service in
            (service.listener?.ports ?? []).enumerated().map { index, port -> YAMLText in
                let end = index == 0 ? "work" : "news"
                return [
                    "name": .text("\(pod.count > 1 ? "\(portPrefix(service.stage))-" : "")\(end)"),
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

    /// A port's name has at most 15 characters.
    private func portPrefix(_ stage: StageName) -> String {
        stage.ordinal > 1 ? "local-\(stage.ordinal)" : "\(stage.kind.rawValue.prefix(9))"
    }

    /// One object for each end of each link that is here.
    func policies(_ pod: [StageService]) -> [YAMLText] {
        pod.flatMap { service -> [YAMLText] in
            let outward = service.dials.map { dial in
                policy(
                    "\(service.stage.cloud)-\(service.stage.role)-dials-\(dial.hub.cloud)-\(dial.hub.role)",
                    of: service.stage, "Egress", egress(dial))
            }
            let inward = (service.listener?.callers ?? []).map { caller in
                policy(
                    "\(service.stage.cloud)-\(service.stage.role)-hears-\(caller.cloud)-\(caller.role)",
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

    func policy(_ title: String, of stage: StageName, _ kind: String, _ rules: YAMLText) -> YAMLText {
        [
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": metadata(DeploymentName.fitted("\(name)-\(title)", to: 253)),
            "spec": .mapping([
                ("podSelector", selector(stage)), ("policyTypes", [.text(kind)]), (kind.lowercased(), rules),
            ]),
        ]
    }

    private func egress(_ dial: StageService.Dial) -> YAMLText {
        egress(
            to: present.contains(dial.hub) ? [["podSelector": selector(dial.hub)]] : nil, host: dial.host,
            ports(dial.ports))
    }

    /// - Parameter to: whom, where it is not an address of another cluster.
    func egress(to pods: YAMLText? = nil, host: String, _ ports: YAMLText) -> YAMLText {
        var rule: [(String, YAMLText)] = []
        let isAddress = NetworkAddress.isLiteral(host)
        if let pods {
            rule.append(("to", pods))
        } else if isAddress {
            let length = host.contains(":") ? 128 : 32
            rule.append(("to", [["ipBlock": ["cidr": .text("\(host)/\(length)")]]]))
        }
        rule.append(("ports", ports))
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
