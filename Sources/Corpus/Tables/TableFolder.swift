import Glibc

/// The folder where a cloud's tables lie, one file for each: `NAME.csv` or `NAME.csv.gz`, upper and lower case the same.
package struct TableFolder: Sendable {
    package enum Failure: Error, Equatable, CustomStringConvertible {
        case cannotOpen(path: String, reason: String)
        case missing(table: String, folder: String)
        case ambiguous(table: String, files: [String])

        package var description: String {
            switch self {
            case .cannotOpen(let path, let reason): "\(path): the folder of tables cannot be opened: \(reason)"
            case .missing(let table, let folder):
                "\(folder): there is no \(table).csv and no \(table).csv.gz; the mapping needs this table"
            case .ambiguous(let table, let files):
                "table \(table) is there more than once: \(files.joined(separator: ", ")); keep one of them"
            }
        }
    }

    package let path: String
    package let limits: TableLimits
    private let isOfHeaders: Bool
    private let files: [String: [String]]
    private static let endings = [".csv", ".csv.gz"]

    /// - Parameter isOfHeaders: its tables are as if they had no rows: what reads them finds out whether they are there, can be
    ///   read, and have their columns.
    package init(path: String, limits: TableLimits = TableLimits(), isOfHeaders: Bool = false) throws(Failure) {
        self.path = path
        self.limits = limits
        self.isOfHeaders = isOfHeaders
        guard let folder = opendir(path) else {
            throw .cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        defer { closedir(folder) }
        var files: [String: [String]] = [:]
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            for ending in TableFolder.endings where name.lowercased().hasSuffix(ending) {
                files[String(name.lowercased().dropLast(ending.count)), default: []].append("\(path)/\(name)")
            }
        }
        self.files = files
    }

    /// The table's file; nil if there is none.
    package func file(of table: String) throws(Failure) -> String? {
        let found = (files[table.lowercased()] ?? []).sorted()
        guard found.count <= 1 else { throw .ambiguous(table: table, files: found) }
        return found.first
    }

    package func open(_ table: String) throws -> CSVReader {
        guard let file = try file(of: table) else { throw Failure.missing(table: table, folder: path) }
        return try CSVReader(path: file, limits: limits, isHeaderAlone: isOfHeaders)
    }
}
