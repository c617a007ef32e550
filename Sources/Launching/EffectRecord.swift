internal import FoundationEssentials

/// `STATE/in-effect.json`: by which topology file the stages of this state were run last, and by which programs and configs that swaps
/// have put in the place of the file's. It outlives the launcher and a loss of power, so that the next start goes on with the same, or
/// says that it does not.
package struct EffectRecord: Codable, Equatable, Sendable {
    package struct File: Codable, Equatable, Sendable {
        /// A whole path.
        package let path: String
        /// Of what it held, in hexadecimal digits.
        package let digest: String

        package init(path: String, digest: String) {
            self.path = path
            self.digest = digest
        }

        /// `/etc/tributary/moved.yaml (1a2b3c4d)`
        package var words: String { "\(path) (\(digest.prefix(8)))" }
    }

    /// What a stage is run by since a swap; nil for the topology's own.
    package struct Swapped: Codable, Equatable, Sendable {
        /// `CLOUD/STAGE`.
        package let stage: String
        package let binary: String?
        package let config: String?

        package init(stage: String, binary: String?, config: String?) {
            self.stage = stage
            self.binary = binary
            self.config = config
        }
    }

    package var schemaVersion = "1"
    package let run: String
    package var topology: File
    /// It came into effect while the stages ran, and not by a start.
    package var applied: Bool
    /// What was being applied and has not all come into effect.
    package var pending: File?
    package var swaps: [Swapped]
    /// The launcher has ended in order.
    package var stopped: Bool

    package init(
        run: String, topology: File, applied: Bool = false, pending: File? = nil, swaps: [Swapped] = [],
        stopped: Bool = false
    ) {
        self.run = run
        self.topology = topology
        self.applied = applied
        self.pending = pending
        self.swaps = swaps
        self.stopped = stopped
    }

    /// Longer files are none of a launcher's.
    package static let maximumBytes = 1 << 20

    package init(_ text: some Collection<UInt8>) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(EffectRecord.self, from: Data(text))
    }

    package func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }
}

// What a start by a file means where one has been in effect.
extension EffectRecord {
    package enum Start: Equatable, Sendable {
        /// By the same.
        case goesOn(EffectRecord)
        /// By another, which is worth a line.
        case changes(EffectRecord, note: String)
        /// It would take back what was applied, and nobody has said that this is meant.
        case refused(reason: String)
    }

    /// - Parameters:
    ///   - last: what was in effect; nil for nothing, or where the run is another.
    ///   - isMeant: the user has said so.
    package static func start(by file: File, of run: String, after last: EffectRecord?, isMeant: Bool) -> Start {
        let fresh = EffectRecord(run: run, topology: file)
        guard let last, last.run == run else { return .goesOn(fresh) }
        if isMeant {
            let isSame = last.topology.digest == file.digest && last.pending == nil && last.swaps.isEmpty
            return isSame ? .goesOn(fresh) : .changes(fresh, note: "\(file.words) alone is in effect from here on")
        }
        var next = last
        next.stopped = false
        if file.digest == last.pending?.digest {
            // What was begun is brought to its end.
            return .changes(
                EffectRecord(run: run, topology: file, applied: true),
                note: "\(file.words) was being applied when the launcher ended: all stages are started by it")
        }
        guard file.digest != last.topology.digest else {
            next.topology = file
            guard let pending = last.pending else { return .goesOn(next) }
            return .changes(
                next,
                note:
                    "\(pending.words) was being applied when the launcher ended: all stages of this host are started by \(file.words), as before; `tributary apply \(pending.path)` takes it up again"
            )
        }
        // Whoever stops everything, edits the file and starts it again means what he does.
        let isEdited = last.stopped && last.topology.path == file.path
        guard !last.applied || isEdited else {
            return .refused(
                reason:
                    "\(last.topology.words) is in effect since it was applied, and \(file.words) is another: go on with `tributary up \(last.topology.path)`; if this one is meant, `tributary up --changed \(file.path)` starts by it and takes back what was applied"
            )
        }
        (next.topology, next.applied) = (file, false)
        return .changes(next, note: "\(file.words) takes the place of \(last.topology.words)")
    }
}
