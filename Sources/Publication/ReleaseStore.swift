import Adapter
import Federation
import FoundationEssentials
import Glibc
import Safetensors
package import Sodium
import Synchronization

/// The directory of a run's releases: `round-0007/` for each, and `latest`, a link to the newest.
///
/// A release appears whole or not at all: its files are written and flushed in a folder beside it, which is then renamed.
/// After a crash at any point the next opening removes what was half written and points `latest` at the newest release.
/// `rounds.jsonl` lists the run's rounds (`RoundList`). One process at a time holds a store.
package final class ReleaseStore: Sendable {
    /// What has just been done to the disk, in order.
    package enum Step: Equatable, Sendable {
        case listedRounds
        case madeFolder
        case wroteFile(String)
        case flushedFolder
        case renamedFolder
        case replacedLatest
    }

    package let directory: String
    package let publicKey: Minisign.PublicKey
    private let key: SigningKey
    private let afterStep: @Sendable (Step) throws -> Void
    private let lockFile: Int32
    private let publishing: Mutex<State>

    private struct State {
        var newest: ReleaseManifest?
        /// SHA-256 of its manifest.
        var digest: String?
        let list: RoundList
    }

    private static let partialPrefix = ".partial-"
    private static let latestName = "latest"

    /// Opens the store, making its directory if it must, and clears what a crash left. `afterStep` sees every step of a
    /// publication; if it throws, the publication stops there as a crash would.
    package init(
        directory: String, key: SigningKey, afterStep: @escaping @Sendable (Step) throws -> Void = { _ in }
    ) throws {
        self.directory = directory
        self.key = key
        self.afterStep = afterStep
        publicKey = Minisign.PublicKey(key.verifyingKey)
        publishing = Mutex(State(newest: nil, digest: nil, list: RoundList(directory: directory)))
        try DurableFile.makeDirectories(directory)
        lockFile = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard lockFile >= 0 else { throw SafetensorsError.system(operation: "open", path: directory, code: errno) }
        guard flock(lockFile, LOCK_EX | LOCK_NB) == 0 else {
            throw PublicationError.store(directory: directory, "another process publishes here; stop it first")
        }
        for name in try ReleaseFolder.entries(directory) where name.hasPrefix(ReleaseStore.partialPrefix) {
            try FileManager.default.removeItem(atPath: "\(directory)/\(name)")
        }
        try publishing.withLock { try takeUp(&$0) }
    }

    private func takeUp(_ state: inout State) throws {
        guard let newest = try ReleaseFolder.rounds(in: directory).last else {
            return state = State(newest: nil, digest: nil, list: RoundList(directory: directory))
        }
        let found = try ReleaseFolder.manifest(in: folder(newest))
        try state.list.resume(found.manifest.history)
        (state.newest, state.digest) = (found.manifest, found.sha256)
        try pointLatest(at: newest)
    }

    deinit {
        // Not by closing alone: a child that has been forked and has yet to exec holds the same lock (flock(2)).
        flock(lockFile, LOCK_UN)
        close(lockFile)
    }

    /// The newest release's manifest; nil before the first.
    package func latest() -> ReleaseManifest? {
        publishing.withLock { $0.newest }
    }

    package func folder(_ round: UInt32) -> String { "\(directory)/\(ReleaseFolder.name(round: round))" }

    /// Publishes a round and returns its folder. The same release again changes nothing, whenever it was first created; a
    /// different one of a round that is out, an older round, or another run is refused. A release that is out though the
    /// publisher does not know of it (`ReleaseDraft.follows`) was made by a process that died before it could say so, and is
    /// taken back.
    package func publish(_ draft: ReleaseDraft) throws -> String {
        try publishing.withLock { state in
            let files = try self.files(of: draft)
            if let newest = state.newest {
                guard newest.run == draft.run else {
                    throw refused("holds run \(newest.run), so run \(draft.run) needs a directory of its own")
                }
                guard newest.round < draft.round else { return try requireSame(draft, files) }
                if newest.round > draft.follows ?? RoundNumber(0) { try takeBack(newest, for: draft, &state) }
            }
            guard state.newest?.round == draft.follows else { throw missing(draft) }
            let addition = try state.list.add(draft.rounds)
            try afterStep(.listedRounds)
            let manifest = self.manifest(
                draft, files, created: Figure.utc(secondsSince1970: draft.createdAt), state.digest, addition.history)
            let folder = try write(manifest, files)
            state.list.take(addition)
            (state.newest, state.digest) = (manifest, SHA256.hex(of: try manifest.encoded()))
            return folder
        }
    }

    /// Removes what is out after the release that the draft follows, which must be here too.
    private func takeBack(_ newest: ReleaseManifest, for draft: ReleaseDraft, _ state: inout State) throws {
        let rounds = try ReleaseFolder.rounds(in: directory)
        guard (newest.previous == nil) == (draft.follows == nil),
            draft.follows.map({ rounds.contains($0.value) }) ?? true
        else { throw missing(draft) }
        for round in rounds where round > draft.follows?.value ?? 0 { try remove(round) }
        // The list is written over now: a loss of power must not bring back what its old end belongs to.
        try DurableFile.flushDirectory(directory)
        try takeUp(&state)
    }

    private func missing(_ draft: ReleaseDraft) -> PublicationError {
        refused(
            "round \(draft.round) follows \(draft.follows.map { "the release of round \($0)" } ?? "no release"), and the newest here is another: put the releases back as they were, with \(RoundList.name)"
        )
    }

    /// Removes all releases but the newest `count`, at least two: the newest may have to be taken back. Verification then
    /// follows the chain as far as they go.
    package func prune(keeping count: Int) throws {
        try publishing.withLock { _ in
            for round in try ReleaseFolder.rounds(in: directory).dropLast(max(2, count)) {
                try remove(round)
            }
        }
    }

    /// By another name first: what a crash leaves of it is no release, and goes with the next opening.
    private func remove(_ round: UInt32) throws {
        let doomed = "\(directory)/\(ReleaseStore.partialPrefix)\(ReleaseFolder.name(round: round))"
        guard rename(folder(round), doomed) == 0 else {
            throw SafetensorsError.system(operation: "rename", path: folder(round), code: errno)
        }
        try FileManager.default.removeItem(atPath: doomed)
    }

    // MARK: What a release holds

    private func files(of draft: ReleaseDraft) throws -> [String: [UInt8]] {
        var files = draft.attachments
        var own = try draft.model.files()
        own["README.md"] = Array(ModelCard(draft: draft, key: publicKey).text.utf8)
        own[ReleaseManifest.keyName] = Array(publicKey.file.utf8)
        let reserved = Set(own.keys).union([
            ReleaseManifest.name, ReleaseManifest.signatureName, RoundList.name,
        ])
        for name in files.keys where reserved.contains(name) || !ReleaseManifest.isFileName(name) {
            throw refused("an attachment cannot be called \"\(name)\"")
        }
        files.merge(own) { $1 }
        return files
    }

    private func manifest(
        _ draft: ReleaseDraft, _ files: [String: [UInt8]], created: String, _ previous: String?,
        _ history: ReleaseManifest.History
    ) -> ReleaseManifest {
        ReleaseManifest(
            run: draft.run, round: draft.round, created: created,
            baseModel: .init(name: draft.model.baseModelName, sha256: draft.baseModelSHA256),
            tokenizerSHA256: draft.tokenizerSHA256,
            files: files.sorted { $0.key < $1.key }.map { name, bytes in
                .init(name: name, sha256: SHA256.hex(of: bytes), byteCount: bytes.count)
            },
            rounds: draft.rounds, history: history, privacy: draft.privacy, method: draft.method,
            metrics: draft.metrics, previous: previous)
    }

    private func requireSame(_ draft: ReleaseDraft, _ files: [String: [UInt8]]) throws -> String {
        let folder = folder(draft.round.value)
        guard try ReleaseFolder.rounds(in: directory).contains(draft.round.value) else {
            throw refused("a later round is out, and round \(draft.round) cannot follow it")
        }
        let found = try ReleaseFolder.manifest(in: folder).manifest
        guard manifest(draft, files, created: found.created, found.previous, found.history) == found else {
            throw refused("round \(draft.round) is out and differs from this one; a release is never replaced")
        }
        return folder
    }

    // MARK: The disk

    private func write(_ manifest: ReleaseManifest, _ files: [String: [UInt8]]) throws -> String {
        let manifestBytes = try manifest.encoded()
        guard try ReleaseManifest(manifestBytes) == manifest else {
            throw refused("the manifest does not read back as it was written")
        }
        let signature = try Minisign.SignatureFile.make(
            for: manifestBytes, key: key, trustedComment: manifest.trustedComment)
        var all = files
        all[ReleaseManifest.name] = manifestBytes
        all[ReleaseManifest.signatureName] = Array(signature.file.utf8)

        let name = ReleaseFolder.name(round: manifest.round.value)
        let partial = "\(directory)/\(ReleaseStore.partialPrefix)\(name)"
        if FileManager.default.fileExists(atPath: partial) { try FileManager.default.removeItem(atPath: partial) }
        try FileManager.default.createDirectory(atPath: partial, withIntermediateDirectories: false)
        try afterStep(.madeFolder)
        try DurableFile.create(all.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, in: partial) {
            try afterStep(.wroteFile($0))
        }
        try DurableFile.flushDirectory(partial)
        try afterStep(.flushedFolder)
        guard rename(partial, "\(directory)/\(name)") == 0 else {
            throw SafetensorsError.system(operation: "rename into place", path: partial, code: errno)
        }
        try DurableFile.flushDirectory(directory)
        try afterStep(.renamedFolder)
        try pointLatest(at: manifest.round.value)
        try afterStep(.replacedLatest)
        return "\(directory)/\(name)"
    }

    /// rename(2) replaces a link in one step; symlink(2) alone would not.
    private func pointLatest(at round: UInt32) throws {
        let link = "\(directory)/\(ReleaseStore.latestName)"
        let temporary = "\(directory)/\(ReleaseStore.partialPrefix)\(ReleaseStore.latestName)"
        if unlink(temporary) != 0, errno != ENOENT {
            throw SafetensorsError.system(operation: "remove", path: temporary, code: errno)
        }
        guard symlink(ReleaseFolder.name(round: round), temporary) == 0 else {
            throw SafetensorsError.system(operation: "make the link", path: temporary, code: errno)
        }
        guard rename(temporary, link) == 0 else {
            throw SafetensorsError.system(operation: "replace the link", path: link, code: errno)
        }
        try DurableFile.flushDirectory(directory)
    }

    private func refused(_ reason: String) -> PublicationError { .store(directory: directory, reason) }
}
