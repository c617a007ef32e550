internal import Foundation
internal import GRDB

/// The spool files that a transaction lets go of. Lives within one call of `Journal.write`.
final class FreedFiles {
    var names: [String] = []
}

/// The inside of a transaction.
package struct JournalEntry {
    let database: Database
    private let spool: String
    private let freed: FreedFiles

    init(database: Database, spool: String, freed: FreedFiles) {
        self.database = database
        self.spool = spool
        self.freed = freed
    }

    /// One file may serve several departures: it goes with the last of them.
    func free(_ file: String?) throws {
        guard let file, try !files().contains(file) else { return }
        freed.names.append(file)
    }

    func columns(_ payload: Payload) -> (Data?, String?) {
        switch payload {
        case .bytes(let bytes): (Data(bytes), nil)
        case .file(let path, _): (nil, path.split(separator: "/").last.map(String.init))
        }
    }

    func payload(_ row: Row) -> Payload {
        if let file = row["file"] as String? { return .file(path: "\(spool)/\(file)", count: row["count"]) }
        return .bytes(Array((row["payload"] as Data?) ?? Data()))
    }

    func files() throws -> Set<String> {
        try String.fetchSet(
            database,
            sql:
                "SELECT file FROM arrival WHERE file IS NOT NULL UNION SELECT file FROM departure WHERE file IS NOT NULL"
        )
    }
}
