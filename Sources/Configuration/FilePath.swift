internal import Glibc

/// Paths as users write them in files: relative to the file they stand in.
package enum FilePath {
    /// `path` seen from `folder`, without `.` and `..` parts; an absolute `path` stays what it is.
    package static func resolve(_ path: String, in folder: String) -> String {
        let joined = path.hasPrefix("/") ? path : "\(folder)/\(path)"
        let rooted = joined.hasPrefix("/")
        var parts: [Substring] = []
        for part in joined.split(separator: "/") where part != "." {
            if part == "..", let last = parts.last, last != ".." {
                parts.removeLast()
            } else if part != ".." || !rooted {
                parts.append(part)
            }
        }
        let text = parts.joined(separator: "/")
        return rooted ? "/\(text)" : (text.isEmpty ? "." : text)
    }

    /// Everything before the last slash; `.` where there is none.
    package static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// What follows the last slash.
    package static func name(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return path }
        return String(path[path.index(after: slash)...])
    }

    package enum Kind: Sendable {
        case file
        case folder
        /// Anything, present or not: an output.
        case any
    }

    /// What stands in the way of using `path` as a `kind`; nil when nothing does.
    package static func obstacle(at path: String, as kind: Kind) -> String? {
        guard kind != .any else { return nil }
        var information = stat()
        guard stat(path, &information) == 0 else {
            return errno == ENOENT ? "there is no \(path)" : "\(path): \(String(cString: strerror(errno)))"
        }
        let type = information.st_mode & S_IFMT
        switch kind {
        case .file: return type == S_IFREG ? nil : "\(path) is not a file"
        case .folder: return type == S_IFDIR ? nil : "\(path) is not a folder"
        case .any: return nil
        }
    }
}
