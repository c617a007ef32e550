internal import Foundation
internal import GRDB
internal import Glibc
internal import Synchronization

/// A stage's memory: what it has received, what it has to send, what it has decided. SQLite in WAL mode with full syncs, so
/// that a committed transaction survives any kill and a loss of power; large payloads lie in `spool/` beside it, synced before
/// the transaction that names them.
package final class Journal: Sendable {
    private let database: DatabaseQueue
    package let spool: String
    private let watch: any CommitWatch
    /// Spool files that transactions have let go of which are not synced: were those lost, their rows would name them again.
    private let lingering = Mutex<Set<String>>([])

    /// Opens or creates the journal in `directory`, which must exist and be this user's alone.
    package convenience init(directory: String) throws {
        let spool = "\(directory)/spool"
        if mkdir(spool, 0o700) != 0, errno != EEXIST { throw StageError.system("mkdir \(spool)", errno) }
        var configuration = GRDB.Configuration()
        configuration.prepareDatabase { database in
            // Not GRDB's own WAL mode, which looks at the log through Foundation's URLs: megabytes of it in every stage.
            guard try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL") == "wal" else {
                throw StageError.journal("\(directory)/journal.sqlite cannot keep a write-ahead log")
            }
            try database.execute(sql: "PRAGMA synchronous = FULL")
            try database.execute(sql: "PRAGMA trusted_schema = OFF")
            // A confined stage has no folder for temporary files.
            try database.execute(sql: "PRAGMA temp_store = MEMORY")
            // What is settled is overwritten, not only forgotten: clear vectors pass through some journals.
            try database.execute(sql: "PRAGMA secure_delete = ON")
        }
        let database = try DatabaseQueue(path: "\(directory)/journal.sqlite", configuration: configuration)
        try self.init(database, spool: spool, watch: Unwatched())
        try migrate()
    }

    /// To look at beside the stage that keeps it, which goes on; nothing can be written. Nil where there is none, as after a
    /// program that keeps another or none.
    ///
    /// - Throws: `StageError.journal` where the file cannot be opened or is no journal.
    package convenience init?(reading directory: String) throws {
        let path = "\(directory)/journal.sqlite"
        guard access(path, F_OK) == 0 else { return nil }
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        // A checkpoint's end shuts everybody out for a moment.
        configuration.busyMode = .timeout(5)
        do {
            let database = try DatabaseQueue(path: path, configuration: configuration)
            guard try database.read({ try $0.tableExists("fact") && $0.tableExists("document") }) else { return nil }
            try self.init(database, spool: "\(directory)/spool", watch: Unwatched())
        } catch let error as DatabaseError {
            throw StageError.journal("\(path) cannot be read: \(error.message ?? "\(error)")")
        }
    }

    private init(_ database: DatabaseQueue, spool: String, watch: any CommitWatch) throws {
        self.database = database
        self.spool = spool
        self.watch = watch
    }

    private func migrate() throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            // Names are canonical text (TransferName), so the same transfer has one row whoever sends it how often.
            try database.execute(
                sql: """
                    CREATE TABLE arrival (
                        name TEXT PRIMARY KEY, kind TEXT NOT NULL, round INTEGER NOT NULL, offer BLOB NOT NULL,
                        signature BLOB NOT NULL, digest BLOB NOT NULL, peer TEXT NOT NULL, payload BLOB, file TEXT,
                        count INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
                    CREATE TABLE departure (
                        name TEXT NOT NULL, receiver TEXT NOT NULL, kind TEXT NOT NULL, round INTEGER NOT NULL,
                        offer BLOB NOT NULL, signature BLOB NOT NULL, payload BLOB, file TEXT, count INTEGER NOT NULL,
                        state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (name, receiver)) WITHOUT ROWID;
                    CREATE TABLE document (
                        kind TEXT NOT NULL, round INTEGER NOT NULL, bytes BLOB NOT NULL, signature BLOB NOT NULL,
                        PRIMARY KEY (kind, round)) WITHOUT ROWID;
                    CREATE TABLE fact (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
                    """)
        }
        try migrator.migrate(database)
    }

    /// Does everything in `body`, or nothing of it; durable when it returns. Spool files that no row names any more go then.
    package func write<Result>(_ body: (JournalEntry) throws -> Result) throws -> Result {
        let freed = FreedFiles()
        try watch.begin(isSynced: true)
        let result = try database.write { database in
            let result = try body(JournalEntry(database: database, spool: spool, freed: freed))
            try watch.beforeCommit(isSynced: true)
            return result
        }
        try watch.afterCommit(isSynced: true)
        try remove(freed)
        return result
    }

    /// The same for what a loss of power, though no kill, may take: what its sender says again until it is answered, or what
    /// repeats another's signed word. Saves the sync, some milliseconds. Spool files stay until a transaction is synced.
    package func note<Result>(_ body: (JournalEntry) throws -> Result) throws -> Result {
        let freed = FreedFiles()
        try watch.begin(isSynced: false)
        let result = try database.writeWithoutTransaction { database in
            // The log is written now, and synced with the next transaction that is (sqlite.org/pragma.html).
            try database.execute(sql: "PRAGMA synchronous = NORMAL")
            let outcome = Swift.Result {
                var result: Result?
                try database.inTransaction {
                    result = try body(JournalEntry(database: database, spool: spool, freed: freed))
                    try watch.beforeCommit(isSynced: false)
                    return .commit
                }
                return result
            }
            try database.execute(sql: "PRAGMA synchronous = FULL")
            guard let result = try outcome.get() else { throw StageError.journal("a transaction came to nothing") }
            return result
        }
        lingering.withLock { $0.formUnion(freed.names) }
        try watch.afterCommit(isSynced: false)
        return result
    }

    /// With a transaction that is synced, all before it are.
    private func remove(_ freed: FreedFiles) throws {
        var names = lingering.withLock { names in
            defer { names = [] }
            return names
        }
        if !names.isEmpty { names.subtract(try read { try $0.files() }) }
        for name in names.union(freed.names) {
            // A file that stays because it cannot be removed now is swept at the next start.
            unlink("\(spool)/\(name)")
        }
    }

    package func read<Result>(_ body: (JournalEntry) throws -> Result) throws -> Result {
        try database.read { try body(JournalEntry(database: $0, spool: spool, freed: FreedFiles())) }
    }

    /// Payloads that wait to be sent or used.
    package func spoolBytes() -> Int {
        guard let directory = opendir(spool) else { return 0 }
        defer { closedir(directory) }
        var bytes = 0
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var information = stat()
            if stat("\(spool)/\(name)", &information) == 0, information.st_mode & S_IFMT == S_IFREG {
                bytes += Int(information.st_size)
            }
        }
        return bytes
    }

    /// Removes spool files that no row names: left by a kill between the file and its transaction.
    package func sweep() throws {
        let named = try read { try $0.files() }
        guard let folder = opendir(spool) else { throw StageError.system("opendir \(spool)", errno) }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name != ".", name != "..", !named.contains(name) else { continue }
            guard unlink("\(spool)/\(name)") == 0 else { throw StageError.system("unlink \(spool)/\(name)", errno) }
        }
    }

    package func close() throws { try database.close() }
}

/// Journals without a disk, for simulations: what a journal holds is a value that can be set aside and put back.
extension Journal {
    /// An empty journal in memory; payloads too large for it go to `spool`, a folder that exists.
    package convenience init(inMemoryBeside spool: String) throws {
        try self.init(try DatabaseQueue(), spool: spool, watch: Unwatched())
        try migrate()
    }

    /// The same journal as another life of its process has it.
    package func watched(by watch: any CommitWatch) throws -> Journal {
        try Journal(database, spool: spool, watch: watch)
    }

    /// Puts the contents of another journal in the place of this one's.
    package func become(_ other: Journal) throws { try other.database.backup(to: database) }

    /// What its rows take, in whole pages; free ones are not among them.
    package func bytesInUse() throws -> Int {
        try database.read { database in
            let figures = try ["page_count", "freelist_count", "page_size"].map {
                try Int.fetchOne(database, sql: "PRAGMA \($0)") ?? 0
            }
            return (figures[0] - figures[1]) * figures[2]
        }
    }
}
