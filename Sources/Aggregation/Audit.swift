package import Encryption
package import Federation
package import Sodium

/// Looks at what aggregate kept of a round and finds out whether its sum is the product of what the clouds signed.
package struct Audit: Sendable {
    package struct Finding: Sendable {
        package let cloud: CloudName
        package let digest: Digest
        package let byteCount: Int
        /// Nil for a contribution that is sound.
        package let problem: String?
    }

    package let opening: Signed<Opening>
    package let record: RoundRecord
    /// One for each contribution, in the record's order.
    package let findings: [Finding]
    /// Clouds of the cohort that are not in the sum: they may have sent nothing, or been dropped.
    package let absent: [CloudName]
    /// What is wrong with the round as a whole.
    package let problems: [String]

    /// To add with. Masked values add without their masks; which agreement they are of, the clouds have signed, all the same
    /// one (`RoundRecord.contributions`).
    private static func scheme(of opening: Opening, key: PaillierPublicKey?) throws -> RoundScheme {
        guard opening.suite == .secagg else { return try RoundScheme(opening, key: key) }
        let slots = try SlotLayout(bits: opening.bits, cohort: opening.cohort.count)
        let masks = MaskedScheme(agreement: Digest(of: []), layout: opening.sealed, slots: slots)
        return try RoundScheme(opening, key: nil, masks: masks)
    }

    package var isSound: Bool { problems.isEmpty && findings.allSatisfy { $0.problem == nil } }

    /// - Parameters:
    ///   - keys: the verifying key of a stage; throws if there is none.
    ///   - publicKey: the key of sums that an opening names, nil under `clear`; throws if there is none.
    ///   - arePartsProved: where clouds open sums, each contribution came with a proof.
    package init(
        _ folder: EvidenceFolder, publisher: StageName, keys: (StageName) throws -> any SignatureVerifier,
        publicKey: (Opening) throws -> PaillierPublicKey?, arePartsProved: Bool, threads: Int
    ) throws {
        opening = try folder.opening(key: keys(publisher), signer: publisher)
        record = try folder.record()
        var (findings, problems): ([Finding], [String]) = ([], [])
        var listed: [RecordedContribution] = []
        do { listed = try record.contributions(to: opening, key: keys) } catch let fault as RecordFault {
            problems.append("the record: \(fault)")
        }
        let scheme = try Audit.scheme(of: opening.content, key: publicKey(opening.content))
        var recount = Recount(opening: opening, scheme: scheme)
        for contribution in listed {
            var problem: String?
            do {
                let payload = try folder.contribution(of: contribution.cloud)
                if Digest(ofContent: payload) != contribution.digest {
                    problem = "altered: its bytes are not those that \(contribution.cloud) signed"
                }
                // What is altered goes in too: the sum may be of that.
                try recount.add(contribution, payload, isProved: !arePartsProved || problem != nil, threads: threads)
            } catch  where error is RecordFault || error is EvidenceFolder.Fault { problem = problem ?? "\(error)" }
            findings.append(
                Finding(
                    cloud: contribution.cloud, digest: contribution.digest, byteCount: contribution.byteCount,
                    problem: problem))
        }
        if !listed.isEmpty {
            do {
                let sum = try folder.sum()
                if Digest(ofContent: sum) != record.sum {
                    problems.append("the sum that lies here is not the one that the record is of")
                }
                _ = try recount.sum(as: record)
            } catch  where error is RecordFault || error is EncryptionError || error is EvidenceFolder.Fault {
                problems.append("the sum: \(error)")
            }
        }
        let inSum = Set(listed.map(\.cloud))
        absent = opening.content.cohort.map(\.cloud).filter { !inSum.contains($0) }.sorted()
        (self.findings, self.problems) = (findings, problems)
    }
}
