package import Federation
internal import Glibc
internal import Safetensors
package import Sodium

/// What aggregate keeps of a round for whoever audits it: a folder with the opening as publish signed it, the record, the sum,
/// and each contribution.
///
///     opening, opening.signature   the document's bytes, and 64 bytes
///     record                       `RoundRecord.bytes`
///     sum                          the payload that publish was sent
///     contribution-CLOUD           the payload that the cloud sent
package struct EvidenceFolder: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    /// What could not be read or written, and why.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    package static let openingLimit = 4 << 20
    package static let payloadLimit = Offer.maximumBytes

    package func contributionPath(_ cloud: CloudName) -> String { "\(path)/contribution-\(cloud)" }
    package var sumPath: String { "\(path)/sum" }

    // MARK: writing

    /// Writes the folder under another name and then gives it its own, so that it is there whole or not at all, and on the disk when
    /// this returns. A file that lies on the same disk is linked, not copied: it has been synced.
    package func write(
        opening: Signed<Opening>, record: RoundRecord, sum: [UInt8], contributions: [(CloudName, Source)]
    ) throws(Fault) {
        let draft = EvidenceFolder(path + ".part")
        draft.remove()
        guard mkdir(draft.path, 0o700) == 0 else { throw draft.fault("mkdir", draft.path) }
        try draft.write(opening.bytes, to: "\(draft.path)/opening")
        try draft.write(opening.signature.bytes, to: "\(draft.path)/opening.signature")
        try draft.write(record.bytes, to: "\(draft.path)/record")
        try draft.write(sum, to: draft.sumPath)
        for (cloud, source) in contributions {
            switch source {
            case .bytes(let bytes): try draft.write(bytes, to: draft.contributionPath(cloud))
            case .file(let file):
                guard link(file, draft.contributionPath(cloud)) == 0 else { throw draft.fault("link", file) }
            }
        }
        try draft.flush(draft.path)
        remove()
        guard rename(draft.path, path) == 0 else { throw fault("rename", path) }
        try flush("\(path)/..")
    }

    private func flush(_ folder: String) throws(Fault) {
        do { try DurableFile.flushDirectory(folder) } catch { throw Fault(description: "\(error)") }
    }

    /// Where a contribution's payload is.
    package enum Source: Sendable {
        case bytes([UInt8])
        case file(String)
    }

    private func write(_ bytes: [UInt8], to file: String) throws(Fault) {
        do { try DurableFile.create(file, bytes, mode: 0o600) } catch { throw Fault(description: "\(error)") }
    }

    /// Removes the folder with what such a folder holds, if it is there.
    package func remove() {
        guard let folder = opendir(path) else { return }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { unlink("\(path)/\(name)") }
        }
        closedir(folder)
        rmdir(path)
    }

    // MARK: reading

    /// The opening, whose signature is checked with publish's key.
    package func opening(key: any SignatureVerifier, signer: StageName) throws -> Signed<Opening> {
        try Signed<Opening>(
            bytes: read("\(path)/opening", limit: EvidenceFolder.openingLimit),
            signature: read("\(path)/opening.signature", limit: Signature.byteCount), key: key,
            signer: signer.description)
    }

    package func record() throws -> RoundRecord {
        try RoundRecord(bytes: read("\(path)/record", limit: RoundRecord.maximumByteCount))
    }

    package func contribution(of cloud: CloudName) throws(Fault) -> [UInt8] {
        try read(contributionPath(cloud), limit: EvidenceFolder.payloadLimit)
    }

    package func sum() throws(Fault) -> [UInt8] { try read(sumPath, limit: EvidenceFolder.payloadLimit) }

    private func read(_ file: String, limit: Int) throws(Fault) -> [UInt8] {
        do { return try DurableFile.read(file, limit: limit) } catch { throw Fault(description: "\(error)") }
    }

    private func fault(_ call: String, _ file: String) -> Fault {
        Fault(description: "\(file): \(call): \(String(cString: strerror(errno)))")
    }
}

/// The folders of the rounds that aggregate keeps, named by their numbers.
package struct EvidenceShelf: Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    /// Makes the shelf where it is not there. It is on the disk, by its name, when this returns: what lies in it would be lost with it.
    package func make() throws(EvidenceFolder.Fault) {
        do { try DurableFile.makeDirectories(path, mode: 0o700) } catch {
            throw EvidenceFolder.Fault(description: "\(error)")
        }
    }

    package func folder(_ round: RoundNumber) -> EvidenceFolder { EvidenceFolder("\(path)/\(round)") }

    /// Removes all but the newest `count`, and what a kill has left half made.
    package func keepNewest(_ count: Int) {
        guard let folder = opendir(path) else { return }
        defer { closedir(folder) }
        var rounds: [UInt32] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let round = UInt32(name) { rounds.append(round) }
            if name.hasSuffix(".part") { EvidenceFolder("\(path)/\(name)").remove() }
        }
        for round in rounds.sorted().dropLast(count) { self.folder(RoundNumber(round)).remove() }
    }
}
