package import Federation
internal import Glibc
package import Sodium

/// A stage's audit trail, read and checked from its first entry to its last.
package struct AuditReading: Sendable {
    package struct Finding: Sendable, Equatable {
        /// Counted from 1.
        package let line: Int
        package let fault: AuditFault

        package init(line: Int, fault: AuditFault) {
            self.line = line
            self.fault = fault
        }
    }

    package private(set) var entries: [AuditEntry] = []
    package private(set) var findings: [Finding] = []

    /// Nothing is missing, changed, doubled or moved, from the first entry to the last one here.
    package var isSound: Bool { findings.isEmpty }

    /// - Parameter keys: the public keys that the stage has ever had, revoked ones too.
    package init(of stage: StageName, at path: String, keys: [VerifyingKey]) throws(AuditFault) {
        guard let file = fopen(path, "re") else {
            throw .unreadable("open \(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        let known = Dictionary(keys.map { (AuditEntry.name(of: $0), $0) }, uniquingKeysWith: { first, _ in first })
        var (expected, previous): (UInt64, String) = (1, AuditEntry.beginning)
        var number = 0
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        while case let count = getline(&line, &capacity, file), count > 0, let line {
            number += 1
            let bytes = UnsafeRawBufferPointer(start: line, count: count).prefix { $0 != UInt8(ascii: "\n") }
            do throws(AuditFault) {
                let entry = try AuditEntry(bytes, keys: known)
                guard entry.event.stage == stage else { throw AuditFault.wrongStage(entry.event.stage.description) }
                if entry.number != expected {
                    findings.append(Finding(line: number, fault: .broken(expected: expected, found: entry.number)))
                } else if entry.previous != previous {
                    findings.append(Finding(line: number, fault: .changed))
                }
                (expected, previous) = (entry.number + 1, entry.digest)
                entries.append(entry)
            } catch { findings.append(Finding(line: number, fault: error)) }
        }
    }
}
