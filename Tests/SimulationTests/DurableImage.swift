import CSyncWatch
import Foundation
import Glibc
import Synchronization

/// What a loss of power would leave of a folder, by what POSIX promises and no more: of a file what it held when it was last
/// synced, of a directory the names that it had when it was last synced (fsync(2)). Watches every sync of this process.
///
/// On a file system in memory, whose inode numbers are not used again.
final class DurableImage: Sendable {
    private struct State {
        var contents: [UInt64: [UInt8]] = [:]
        var names: [String: [String: UInt64]] = [:]
        var syncs = 0
    }

    let root: String
    private let state = Mutex(State())
    private static let watched = Mutex<[DurableImage]>([])

    /// - Parameter root: a folder that exists and is empty; its own name is taken to be durable.
    init(of root: String) {
        self.root = root
        DurableImage.watched.withLock { $0.append(self) }
        tributary_observe_syncs { DurableImage.synced($0) }
    }

    func close() { DurableImage.watched.withLock { all in all.removeAll { $0 === self } } }

    var syncs: Int { state.withLock { $0.syncs } }

    private static func synced(_ descriptor: Int32) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = readlink("/proc/self/fd/\(descriptor)", &buffer, buffer.count)
        guard count > 0 else { return }
        let path = String(decoding: buffer.prefix(count), as: UTF8.self)
        for image in watched.withLock({ $0 }) where path == image.root || path.hasPrefix("\(image.root)/") {
            image.take(path, descriptor)
        }
    }

    private func take(_ path: String, _ descriptor: Int32) {
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { return }
        if information.st_mode & S_IFMT == S_IFDIR {
            let names = DurableImage.names(in: path)
            state.withLock {
                $0.names[path] = names
                $0.syncs += 1
            }
        } else {
            let bytes = DurableImage.bytes("/proc/self/fd/\(descriptor)")
            state.withLock {
                $0.contents[UInt64(information.st_ino)] = bytes
                $0.syncs += 1
            }
        }
    }

    private static func names(in folder: String) -> [String: UInt64] {
        var result: [String: UInt64] = [:]
        guard let directory = opendir(folder) else { return result }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { result[name] = UInt64(entry.pointee.d_ino) }
        }
        return result
    }

    static func bytes(_ path: String) -> [UInt8] { FileManager.default.contents(atPath: path).map { Array($0) } ?? [] }

    /// Lays the image out in another folder.
    func restore(to target: String) throws { try restore(root, to: target) }

    private func restore(_ folder: String, to target: String) throws {
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        let (names, contents) = state.withLock { ($0.names[folder] ?? [:], $0.contents) }
        for (name, inode) in names {
            var information = stat()
            // A folder that has been synced, or one that is only named.
            let isFolder =
                state.withLock { $0.names["\(folder)/\(name)"] != nil }
                || (stat("\(folder)/\(name)", &information) == 0 && information.st_mode & S_IFMT == S_IFDIR)
            if isFolder {
                try restore("\(folder)/\(name)", to: "\(target)/\(name)")
            } else {
                // A file whose name is durable and whose contents are not may hold anything; here nothing.
                try Data(contents[inode] ?? []).write(to: URL(fileURLWithPath: "\(target)/\(name)"))
            }
        }
    }
}
