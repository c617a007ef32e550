import Federation
import MessagePack
import Sodium

/// The ways in for a stranger's bytes, one for each decoder of this layer: what the mutation tests and the fuzzer
/// (`scripts/fuzz`) both push bytes through. An entry takes any bytes and throws an error of ours, or nothing; `seeds` are
/// inputs that it takes.
enum DocumentDecoders {
    typealias Entry = (name: String, seeds: [[UInt8]], take: @Sendable ([UInt8]) throws -> Void)

    static let all: [Entry] = [value, message, record, dealing, consents] + documents

    /// What comes out of a decoder stands for itself.
    private static func check(_ isSame: Bool, _ what: String) {
        precondition(isSame, "\(what) reads otherwise than it was written")
    }

    private static let value: Entry = (
        "value", Samples.documents.map { encode($0.value) },
        { bytes in
            let value = try decode(bytes)
            check(try decode(encode(value)) == value, "a msgpack value")
        }
    )

    /// The frames of a message behind their lengths: envelope and document in two bytes, the signature in one, the rest is bulk.
    private static let message: Entry = (
        "message", Samples.messages.map { joined($0.frames) },
        { bytes in
            let message = try WireMessage(frames: split(bytes))
            check(try WireMessage(frames: message.frames) == message, "a message")
        }
    )

    static func joined(_ frames: [[UInt8]]) -> [UInt8] {
        let lengths = [frames[0].count >> 8, frames[0].count & 255, frames[1].count >> 8, frames[1].count & 255]
        return lengths.map(UInt8.init) + [UInt8(frames[2].count)] + frames.joined()
    }

    static func split(_ bytes: [UInt8]) -> [[UInt8]] {
        guard bytes.count >= 5 else { return [bytes] }
        var rest = bytes.dropFirst(5)
        func take(_ count: Int) -> [UInt8] {
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        let frames = [
            take(Int(bytes[0]) << 8 | Int(bytes[1])), take(Int(bytes[2]) << 8 | Int(bytes[3])), take(Int(bytes[4])),
        ]
        return frames + [Array(rest)]
    }

    private static let documents: [Entry] = (Samples.documents + Samples.abouts).map { sample in
        (
            sample.name, [encode(sample.value)],
            { bytes in
                let value = try sample.read(decode(bytes))
                check(try sample.read(value) == value, sample.name)
            }
        )
    }

    /// A record, and then its contributions as though each cloud had signed what stands there: a signature would keep the
    /// fuzzer out of what comes after it, and a cloud that means ill can sign anything.
    private static let record: Entry = (
        "round-record", [soundRecord.bytes],
        { bytes in
            let record = try RoundRecord(bytes: bytes)
            check(try RoundRecord(bytes: record.bytes) == record, "a record")
            let parts = record.parts.prefix(4).map { part in
                let message = Array("tributary 1 \(Offer.kind)\n".utf8) + part.offer
                return RoundRecord.Part(offer: part.offer, signature: Samples.key.signature(of: message).bytes)
            }
            _ = try RoundRecord(opening: record.opening, sum: record.sum, parts: parts)
                .contributions(to: opening) { _ in Samples.key.verifyingKey }
        }
    )

    /// What is signed in them is pushed through by itself, above: a signature would keep the fuzzer out of it here.
    private static let dealing: Entry = (
        "mask-dealing",
        [
            MaskDealing(
                agreement: Samples.agreement, shares: [Signed(Samples.shares, by: Samples.key)]
            ).payload
        ],
        { bytes in
            let found = try MaskDealing(payload: bytes) { _ in Samples.key.verifyingKey }
            let again = try MaskDealing(payload: found.payload) { _ in Samples.key.verifyingKey }
            check(again.payload == found.payload, "a dealing")
        }
    )

    private static let consents: Entry = (
        "mask-consents", [MaskConsents([Signed(Samples.consent, by: Samples.key)]).payload],
        { bytes in
            let found = try MaskConsents(payload: bytes) { _ in Samples.key.verifyingKey }
            let again = try MaskConsents(payload: found.payload) { _ in Samples.key.verifyingKey }
            check(again.payload == found.payload, "consents")
        }
    )

    private static let opening = Signed(Samples.opening(.update), by: Samples.key)

    private static let soundRecord = RoundRecord(
        opening: opening.digest, sum: Samples.digest,
        parts: Samples.cohort.map { member in
            let asked = opening.content
            let about = ContributionAbout(answering: opening, weight: member.weight)
            let offer = Signed(
                Offer(
                    name: TransferName(run: asked.run, kind: .contribution, round: asked.round, cloud: member.cloud),
                    maker: StageName(cloud: member.cloud, kind: .encrypt), byteCount: 10, digest: Samples.digest,
                    about: about.value), by: Samples.key)
            return RoundRecord.Part(offer: offer.bytes, signature: offer.signature.bytes)
        })
}
