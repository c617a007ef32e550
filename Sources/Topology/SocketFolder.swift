internal import Glibc

/// Folders for ipc sockets: whoever can enter one can speak to its stages, so each is this user's alone.
package enum SocketFolder {
    package struct Refused: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// `$XDG_RUNTIME_DIR/tributary-UID`, or the same in /tmp.
    package static var base: String {
        let runtime = getenv("XDG_RUNTIME_DIR").map { String(cString: $0) } ?? ""
        return "\(runtime.hasPrefix("/") ? runtime : "/tmp")/tributary-\(geteuid())"
    }

    /// Makes `path` and its parent, 0700, or throws if either is another's, open to others, or a link: /tmp is everyone's.
    package static func make(_ path: String) throws(Refused) {
        guard let slash = path.lastIndex(of: "/"), path.utf8.count <= 80 else {
            throw Refused(
                description: "\(path): too long for the sockets in it (unix(7)); set a shorter XDG_RUNTIME_DIR")
        }
        for folder in [String(path[..<slash]), path] {
            if mkdir(folder, 0o700) != 0, errno != EEXIST {
                throw Refused(description: "\(folder): cannot be made: \(String(cString: strerror(errno)))")
            }
            var information = stat()
            guard lstat(folder, &information) == 0, information.st_mode & S_IFMT == S_IFDIR else {
                throw Refused(description: "\(folder): is not a folder")
            }
            guard information.st_uid == geteuid(), information.st_mode & 0o077 == 0 else {
                throw Refused(
                    description:
                        "\(folder): must belong to this user and be closed to others; remove it, or `chmod 700` it")
            }
        }
    }
}
