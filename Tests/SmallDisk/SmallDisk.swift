import Glibc

/// A file system of a few megabytes over a folder (tmpfs), to be filled; taken away with the object.
package final class SmallDisk {
    private let path: String
    private var filler: String { "\(path)/filler" }

    /// Mounting takes rights that not every user has.
    package static let isPossible: Bool = {
        var template = Array("/tmp/tributary-disk-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return false }
        defer { rmdir(template) }
        guard mount("none", template, "tmpfs", 0, "size=1m") == 0 else { return false }
        umount2(template, Int32(MNT_DETACH))
        return true
    }()
    /// What a skipped test says.
    package static let comment = "mounting a small disk wants root"

    /// - Parameter path: an empty folder.
    package init(over path: String, megabytes: Int) throws {
        self.path = path
        guard mount("none", path, "tmpfs", 0, "size=\(megabytes)m,mode=700") == 0 else { throw Fault("mount \(path)") }
    }

    package struct Fault: Error, CustomStringConvertible {
        package let description: String
        init(_ call: String) { description = "\(call): \(String(cString: strerror(errno)))" }
    }

    /// Takes all that is left.
    package func fill() throws {
        let file = open(filler, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        guard file >= 0 else { throw Fault("open \(filler)") }
        defer { close(file) }
        let bytes = [UInt8](repeating: 0, count: 4096)
        while write(file, bytes, bytes.count) > 0 {}
        guard errno == ENOSPC else { throw Fault("write \(filler)") }
    }

    package func makeRoom() throws { guard unlink(filler) == 0 else { throw Fault("unlink \(filler)") } }

    /// Before its folder can be removed.
    package func detach() { umount2(path, Int32(MNT_DETACH)) }

    deinit { detach() }
}
