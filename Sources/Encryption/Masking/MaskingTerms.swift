package import Federation
package import Sodium

/// What is settled about a masked round before its first message. All parties take it from the opening.
///
/// Why no two sets of survivors can be unmasked: a cloud signs one set and opens shares for that set alone, once it has the
/// signatures of *all* its members. Two sets that are both signed by all members share only colluding clouds, so with
/// m = max(threshold, minimum cohort) members at least in each and c colluding among n, 2m <= n + c. Where 2m > n + c all
/// honest clouds open for one set: of each honest cloud's secrets one kind alone is opened by the honest, and of the other
/// kind there are at most c shares. So with c < threshold too, nobody gets both.
package struct MaskingTerms: Hashable, Sendable {
    /// By a sum of two each cloud learns the other's values.
    package static let smallestCohort = 3
    /// Shares are points over GF(2^8), without zero.
    package static let largestCohort = 255

    package let run: RunName
    package let round: RoundNumber
    package let opening: Digest
    /// The encrypt stages of the cohort, in the order of names.
    package let clouds: [StageName]
    /// Masks with every cloud, contributes nothing, and removes its masks from the sum.
    package let publisher: StageName
    package let threshold: Int
    package let minimumCohort: Int
    /// Of an update: the round whose adapter it starts from.
    package let startsFrom: RoundNumber?

    package init(
        run: RunName, round: RoundNumber, opening: Digest, clouds: [StageName], publisher: StageName, threshold: Int,
        minimumCohort: Int, startsFrom: RoundNumber? = nil
    ) throws(MaskingError) {
        let count = clouds.count
        guard (MaskingTerms.smallestCohort...MaskingTerms.largestCohort).contains(count) else {
            throw .invalidTerms(
                "a cohort of \(count) clouds; expected \(MaskingTerms.smallestCohort) to \(MaskingTerms.largestCohort)")
        }
        guard Set(clouds + [publisher]).count == count + 1 else {
            throw .invalidTerms("a stage appears twice among the clouds and publish")
        }
        guard 2 * threshold > count, threshold <= count else {
            throw .invalidTerms(
                "a threshold of \(threshold) for \(count) clouds; expected \(count / 2 + 1) to \(count), so that no two "
                    + "sets of survivors can both reach it")
        }
        guard (MaskingTerms.smallestCohort...count).contains(minimumCohort) else {
            throw .invalidTerms(
                "a minimum cohort of \(minimumCohort); expected \(MaskingTerms.smallestCohort) to \(count)")
        }
        self.run = run
        self.round = round
        self.opening = opening
        self.clouds = clouds.sorted()
        self.publisher = publisher
        self.threshold = threshold
        self.minimumCohort = minimumCohort
        self.startsFrom = startsFrom
    }

    /// The terms that follow from an opening, the same for whoever reads it: no fewer clouds than its quorum, and the smallest
    /// threshold that bears `colluders`.
    ///
    /// - Parameter digest: of the opening as it was signed.
    package init(
        _ opening: Opening, digest: Digest, publisher: StageName, colluders: Int = 1
    ) throws(MaskingError) {
        guard opening.suite == .secagg else {
            throw .invalidTerms("round \(opening.round) is sealed with \(opening.suite)")
        }
        let count = opening.cohort.count
        let minimum = max(opening.quorum, opening.minimumCohort)
        guard
            let threshold = MaskingTerms.threshold(clouds: count, minimumCohort: minimum, colluders: colluders)
        else { throw .invalidTerms("no threshold of \(count) clouds bears \(colluders) that collude") }
        try self.init(
            run: opening.run, round: opening.round, opening: digest,
            clouds: opening.cohort.map { StageName(cloud: $0.cloud, kind: .encrypt) }, publisher: publisher,
            threshold: threshold, minimumCohort: minimum, startsFrom: opening.updateStart)
    }

    /// The clouds without which nothing is signed, opened or summed.
    package var smallestSet: Int { max(threshold, minimumCohort) }

    /// How many clouds may collude with aggregate *and* publish, all of them deviating as they like, and still not open an
    /// honest cloud's values: see the argument above; and two clouds at least must be honest.
    package var toleratedColluders: Int {
        Self.colluders(clouds: clouds.count, threshold: threshold, minimumCohort: minimumCohort)
    }

    private static func colluders(clouds: Int, threshold: Int, minimumCohort: Int) -> Int {
        min(threshold - 1, 2 * max(threshold, minimumCohort) - clouds - 1, clouds - 2)
    }

    /// The smallest threshold that bears `colluders`; nil where none does.
    package static func threshold(clouds: Int, minimumCohort: Int, colluders: Int) -> Int? {
        guard clouds >= smallestCohort else { return nil }
        return (clouds / 2 + 1...clouds).first {
            Self.colluders(clouds: clouds, threshold: $0, minimumCohort: minimumCohort) >= colluders
        }
    }

    /// What every key and commitment of the round is bound to.
    func label(_ purpose: String, _ parts: [any CustomStringConvertible]) -> String {
        ([purpose, run, round, opening] + parts).map { "\($0)\n" }.joined()
    }

    /// What every document of the round begins with.
    package var head: MaskHead { MaskHead(run: run, round: round, opening: opening) }

    /// - Parameter sender: nil for what aggregate makes.
    func check(_ document: some MaskDocument, from sender: StageName? = nil) throws(MaskingError) {
        guard document.head == head else {
            throw .otherRound(document: type(of: document).kind, from: sender?.description ?? "aggregate")
        }
    }
}

/// Whose signatures count: the cards' keys.
package typealias MaskingSigners = [StageName: any SignatureVerifier]

extension Signed {
    /// The content, if it is `stage` that signed it.
    func content(signedBy stage: StageName, _ signers: MaskingSigners) throws -> Content {
        guard let key = signers[stage] else { throw MaskingError.unknownSigner(stage) }
        return try Signed(
            bytes: bytes, signature: signature.bytes, key: key, signer: stage.description
        ).content
    }
}

/// Names in ascending order, each once.
func checkOrder(_ stages: [StageName], in document: String) throws(MaskingError) {
    for (left, right) in zip(stages, stages.dropFirst()) {
        guard left != right else { throw .listedTwice(left, in: document) }
        guard left < right else { throw .malformed(document: document, "stages are not in the order of names") }
    }
}
