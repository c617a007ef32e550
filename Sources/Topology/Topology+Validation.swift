internal import Configuration
internal import Federation

/// The rules that a topology as a whole must keep. Each notes all of its breaches and lets the others speak.
struct TopologyRules {
    let file: TopologyFile
    let problems: ProblemList

    func check() {
        if file.isWhole {
            checkOnly(.aggregate)
            checkOnly(.publish)
            checkDataClouds()
            checkWorkers()
            checkCohort()
        }
        checkSuite()
        checkDamgardJurik()
        checkPorts()
        checkConsent()
        checkTrust()
    }

    private var dataClouds: [TopologyFile.Cloud] { file.dataClouds }
    private var dataKinds: [StageKind] { StageKind.ofData }

    private func placed(_ kind: StageKind) -> [(cloud: TopologyFile.Cloud, stage: TopologyFile.Stage)] {
        file.clouds.compactMap { cloud in cloud.stage(kind).map { (cloud, $0) } }
    }

    private func checkOnly(_ kind: StageKind) {
        let found = placed(kind)
        if found.isEmpty { problems.note("there is no \(kind) stage: exactly one cloud runs it", at: file.cloudsPlace) }
        for (cloud, stage) in found.dropFirst() {
            let first = found[0].cloud.name
            problems.note(
                "a second \(kind) stage, in \(cloud.name); \(first) has one already, and there is exactly one",
                at: stage.place)
        }
    }

    private func checkDataClouds() {
        for cloud in file.clouds {
            let missing = dataKinds.filter { cloud.stage($0) == nil }
            if missing.count == dataKinds.count {
                if cloud.stages.isEmpty { problems.note("cloud \(cloud.name) has no stages", at: cloud.place) }
            } else if !missing.isEmpty {
                problems.note(
                    "cloud \(cloud.name) lacks \(missing.map(\.rawValue).joined(separator: " and ")): "
                        + "a cloud with data runs ingest, local-train and encrypt",
                    at: cloud.place)
            }
        }
    }

    /// Several local-train stages of one cloud are counted without gaps: who reads a name knows how many there are before it.
    private func checkWorkers() {
        for cloud in file.clouds {
            for (index, worker) in cloud.workers.enumerated() where worker.role.ordinal != index + 1 {
                let missing = index == 0 ? "\(StageKind.localTrain)" : "\(StageKind.localTrain)-\(index + 1)"
                problems.note(
                    "\(worker.role) of \(cloud.name) without \(missing): they are counted without gaps",
                    at: worker.place)
                break
            }
            checkParts(of: cloud)
        }
    }

    /// What the file says of parts and what nobody would heed.
    private func checkParts(of cloud: TopologyFile.Cloud) {
        let speeds = Set(cloud.workers.map(\.speed))
        if cloud.workers.count < 2 {
            guard cloud.partitioning != nil else { return }
            problems.note(
                "`partition` of \(cloud.name) has nothing to part: the cloud has no local-train-2",
                at: cloud.partitioningPlace, severity: .warning)
        } else if (cloud.partitioning ?? Topology.Partitioning()).mode == .fixed, speeds.count > 1 {
            problems.note(
                "local-train stages of \(cloud.name) get equal parts whatever their `speed`, which counts under `partition: {mode: proportional}` or `monitored`",
                at: cloud.partitioning == nil ? cloud.place : cloud.partitioningPlace, severity: .warning)
        }
    }

    /// Fail closed: a sum over too few is no secret (docs/threat-model.md).
    private func checkCohort() {
        let count = dataClouds.count
        guard file.suite != .clear || count == 0 else { return }
        switch count {
        case 0:
            problems.note("no cloud has data: at least one runs ingest, local-train and encrypt", at: file.cloudsPlace)
        case 1:
            problems.note(
                "one data cloud alone: the sum would be its update; three are needed (one is for tests, with `suite: clear`)",
                at: file.cloudsPlace)
        case 2:
            problems.note(
                "two data clouds: by the sum each learns the other's update; three are needed", at: file.cloudsPlace)
        default: break
        }
    }

