internal import Federation
internal import Glibc
internal import Keys
internal import Monitoring
internal import Topology

/// The audit trails of a federation's stages, as far as they are in this state folder.
struct TrailFolder {
    struct Trail {
        let stage: StageName
        let path: String
        let reading: AuditReading
    }

    private(set) var trails: [Trail] = []
    /// Stages of the topology whose trails are not here.
    private(set) var missing: [StageName] = []

    init(_ topology: Topology) throws {
        let store = KeyStore(root: topology.keysPath)
        for stage in topology.stages.map(\.name) {
            let path = topology.auditTrail(of: stage)
            guard access(path, F_OK) == 0 else {
                missing.append(stage)
                continue
            }
            do {
                // Revoked cards too: what was signed before was signed.
                let cards = try store.allCards().filter { $0.stage == stage }
                trails.append(
                    Trail(
                        stage: stage, path: path,
                        reading: try AuditReading(of: stage, at: path, keys: cards.map(\.verifying))))
            } catch let error as KeyError {
                throw LauncherError.configuration(error.description)
            } catch let fault as AuditFault { throw LauncherError.runFailed("\(path): \(fault)") }
        }
    }

    var isSound: Bool { trails.allSatisfy(\.reading.isSound) }
}
