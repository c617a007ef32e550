package import MessagePack

/// What a message is about (docs/protocol.md, "Messages").
package enum MessageKind: String, Sendable, CaseIterable {
    /// publish to all: signed documents.
    case opening, release, abandonment, appointment
    /// Sender to receiver: a signed offer; a transfer's first brings chunk 0, and a few chunks follow it.
    case offer
    /// Receiver to sender: which chunks may come now. All flow control is here: nobody sends a chunk unasked but the first.
    case want
    /// Sender to receiver: one chunk that was asked for.
    case chunk
    /// Receiver to sender: a signed receipt.
    case receipt
    /// Subscriber to hub: something was missed, tell me again.
    case hello
    /// Hub to subscribers: I am here, this is my epoch, and so many announcements have been made. Its document is empty or the
    /// hub's time of day (`beatDocument`).
    case beat
    /// Stage to publish: the last release of the run is durable here (its digest is the document). Publish to stage: noted.
    case heard
}

/// A message between stages: an envelope for its transport, and what it carries.
///
/// On the wire: `[topic] envelope document signature bulk`, four frames after the topic that PUB adds; the last three may be
/// empty. The envelope is msgpack; documents are signed msgpack; bulk is raw bytes.
package struct WireMessage: Sendable, Equatable {
    package static let version = 1
    package static let frameCount = 4
    package static let envelopeLimits = Limits(bytes: 1024, depth: 2, elements: 32)
    package static let documentBytes = Limits.message.bytes

    package let kind: MessageKind
    package let sender: StageName
    /// Counts the starts of the sending stage: a larger one is a later instance.
    package let epoch: UInt64
    /// How many announcements to all this instance has made, this one included.
    package let sequence: UInt64
    /// For `want`, `chunk`: which transfer, and the chunks (`want`: first ..< end; `chunk`: first is its index).
    package let transfer: TransferName?
    package let first: Int
    package let end: Int
    package let document: [UInt8]
    package let signature: [UInt8]
    package let bulk: [UInt8]

    package init(
        _ kind: MessageKind, from sender: StageName, epoch: UInt64, sequence: UInt64 = 0, transfer: TransferName? = nil,
        first: Int = 0, end: Int = 0, document: [UInt8] = [], signature: [UInt8] = [], bulk: [UInt8] = []
    ) {
        self.kind = kind
        self.sender = sender
        self.epoch = epoch
        self.sequence = sequence
        self.transfer = transfer
        self.first = first
        self.end = end
        self.document = document
        self.signature = signature
        self.bulk = bulk
    }

    package var frames: [[UInt8]] {
        let envelope = encode(
            .map([
                ("v", .number(Self.version)), ("kind", .text(kind.rawValue)), ("from", .text(sender.description)),
                ("epoch", .unsigned(epoch)), ("seq", .unsigned(sequence)),
                ("transfer", transfer.map { .text($0.description) } ?? .none),
                ("first", .number(first)), ("end", .number(end)),
            ]))
        return [envelope, document, signature, bulk]
    }

    /// Bytes of all frames.
    package var byteCount: Int { frames.reduce(0) { $0 + $1.count } }

    /// Takes the frames after the topic; nothing in them is believed before it is checked.
    package init(frames: [[UInt8]]) throws {
        guard frames.count == Self.frameCount else {
            throw FederationError.malformed(place: "message", "expected 4 frames, found \(frames.count)")
        }
        var fields = try Fields(decode(frames[0], limits: Self.envelopeLimits), at: "envelope")
        let version = try fields.wide("v")
        guard version == UInt64(Self.version) else { throw FederationError.unsupportedVersion(found: version) }
        kind = try fields.choice("kind")
        sender = try fields.stage("from")
        epoch = try fields.wide("epoch")
        sequence = try fields.wide("seq")
        if let name = try fields.optional("transfer") {
            guard case .text(let name) = name else {
                throw FederationError.malformed(place: "envelope.transfer", "expected text, found \(name.kind)")
            }
            transfer = try TransferName(name)
        } else {
            transfer = nil
        }
        first = try fields.integer("first", in: 0...Offer.maximumBytes)
        end = try fields.integer("end", in: 0...Offer.maximumBytes)
        try fields.finish()
        document = frames[1]
        signature = frames[2]
        bulk = frames[3]
        guard document.count <= Self.documentBytes, bulk.count <= Offer.chunkBytes, signature.count <= 64 else {
            throw FederationError.malformed(
                place: "message",
                "a document of \(document.count), a signature of \(signature.count) or a chunk of \(bulk.count) bytes is too long"
            )
        }
        guard (transfer != nil) == (kind == .want || kind == .chunk) else {
            throw FederationError.malformed(
                place: "envelope.transfer", "does not fit a message of kind \(kind.rawValue)")
        }
    }

    /// Milliseconds since 1970, UTC, as eight bytes, the highest first.
    package static func beatDocument(time: UInt64) -> [UInt8] {
        (0..<8).reversed().map { UInt8(truncatingIfNeeded: time >> ($0 * 8)) }
    }

    /// What a beat says of its hub's clock; nil where it says nothing.
    package var time: UInt64? {
        guard kind == .beat, document.count == 8 else { return nil }
        return document.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The largest frame in bytes that a socket need take.
    package static let maximumFrameBytes = max(documentBytes, Offer.chunkBytes)
    /// The largest document that a hub takes as work: offers and receipts, of which a sum of 1024 clouds is the longest.
    package static let workDocumentBytes = 256 << 10
    /// The largest frame that a hub's socket takes. Above the largest document, so that a stage which is a little beyond it
    /// is told apart from one whose connection has to be cut.
    package static let maximumWorkFrameBytes = 1 << 20
}

/// The topics of PUB messages. A newline ends each, so that no topic is another's prefix.
package enum Topic {
    package static let all = Array("all\n".utf8)
    package static func to(_ stage: StageName) -> [UInt8] { Array("to \(stage)\n".utf8) }

    /// The stage whose own topic this is, if it is one.
    package static func addressee(_ topic: [UInt8]) -> StageName? {
        let text = String(decoding: topic, as: UTF8.self)
        guard text.hasPrefix("to "), text.hasSuffix("\n") else { return nil }
        do { return try StageName(String(text.dropFirst(3).dropLast())) } catch { return nil }
    }
}
