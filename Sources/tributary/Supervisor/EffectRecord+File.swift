internal import Glibc
internal import Launching
internal import Sodium
internal import Topology

extension EffectRecord {
    static func path(_ state: String) -> String { "\(state)/in-effect.json" }

    /// Nil where nothing has been in effect, or the run is over.
    static func read(_ state: String) throws -> EffectRecord? {
        let path = path(state)
        guard access(path, F_OK) == 0 else { return nil }
        do {
            let file = try Descriptor.opening(path, O_RDONLY)
            var (bytes, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
            while case .bytes(let more) = try file.read(into: &buffer) {
                bytes += more
                guard bytes.count <= maximumBytes else { throw LauncherError.configuration("too long") }
            }
            return try EffectRecord(bytes)
        } catch {
            throw LauncherError.configuration(
                "\(path): not written by this launcher (\(error)): which topology was in effect is not known; if the one that you name is, say so: `tributary up --changed`"
            )
        }
    }

    /// Whole and on the disk when this returns, by its name too: a loss of power leaves this one or the one before.
    func write(_ state: String) throws {
        let path = EffectRecord.path(state)
        let draft = "\(path).new"
        do {
            let file = try Descriptor.opening(draft, O_WRONLY | O_CREAT | O_TRUNC)
            try file.writeAll(encoded())
            guard fsync(file.number) == 0 else { throw LauncherError.system("fsync \(draft)") }
            guard rename(draft, path) == 0 else { throw LauncherError.system("rename \(draft)") }
        } catch {
            unlink(draft)
            throw error
        }
        try EffectRecord.sync(state)
    }

    static func remove(_ state: String) throws {
        guard unlink(path(state)) == 0 || errno == ENOENT else { throw LauncherError.system("unlink \(path(state))") }
        try sync(state)
    }

    private static func sync(_ folder: String) throws {
        let descriptor = try Descriptor.opening(folder, O_RDONLY | O_DIRECTORY)
        guard fsync(descriptor.number) == 0 else { throw LauncherError.system("fsync \(folder)") }
    }
}

extension EffectRecord.File {
    /// As it stands there now.
    init(_ topology: String) throws {
        guard let digest = StagePrint.digest(topology) else { throw LauncherError.system("read \(topology)") }
        self.init(path: topology.absolutePath, digest: digest.description)
    }
}