    private func checkSuite() {
        if file.suite == .secagg { checkMasks() }
        guard file.suite == .clear else { return }
        let owners = Set(file.clouds.flatMap { cloud in cloud.stages.map { $0.owner ?? cloud.owner } })
        guard dataClouds.count > 1 || owners.count > 1 else { return }
        if file.allowsClear {
            problems.note(
                "`suite: clear`: aggregate and publish see every cloud's update; for tests only", at: file.suitePlace,
                severity: .warning)
        } else {
            problems.note(
                "`suite: clear` would show every cloud's update to aggregate and publish; "
                    + "if this is a test and no more, say so with `allow-clear: true`",
                at: file.suitePlace)
        }
    }

    /// Masks belong to one round, and their keys are made for it: there is none to choose, and none to keep.
    private func checkMasks() {
        for (key, place) in [
            ("keys", file.statedKeys == nil ? nil : file.keysPlace),
            ("threshold", file.statedThreshold == nil ? nil : file.thresholdPlace), ("profile", file.profilePlace),
        ] {
            guard let place else { continue }
            problems.note(
                "`\(key)` belongs to `suite: paillier`: under `suite: secagg` the clouds agree on masks anew in every round, remove it",
                at: place)
        }
        if dataClouds.count > MaskDealing.maximumClouds {
            problems.note(
                "`suite: secagg` is for at most \(MaskDealing.maximumClouds) clouds with data, here are \(dataClouds.count)",
                at: file.suitePlace)
        }
    }

    private func checkDamgardJurik() {
        guard file.damgardJurik > 1 else { return }
        if file.suite != .paillier {
            problems.note(
                "`damgard-jurik` belongs to `suite: paillier`, here is `suite: \(file.suite)`",
                at: file.damgardJurikPlace)
        } else if file.keys != .publisher {
            problems.note(
                "`damgard-jurik: \(file.damgardJurik)` needs `keys: publisher`: a key that clouds share opens plaintexts mod n alone, s = 1; here is `keys: \(file.keys)`",
                at: file.damgardJurikPlace)
        }
    }

    private func checkPorts() {
        struct Claim {
            let stage: StageName
            let listener: Topology.Listener
            let purpose: String
            let port: Int
            let place: Place
        }
        var claims: [Claim] = []
        for cloud in file.clouds {
            for stage in cloud.stages {
                guard let listener = stage.listener else { continue }
                let name = StageName(cloud: cloud.name, role: stage.role)
                for (purpose, port) in [("work", listener.work), ("news", listener.news)] {
                    let claim = Claim(
                        stage: name, listener: listener, purpose: purpose, port: port, place: stage.listenerPlace)
                    // One host if they bind one address, or are reached at one; 0.0.0.0 on two hosts is no clash.
                    let rival = claims.first {
                        $0.port == port
                            && ($0.listener.advertise == listener.advertise
                                || ($0.listener.bind == listener.bind && !NetworkAddress.isWildcard(listener.bind)))
                    }
                    if let rival {
                        problems.note(
                            "port \(port) (`\(purpose)` of \(name)) is taken by `\(rival.purpose)` of \(rival.stage) "
                                + "on \(listener.bind)",
                            at: stage.listenerPlace)
                    }
                    claims.append(claim)
                }
            }
        }
    }

