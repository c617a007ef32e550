internal import FoundationEssentials
internal import Glibc

/// The folder a demo writes into. A second demo replaces the first; what no demo wrote is never removed.
enum DemoFolder {
    private static let mark = ".tributary-demo"

    /// An empty folder with the mark in it.
    static func prepare(_ path: String) throws {
        let files = FileManager.default
        if access(path, F_OK) == 0 {
            let entries = try files.contentsOfDirectory(atPath: path)
            guard entries.isEmpty || entries.contains(mark) else {
                throw LauncherError.configuration("\(path): holds files that no demo wrote; give another --out")
            }
            if let holder = try StateLock.holder("\(path)/state") {
                throw LauncherError.configuration(
                    "\(path): a demo runs there (process \(holder)); `tributary down` stops it")
            }
            for entry in entries where entry != mark { try files.removeItem(atPath: "\(path)/\(entry)") }
        }
        try Folders.make(path)
        _ = try Descriptor.opening("\(path)/\(mark)", O_WRONLY | O_CREAT)
    }
}
