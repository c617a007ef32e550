internal import CSyncWatch
internal import Foundation
internal import Glibc
internal import Synchronization

/// What a loss of power would leave of a folder, by what POSIX promises and no more: of a file what it held when it was last
/// synced, of a directory the names that it had when it was last synced (fsync(2)). Watches every sync of this process.
///
/// On a file system in memory, whose inode numbers are not used again.
package final class DurableImage: Sendable {
    private struct File {
        let bytes: [UInt8]
        let mode: mode_t
    }

    /// What a name led to when its folder was synced. A link's text is part of its inode, and taken to be there with its name.
    private enum Entry {
        case file(UInt64)
        case folder(UInt64, mode: mode_t)
        case link(String)
    }

    /// By inode: a folder keeps what it holds under another name.
    private struct State {
        var files: [UInt64: File] = [:]
        var folders: [UInt64: [String: Entry]] = [:]
        var syncs = 0
    }

    package let root: String
    private let rootNumber: UInt64
    private let state = Mutex(State())
    private let onSync = Mutex<(@Sendable () -> Void)?>(nil)
    private static let watched = Mutex<[DurableImage]>([])

    /// - Parameter root: a folder that exists and is empty; its own name is taken to be durable.
    package init(of root: String) {
        var information = stat()
        precondition(stat(root, &information) == 0, "\(root) is not there")
        self.root = root
        rootNumber = UInt64(information.st_ino)
        DurableImage.watched.withLock { $0.append(self) }
        tributary_observe_syncs { DurableImage.synced($0) }
    }

    package func close() { DurableImage.watched.withLock { all in all.removeAll { $0 === self } } }

    /// Calls this after each sync below the folder, on the thread that has made it: a step of whatever is at work, after which power may
    /// go. The one before has ended in what that one left.
    package func afterEachSync(_ body: (@Sendable () -> Void)?) { onSync.withLock { $0 = body } }

    package var syncs: Int { state.withLock { $0.syncs } }

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
        let number = UInt64(information.st_ino)
        if information.st_mode & S_IFMT == S_IFDIR {
            let entries = DurableImage.entries(in: path)
            state.withLock {
                $0.folders[number] = entries
                $0.syncs += 1
            }
        } else {
            let file = File(
                bytes: DurableImage.bytes("/proc/self/fd/\(descriptor)"), mode: information.st_mode & 0o7777)
            state.withLock {
                $0.files[number] = file
                $0.syncs += 1
            }
        }
        onSync.withLock { $0 }?()
    }

    private static func entries(in folder: String) -> [String: Entry] {
        var result: [String: Entry] = [:]
        guard let directory = opendir(folder) else { return result }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            var information = stat()
            guard name != ".", name != "..", lstat("\(folder)/\(name)", &information) == 0 else { continue }
            let number = UInt64(information.st_ino)
            switch information.st_mode & S_IFMT {
            case S_IFDIR: result[name] = .folder(number, mode: information.st_mode & 0o7777)
            case S_IFLNK:
                var text = [UInt8](repeating: 0, count: 4096)
                let count = readlink("\(folder)/\(name)", &text, text.count)
                result[name] = .link(String(decoding: text.prefix(max(0, count)), as: UTF8.self))
            default: result[name] = .file(number)
            }
        }
        return result
    }

    package static func bytes(_ path: String) -> [UInt8] {
        FileManager.default.contents(atPath: path).map { Array($0) } ?? []
    }

    /// Lays the image out in another folder.
    package func restore(to target: String) throws {
        try restore(rootNumber, mode: 0o700, to: target, state.withLock { $0 })
    }

    private func restore(_ folder: UInt64, mode: mode_t, to target: String, _ state: State) throws {
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        guard chmod(target, mode) == 0 else { throw CocoaError(.fileWriteUnknown) }
        for (name, entry) in state.folders[folder] ?? [:] {
            let path = "\(target)/\(name)"
            switch entry {
            case .folder(let number, let mode): try restore(number, mode: mode, to: path, state)
            case .link(let text): try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: text)
            case .file(let number):
                // A file whose name is durable and whose contents are not may hold anything; here nothing.
                let file = state.files[number] ?? File(bytes: [], mode: 0o600)
                try Data(file.bytes).write(to: URL(fileURLWithPath: path))
                guard chmod(path, file.mode) == 0 else { throw CocoaError(.fileWriteUnknown) }
            }
        }
    }
}

/// A folder in memory, gone at the end.
package final class PowerCutFolder: Sendable {
    package let path: String

    package init() throws {
        let parent = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : "/tmp"
        path = "\(parent)/tributary-power-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// A folder in it, made.
    package func made(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
        return "\(path)/\(name)"
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: path) } catch { print("\(path) stays: \(error)") }
    }
}