    /// Records, shards, statistics and deltas stay with their owner unless both owners agreed.
    private func checkConsent() {
        for cloud in file.clouds {
            guard let ingest = cloud.stage(.ingest), let encrypt = cloud.stage(.encrypt) else { continue }
            let links =
                cloud.workers.map { (ingest, $0, "shards") } + [(ingest, encrypt, "clear statistics")]
                + cloud.workers.map { ($0, encrypt, "clear deltas") }
            for (sender, receiver, cargo) in links {
                let owners = (sender.owner ?? cloud.owner, receiver.owner ?? cloud.owner)
                guard owners.0 != owners.1 else { continue }
                let missing = [owners.0, owners.1].filter { !cloud.consent.contains($0) }
                if !missing.isEmpty {
                    problems.note(
                        "\(sender.role) of \(cloud.name) would send \(cargo) of \(owners.0) to \(owners.1); both must agree: "
                            + "add \(missing.map { "\"\($0)\"" }.joined(separator: " and ")) to `consent` of \(cloud.name)",
                        at: receiver.place)
                }
                if receiver.listener == nil {
                    problems.note(
                        "\(receiver.role) of \(cloud.name) is run by \(owners.1) and fed by \(owners.0): "
                            + "give it bind, advertise, work and news",
                        at: receiver.place)
                }
            }
        }
    }

    /// The host of both, as far as a topology tells: they are reached at one address, or bind one that is no wildcard.
    private static func sharedHost(_ first: Topology.Listener?, _ second: Topology.Listener?) -> String? {
        guard let first, let second else { return nil }
        if first.advertise == second.advertise { return first.advertise }
        return first.bind == second.bind && !NetworkAddress.isWildcard(first.bind) ? first.bind : nil
    }

    private func checkTrust() {
        checkThreshold()
        if file.keys == .clouds, file.suite == .paillier {
            problems.note(
                "`keys: clouds`: every cloud holds the whole key of sums and is shown what the others sent, so any one of them alone can open another cloud's update; under `keys: threshold` that takes several",
                at: file.keysPlace, severity: .warning)
        }
        guard file.keys == .publisher, file.suite == .paillier, let aggregate = placed(.aggregate).first,
            let publish = placed(.publish).first
        else { return }
        let owner = aggregate.stage.owner ?? aggregate.cloud.owner
        let sameOwner = owner == publish.stage.owner ?? publish.cloud.owner
        let sameCloud = aggregate.cloud.name == publish.cloud.name
        let host = Self.sharedHost(aggregate.stage.listener, publish.stage.listener)
        guard sameOwner || sameCloud || host != nil else { return }
        let reason = [
            sameOwner ? "both belong to \(owner)" : nil, sameCloud ? "both are in \(publish.cloud.name)" : nil,
            host.map { "both run on \($0)" },
        ].compactMap { $0 }.joined(separator: " and ")
        if file.allowsOneOperator {
            problems.note(
                "`keys: publisher`: publish and aggregate together can open one cloud's update; here \(reason): for tests only",
                at: file.keysPlace,
                severity: .warning)
        } else {
            problems.note(
                "`keys: publisher`: publish and aggregate together can open one cloud's update, and here \(reason): choose `keys: threshold`, or place aggregate "
                    + "elsewhere under another owner; if this is a test and no more, say so with `allow-one-operator: true`",
                at: file.keysPlace)
        }
    }

    /// The smallest cohort must be larger than the threshold: t clouds that open a sum of t could each take their own part off.
    private func checkThreshold() {
        let count = dataClouds.count
        if file.statedThreshold != nil, file.keys != .threshold, file.suite != .secagg {
            let alone = file.keys == .clouds ? ": under `keys: clouds` each cloud opens sums alone" : ""
            problems.note("`threshold` belongs to `keys: threshold`\(alone)", at: file.thresholdPlace)
        }
        guard file.keys != .publisher, file.suite == .paillier, file.isWhole, count >= Topology.smallestCohort else {
            return
        }
        if count > Topology.mostParties {
            problems.note(
                "`keys: \(file.keys)` is for at most \(Topology.mostParties) clouds with data, here are \(count)",
                at: file.keysPlace)
        } else if file.threshold >= count {
            problems.note(
                "`threshold: \(file.threshold)`: fewer than all \(count) clouds with data must be able to open a sum",
                at: file.thresholdPlace)
        }
    }
}

extension StageKind {
    /// The stages that a cloud with data runs.
    static let ofData: [StageKind] = [.ingest, .localTrain, .encrypt]
}
