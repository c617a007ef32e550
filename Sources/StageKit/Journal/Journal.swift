package import Federation
internal import Foundation
internal import GRDB
internal import Glibc
package import Sodium
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

/// Hears of each transaction of a journal. A simulation ends a process at any of these places, by throwing.
package protocol CommitWatch: Sendable {
    /// Before anything of it is done.
    func begin(isSynced: Bool) throws
    /// What is thrown here undoes it.
    func beforeCommit(isSynced: Bool) throws
    /// It is done, and nobody knows yet.
    func afterCommit(isSynced: Bool) throws
}

private struct Unwatched: CommitWatch {
    func begin(isSynced: Bool) {}
    func beforeCommit(isSynced: Bool) {}
    func afterCommit(isSynced: Bool) {}
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
}

/// A transfer that arrived whole and is held until its stage has used it.
package struct Arrival: Sendable {
    package let offer: Offer
    package let offerBytes: [UInt8]
    package let signature: [UInt8]
    package let peer: StageName
    package let payload: Payload

    package init(offer: Offer, offerBytes: [UInt8], signature: [UInt8], peer: StageName, payload: Payload) {
        self.offer = offer
        self.offerBytes = offerBytes
        self.signature = signature
        self.peer = peer
        self.payload = payload
    }
}

/// A transfer that is to be sent until it is receipted.
package struct Departure: Sendable {
    package let offer: Signed<Offer>
    package let receiver: StageName
    package let payload: Payload

    package init(offer: Signed<Offer>, receiver: StageName, payload: Payload) {
        self.offer = offer
        self.receiver = receiver
        self.payload = payload
    }
}

/// The spool files that a transaction lets go of. Lives within one call of `Journal.write`.
private final class FreedFiles {
    var names: [String] = []
}

