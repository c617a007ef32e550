import Foundation
import Synchronization

/// A folder of its own, short enough for sockets, gone with the object.
final class Folder: Sendable {
    let path: String
    private static let number = Atomic<Int>(0)

    init() throws {
        path = "/tmp/tk-\(getpid())-\(Self.number.add(1, ordering: .relaxed).newValue)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    var contents: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() } }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
