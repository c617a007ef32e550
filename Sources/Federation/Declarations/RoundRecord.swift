internal import MessagePack
package import Sodium

/// What aggregate says of a sum: its digest, and what each contributor signed. With it, and with the contributions themselves,
/// anybody can tell whether the sum is theirs and of nothing else.
package struct RoundRecord: Equatable, Sendable {
    /// A contributor's offer as the bytes that it signed.
    package struct Part: Equatable, Sendable {
        package let offer: [UInt8]
        package let signature: [UInt8]

        package init(offer: [UInt8], signature: [UInt8]) {
            self.offer = offer
            self.signature = signature
        }

        var leaf: Digest { MerkleTree.leaf(offer + signature) }
    }

    package static let maximumByteCount = 4 << 20
    private static let maximumOfferBytes = 64 << 10

    package let opening: Digest
    /// Of the sum's payload.
    package let sum: Digest
    /// In the order of the clouds' names.
    package let parts: [Part]

    package init(opening: Digest, sum: Digest, parts: [Part]) {
        self.opening = opening
        self.sum = sum
        self.parts = parts
    }

    /// Over the parts in their order.
    package var root: Digest { MerkleTree.root(parts.map(\.leaf)) }

    package var bytes: [UInt8] {
        encode(
            .map([
                ("opening", .digest(opening)), ("sum", .digest(sum)),
                ("parts", .list(parts.map { .list([.bytes($0.offer), .bytes($0.signature)]) })),
            ]))
    }

    package init(bytes: [UInt8]) throws {
        var fields = try Fields(decodeDocument(bytes), at: "record")
        opening = try fields.digest("opening")
        sum = try fields.digest("sum")
        parts = try fields.list("parts", limit: 1024).map { value in
            guard case .list(let pair) = value, pair.count == 2, case .bytes(let offer) = pair[0],
                case .bytes(let signature) = pair[1], offer.count <= RoundRecord.maximumOfferBytes,
                signature.count == Signature.byteCount
            else { throw FederationError.malformed(place: "record.parts", "a part is [offer, signature]") }
            return Part(offer: offer, signature: signature)
        }
        try fields.finish()
    }
}

/// A contribution that a cloud has signed, as a record lists it.
package struct RecordedContribution: Sendable, Equatable {
    package let cloud: CloudName
    package let byteCount: Int
    /// Of the payload.
    package let digest: Digest
    package let about: ContributionAbout
}

/// What is wrong with a record, and with whom.
package enum RecordFault: Error, Equatable, CustomStringConvertible {
    case malformed(String)
    case otherOpening
    /// Not signed by the stage that it is said to come from: made up, or changed afterwards.
    case invented(CloudName)
    case doubled(CloudName)
    case stranger(CloudName)
    /// Signed, but not what the opening asks of the cloud.
    case unfit(CloudName, String)
    case unordered
    case tooFew(found: Int, needed: Int)
    /// This cloud's contribution is missing.
    case dropped(CloudName)
    /// This cloud signed another one.
    case exchanged(CloudName)
    /// The sum is not the product of these contributions.
    case wrongSum

    package var description: String {
        switch self {
        case .malformed(let reason): reason
        case .otherOpening: "it is about another opening"
        case .invented(let cloud): "\(cloud) has not signed the contribution that is listed as its own"
        case .doubled(let cloud): "\(cloud) is listed twice"
        case .stranger(let cloud): "\(cloud) is not in the cohort"
        case .unfit(let cloud, let reason): "the contribution of \(cloud) does not fit the opening: \(reason)"
        case .unordered: "the clouds are not in the order of their names"
        case .tooFew(let found, let needed): "\(found) clouds are in the sum, at least \(needed) must be"
        case .dropped(let cloud): "the contribution of \(cloud) was receipted and is not in the sum"
        case .exchanged(let cloud): "\(cloud) contributed something else"
        case .wrongSum: "the sum is not the product of the contributions that the clouds have signed"
        }
    }
}

