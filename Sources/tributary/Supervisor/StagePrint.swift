internal import Federation
internal import Glibc
internal import Keys
internal import Sodium
internal import Topology

/// What a stage's process was started from, as far as it reads that once: so that a file which has been changed in its place
/// since is noticed, though no topology says so.
struct StagePrint: Equatable {
    private let config: Digest?
    private let program: FileMark?
    /// Of its own secrets, and of the cards of those that it speaks with or whose signatures it checks.
    private let keys: [String: FileMark]
    private let cards: [StageName: PublicCard]

    /// A file is another if it is another inode, or was written since.
    private struct FileMark: Equatable {
        let inode: UInt64
        let seconds: Int
        let nanoseconds: Int
        let size: Int

        init?(_ path: String) {
            var information = stat()
            guard stat(path, &information) == 0 else { return nil }
            inode = UInt64(information.st_ino)
            (seconds, nanoseconds) = (information.st_mtim.tv_sec, information.st_mtim.tv_nsec)
            size = Int(information.st_size)
        }
    }

    private static let largestConfig = 1 << 20

    init(_ program: Launcher.Program) {
        let (stage, topology) = (program.stage, program.topology)
        var path = topology.stage(stage)?.config
        if let option = program.arguments.firstIndex(of: "--config") { path = program.arguments[option + 1] }
        config = path.flatMap(Self.digest)
        self.program = FileMark(program.path)
        let store = KeyStore(root: topology.keysPath)
        let number = Self.newestKeys(of: stage, in: store)
        let stem = number == 1 ? "\(stage.role)" : "\(stage.role).\(number)"
        keys = ["curve", "sign"].reduce(into: [:]) {
            $0[$1] = FileMark("\(store.root)/secret/\(stage.cloud)/\(stem).\($1)")
        }
        cards = Self.acquaintances(of: stage, in: topology).reduce(into: [:]) { cards, stage in
            // One that is missing or spoiled is the stage's own trouble; here it only differs from one that is right.
            do { cards[stage] = try store.card(of: stage) } catch { cards[stage] = nil }
        }
    }

    /// Those that the stage would show were it started now: renewed ones lie beside the old ones.
    private static func newestKeys(of stage: StageName, in store: KeyStore) -> Int {
        // What is wrong with them the stage tells itself.
        do { return try store.currentKeys(of: stage) } catch { return 1 }
    }

    private static func acquaintances(of stage: StageName, in topology: Topology) -> Set<StageName> {
        var known = Set([stage, topology.publish] + topology.dials(of: stage) + topology.allowedPeers(ofHub: stage))
        if [.encrypt, .aggregate, .publish].contains(stage.kind) {
            known.formUnion(topology.dataClouds.map { StageName(cloud: $0, kind: .encrypt) })
            known.insert(topology.aggregate)
        }
        return known
    }

    static func digest(_ path: String) -> Digest? {
        do {
            let file = try Descriptor.opening(path, O_RDONLY)
            var (bytes, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
            while bytes.count < largestConfig, case .bytes(let more) = try file.read(into: &buffer) { bytes += more }
            return Digest(of: bytes)
        } catch { return nil }
    }

    /// What has been changed since, in words.
    func changes(since old: StagePrint) -> [String] {
        var changes: [String] = []
        if config != old.config { changes.append("its config file has been changed since it was started") }
        if program != old.program { changes.append("its program's file has been replaced since it was started") }
        if keys != old.keys { changes.append("its own keys have been changed since it was started") }
        // Of those that it did not know before the topology tells.
        let others = old.cards.filter { cards[$0.key] != nil && cards[$0.key] != $0.value }.keys.sorted()
        for stage in others { changes.append("\(stage) has another card than when it was started") }
        return changes
    }
}