/// The inside of a transaction.
package struct JournalEntry {
    let database: Database
    private let spool: String
    private let freed: FreedFiles

    fileprivate init(database: Database, spool: String, freed: FreedFiles) {
        self.database = database
        self.spool = spool
        self.freed = freed
    }

    // MARK: Arrivals

    package enum ArrivalState: String, Sendable {
        /// Durable, not used yet.
        case held
        /// Used: the payload is gone, the name stays spent.
        case used
        case refused
    }

    package func insert(_ arrival: Arrival) throws {
        let (blob, file) = columns(arrival.payload)
        try database.execute(
            sql: """
                INSERT INTO arrival (name, kind, round, offer, signature, digest, peer, payload, file, count, state)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'held')
                """,
            arguments: [
                arrival.offer.name.description, arrival.offer.name.kind.rawValue, Int(arrival.offer.name.round.value),
                Data(arrival.offerBytes), Data(arrival.signature), Data(arrival.offer.digest.bytes),
                arrival.peer.description, blob, file, arrival.payload.count,
            ])
    }

    /// What became of a transfer of this name: its digest and state; nil if it never arrived whole.
    package func arrivalState(_ name: TransferName) throws -> (digest: Digest, state: ArrivalState, reason: String)? {
        guard
            let row = try Row.fetchOne(
                database, sql: "SELECT digest, state, reason FROM arrival WHERE name = ?", arguments: [name.description]
            )
        else { return nil }
        guard let digest = Digest(bytes: row["digest"] as Data), let state = ArrivalState(rawValue: row["state"]) else {
            throw StageError.journal("the journal's row of \(name) is damaged: restore or remove the stage's state")
        }
        return (digest, state, row["reason"])
    }

    package func held(_ kind: TransferKind? = nil) throws -> [Arrival] {
        try Row.fetchAll(
            database,
            sql: "SELECT * FROM arrival WHERE state = 'held' AND (?1 IS NULL OR kind = ?1) ORDER BY round, name",
            arguments: [kind?.rawValue]
        ).map { row in
            let bytes = Array(row["offer"] as Data)
            return Arrival(
                offer: try Offer(decodeDocument(bytes)), offerBytes: bytes, signature: Array(row["signature"] as Data),
                peer: try StageName(row["peer"] as String), payload: payload(row))
        }
    }

    /// Spends the name of a transfer that was borrowed and is used (or refused): its payload was never here.
    package func spend(_ arrival: Arrival, as state: ArrivalState = .used, reason: String = "") throws {
        try insert(
            Arrival(
                offer: arrival.offer, offerBytes: arrival.offerBytes, signature: arrival.signature, peer: arrival.peer,
                payload: .bytes([])))
        try settle(arrival.offer.name, as: state, reason: reason)
    }

    /// Marks arrivals as used (or refused, with the reason) and lets go of their payloads; the names stay spent.
    package func settle(_ name: TransferName, as state: ArrivalState = .used, reason: String = "") throws {
        let file = try String.fetchOne(
            database, sql: "SELECT file FROM arrival WHERE name = ?", arguments: [name.description])
        try database.execute(
            sql: "UPDATE arrival SET state = ?, reason = ?, payload = NULL, file = NULL WHERE name = ?",
            arguments: [state.rawValue, reason, name.description])
        try free(file)
    }

    /// Unspends the names of a kind in a round: what they named is of no use any more, and may be wanted again. Of those that
    /// are held too, if told so.
    package func forgetArrivals(_ kind: TransferKind, round: RoundNumber, held: Bool) throws {
        let rows = try Row.fetchAll(
            database, sql: "SELECT name, file FROM arrival WHERE kind = ? AND round = ? AND (? OR state != 'held')",
            arguments: [kind.rawValue, Int(round.value), held])
        for row in rows {
            try database.execute(sql: "DELETE FROM arrival WHERE name = ?", arguments: [row["name"] as String])
            try free(row["file"])
        }
    }

    // MARK: Departures

    package func insert(_ departure: Departure) throws { try insert(departure, as: "sending") }

    /// Keeps a payload of this stage's own until it is settled, under the stage as its receiver: it is not sent.
    package func keep(_ departure: Departure) throws { try insert(departure, as: "kept") }

    /// A payload that was kept, with the offer that was signed for it.
    package func kept(
        _ name: TransferName, by stage: StageName, verifiedBy key: any SignatureVerifier
    ) throws -> Departure? {
        try departures("state = 'kept' AND name = ?", [name.description], verifiedBy: key, of: stage).first
    }

    private func insert(_ departure: Departure, as state: String) throws {
        let (blob, file) = columns(departure.payload)
        let name = departure.offer.content.name
        try database.execute(
            sql: """
                INSERT INTO departure (name, receiver, kind, round, offer, signature, payload, file, count, state)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                name.description, departure.receiver.description, name.kind.rawValue, Int(name.round.value),
                Data(departure.offer.bytes), Data(departure.offer.signature.bytes), blob, file, departure.payload.count,
                state,
            ])
    }

    /// `sending`, `durable`, `refused` and so on; nil for what was never to be sent there.
    package func departureState(_ name: TransferName, to receiver: StageName) throws -> String? {
        try String.fetchOne(
            database, sql: "SELECT state FROM departure WHERE name = ? AND receiver = ?",
            arguments: [name.description, receiver.description])
    }

    package func hasDeparture(_ name: TransferName) throws -> Bool {
        try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM departure WHERE name = ?)", arguments: [name.description])
            ?? false
    }

    package func sending(verifiedBy key: any SignatureVerifier, of stage: StageName) throws -> [Departure] {
        try departures("state = 'sending'", [], verifiedBy: key, of: stage)
    }

    private func departures(
        _ condition: String, _ arguments: StatementArguments, verifiedBy key: any SignatureVerifier, of stage: StageName
    ) throws -> [Departure] {
        try Row.fetchAll(
            database, sql: "SELECT * FROM departure WHERE \(condition) ORDER BY round, name", arguments: arguments
        ).map { row in
            Departure(
                offer: try Signed(
                    bytes: Array(row["offer"] as Data), signature: Array(row["signature"] as Data), key: key,
                    signer: stage.description),
                receiver: try StageName(row["receiver"] as String), payload: payload(row))
        }
    }

    package func settleDeparture(_ name: TransferName, to receiver: StageName, as state: String, reason: String) throws
    {
        let file = try String.fetchOne(
            database, sql: "SELECT file FROM departure WHERE name = ? AND receiver = ?",
            arguments: [name.description, receiver.description])
        try database.execute(
            sql: """
                UPDATE departure SET state = ?, reason = ?, payload = NULL, file = NULL
                WHERE name = ? AND receiver = ?
                """,
            arguments: [state, reason, name.description, receiver.description])
        try free(file)
    }

    /// Gives up what is on its way to any stage of `kind` but these: the topology has no way there any more.
    package func cancelDepartures(to kind: StageKind, but receivers: [StageName]) throws {
        let rows = try Row.fetchAll(
            database,
            sql: "SELECT name, receiver FROM departure WHERE state = 'sending' AND receiver LIKE ?",
            arguments: ["%/\(kind)"])
        for row in rows {
            let receiver = try StageName(row["receiver"] as String)
            guard !receivers.contains(receiver) else { continue }
            try settleDeparture(
                TransferName(row["name"] as String), to: receiver, as: "cancelled",
                reason: "the topology has no \(receiver) any more")
        }
    }

    /// Unspends the name of a departure that was settled: it will be made anew.
    package func forgetDeparture(_ name: TransferName, to receiver: StageName) throws {
        try database.execute(
            sql: "DELETE FROM departure WHERE name = ? AND receiver = ? AND state != 'sending'",
            arguments: [name.description, receiver.description])
    }

    /// One file may serve several departures: it goes with the last of them.
    private func free(_ file: String?) throws {
        guard let file, try !files().contains(file) else { return }
        freed.names.append(file)
    }

    // MARK: Documents and facts

    package func insert<Content>(_ document: Signed<Content>, round: RoundNumber) throws {
        try database.execute(
            sql: "INSERT INTO document (kind, round, bytes, signature) VALUES (?, ?, ?, ?)",
            arguments: [
                Content.kind, Int(round.value), Data(document.bytes), Data(document.signature.bytes),
            ])
    }

    package func document<Content: Declaration>(
        _: Content.Type, round: RoundNumber, key: any SignatureVerifier, signer: StageName
    ) throws -> Signed<Content>? {
        try documents(Content.self, key: key, signer: signer, where: "AND round = \(round.value)").first
    }

    package func latest<Content: Declaration>(
        _: Content.Type, key: any SignatureVerifier, signer: StageName
    ) throws -> Signed<Content>? {
        try documents(Content.self, key: key, signer: signer, where: "ORDER BY round DESC LIMIT 1").first
    }

    /// All documents of a kind in the order of their rounds.
    package func all<Content: Declaration>(
        _: Content.Type, key: any SignatureVerifier, signer: StageName
    ) throws -> [Signed<Content>] {
        try documents(Content.self, key: key, signer: signer, where: "ORDER BY round")
    }

    private func documents<Content: Declaration>(
        _: Content.Type, key: any SignatureVerifier, signer: StageName, where clause: String
    ) throws -> [Signed<Content>] {
        try Row.fetchAll(
            database, sql: "SELECT bytes, signature FROM document WHERE kind = ? \(clause)", arguments: [Content.kind]
        ).map { row in
            try Signed(
                bytes: Array(row["bytes"] as Data), signature: Array(row["signature"] as Data), key: key,
                signer: signer.description)
        }
    }

    package func fact(_ key: String) throws -> [UInt8]? {
        try Data.fetchOne(database, sql: "SELECT value FROM fact WHERE key = ?", arguments: [key]).map { Array($0) }
    }

    /// The part after `prefix` of every fact's key that begins so.
    package func factKeys(under prefix: String) throws -> [String] {
        try String.fetchAll(
            database, sql: "SELECT substr(key, length(?1) + 1) FROM fact WHERE substr(key, 1, length(?1)) = ?1",
            arguments: [prefix])
    }

    /// Whether this stage has done with its run: it has heard the end, and its part of the farewells is over.
    package func isRunOver() throws -> Bool { try fact("end") != nil }
    package func endRun() throws { try setFact("end", [1]) }

    package func setFact(_ key: String, _ value: [UInt8]) throws {
        try database.execute(
            sql: "INSERT INTO fact (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            arguments: [key, Data(value)])
    }

    // MARK: Payloads

    private func columns(_ payload: Payload) -> (Data?, String?) {
        switch payload {
        case .bytes(let bytes): (Data(bytes), nil)
        case .file(let path, _): (nil, path.split(separator: "/").last.map(String.init))
        }
    }

    private func payload(_ row: Row) -> Payload {
        if let file = row["file"] as String? { return .file(path: "\(spool)/\(file)", count: row["count"]) }
        return .bytes(Array((row["payload"] as Data?) ?? Data()))
    }

    fileprivate func files() throws -> Set<String> {
        try String.fetchSet(
            database,
            sql:
                "SELECT file FROM arrival WHERE file IS NOT NULL UNION SELECT file FROM departure WHERE file IS NOT NULL"
        )
    }
}