extension RoundRecord {
    /// Checks everything that can be checked without the contributions' bytes: that each was signed by its own cloud for this
    /// very opening, that none appears twice, and that there are enough.
    /// - Parameter key: the verifying key of a stage; throws if there is none.
    package func contributions(
        to opening: Signed<Opening>, key: (StageName) throws -> any SignatureVerifier
    ) throws -> [RecordedContribution] {
        let asked = opening.content
        guard self.opening == opening.digest else { throw RecordFault.otherOpening }
        var found: [RecordedContribution] = []
        for part in parts {
            let named: Offer
            do { named = try Offer(decodeDocument(part.offer)) } catch { throw RecordFault.malformed("\(error)") }
            let cloud = named.name.cloud
            guard let member = asked.member(cloud) else { throw RecordFault.stranger(cloud) }
            let maker = StageName(cloud: cloud, kind: .encrypt)
            let offer: Offer
            do {
                offer = try Signed<Offer>(
                    bytes: part.offer, signature: part.signature, key: key(maker), signer: maker.description
                ).content
            } catch is FederationError { throw RecordFault.invented(cloud) }
            guard offer.maker == maker,
                offer.name
                    == TransferName(run: asked.run, kind: .contribution, round: asked.round, cloud: cloud)
            else { throw RecordFault.unfit(cloud, "it is \(offer.name) of \(offer.maker)") }
            let about: ContributionAbout
            do { about = try ContributionAbout(offer.about) } catch { throw RecordFault.unfit(cloud, "\(error)") }
            if let reason = about.misfit(with: opening, member: member) { throw RecordFault.unfit(cloud, reason) }
            if let first = found.first, first.about.keyID != about.keyID {
                throw RecordFault.unfit(cloud, "it is masked for another agreement than that of \(first.cloud)")
            }
            if let last = found.last, last.cloud >= cloud {
                throw found.contains { $0.cloud == cloud } ? RecordFault.doubled(cloud) : .unordered
            }
            found.append(
                RecordedContribution(cloud: cloud, byteCount: offer.byteCount, digest: offer.digest, about: about))
        }
        let clouds = found.map(\.cloud)
        for part in found {
            guard let helped = part.about.helped, helped.clouds != clouds else { continue }
            throw RecordFault.unfit(part.cloud, "it can help with a sum over \(helped.named) alone")
        }
        let needed = max(asked.minimumCohort, asked.quorum)
        guard found.count >= needed else { throw RecordFault.tooFew(found: found.count, needed: needed) }
        return found
    }
}

extension RoundRecord {
    /// Checks that the record is of the sum that is announced so, with the digest `sum`.
    package func check(_ about: SumAbout, digest sum: Digest) throws(RecordFault) {
        guard self.sum == sum, about.root == root, about.parts.count == parts.count else { throw .wrongSum }
    }
}

extension ContributionAbout {
    /// Why a contribution that says this of itself does not answer the opening; nil if it does.
    package func misfit(with opening: Signed<Opening>, member: Member) -> String? {
        let asked = opening.content
        guard self.opening == opening.digest else { return "it answers another opening of round \(asked.round)" }
        // Which agreement the clouds came to is for those to know who were sent it.
        let isKeyed =
            suite == .secagg ? keyID.count == MaskAgreement.nameByteCount : keyID == asked.keyID
        guard suite == asked.suite, isKeyed, profile == asked.profile, degree == asked.degree else {
            return "it is sealed with another suite, key, profile or s than round \(asked.round) asks for"
        }
        guard bits == asked.bits, room == asked.cohort.count else {
            return
                "its slots are for \(room) values of \(bits) bits, those of round \(asked.round) for \(asked.cohort.count) of \(asked.bits)"
        }
        guard asked.purpose != .update || weight == member.weight else {
            return "it claims weight \(weight), the opening gives \(member.cloud) \(member.weight)"
        }
        if let fault = asked.fault(inVectorOf: member.cloud, base: base) { return fault }
        guard loss == nil || asked.split == .validation else {
            return "it tells a loss, which belongs to scores on the validation split alone"
        }
        guard helped == nil || asked.suite == .paillier else {
            return "it tells of a sum that it has helped to open, for which this suite has no place in a contribution"
        }
        if let reason = helped?.misfit(of: member.cloud, in: asked.round, startingFrom: asked.updateStart) {
            return reason
        }
        return nil
    }
}
