import Federation
import Foundation
import MessagePack
import Sodium
import Testing

/// The golden vectors that docs/protocol.md cites: frames and documents in hexadecimal, good ones with what they mean, bad
/// ones with the reason. `TRIBUTARY_WRITE_VECTORS=1` writes them anew after a change of the protocol.
@Suite("Golden vectors")
struct VectorTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "Vectors")

    struct MessageVector: Codable, Equatable {
        let name: String
        /// Envelope, document, signature, bulk.
        let frames: [String]
        /// Nil: to be taken.
        let refusal: String?
    }

    struct DocumentVector: Codable, Equatable {
        let kind: String
        let name: String
        let bytes: String
        let signature: String
        let digest: String
        let refusal: String?
    }

    struct DocumentFile: Codable, Equatable {
        let note: String
        let signingSeed: String
        let verifyingKey: String
        let documents: [DocumentVector]
    }

    // MARK: Messages

    private static func messageVectors() throws -> [MessageVector] {
        var vectors = try Samples.messages.map { try vector("a message of kind \($0.kind.rawValue)", $0.frames) }
        let good = Samples.messages[4].frames
        guard case .map(let pairs) = try decode(good[0]) else { return vectors }
        func spoiled(_ name: String, _ change: (inout [(key: String, value: Value)]) -> Void) throws {
            var pairs = pairs
            change(&pairs)
            vectors.append(try vector(name, [encode(.map(pairs))] + good.dropFirst()))
        }
        try spoiled("another protocol version") { $0[0].value = .unsigned(2) }
        try spoiled("an unknown kind") { $0[1].value = .text("greeting") }
        try spoiled("a sender that is no stage") { $0[2].value = .text("north/encryption") }
        try spoiled("a key that nobody knows") { $0.append(("colour", .text("red"))) }
        try spoiled("a key that is missing") { $0.removeAll { $0.key == "epoch" } }
        try spoiled("a key twice") { $0.append($0[3]) }
        try spoiled("a number where text belongs") { $0[5].value = .unsigned(4) }
        try spoiled("a want without its transfer") { $0[5].value = .none }
        try spoiled("a transfer name in another form") { $0[5].value = .text("trial-7/contribution/04/north/0") }
        vectors.append(try vector("three frames", Array(good.dropLast())))
        vectors.append(try vector("an envelope that ends early", [Array(good[0].dropLast())] + good.dropFirst()))
        vectors.append(try vector("bytes after the envelope", [good[0] + [0xc0]] + good.dropFirst()))
        vectors.append(
            try vector("a map that declares more than there is", [[0xdf, 0xff, 0xff, 0xff, 0xff]] + good.dropFirst()))
        vectors.append(try vector("an extension type", [[0xd4, 0x01, 0x00]] + good.dropFirst()))
        vectors.append(try vector("a signature of 65 bytes", [good[0], [], [UInt8](repeating: 0, count: 65), []]))
        return vectors
    }

    private static func vector(_ name: String, _ frames: [[UInt8]]) throws -> MessageVector {
        var refusal: String?
        do { _ = try WireMessage(frames: frames) } catch { refusal = "\(error)" }
        return MessageVector(name: name, frames: frames.map { Hex.encode($0) }, refusal: refusal)
    }

    @Test("Messages are written and refused as the vectors say")
    func messages() throws {
        let made = try Self.messageVectors()
        try Self.writeIfAsked(made, "messages.json")
        let kept = try JSONDecoder().decode(
            [MessageVector].self, from: Data(contentsOf: Self.folder.appendingPathComponent("messages.json")))
        #expect(kept == made)
        #expect(kept.filter { $0.refusal == nil }.count == MessageKind.allCases.count)
        for vector in kept {
            let frames = vector.frames.compactMap { Hex.decode($0) }
            #expect(try Self.vector(vector.name, frames).refusal == vector.refusal, "\(vector.name)")
        }
    }

    // MARK: Documents

    private static func documentVectors() throws -> DocumentFile {
        var documents: [DocumentVector] = []
        func add<Content: Declaration>(_ content: Content, _ name: String) throws {
            let signed = Signed(content, by: Samples.key)
            documents.append(try check(Content.kind, name, signed.bytes, signed.signature.bytes))
        }
        for purpose in Purpose.allCases {
            try add(Samples.opening(purpose), "an opening for \(purpose)")
            try add(Samples.release(purpose), "a release of \(purpose)")
        }
        try add(Samples.opening(.update, suite: .clear), "an opening in clear")
        try add(Samples.abandonment, "an abandonment")
        try add(Samples.appointment, "an appointment")
        try add(Samples.offer, "an offer of a contribution")
        for sample in Samples.abouts where sample.name != "contribution" {
            let kind = TransferKind(rawValue: sample.name) ?? .shard
            try add(
                Offer(
                    name: TransferName(run: Samples.run, kind: kind, round: RoundNumber(4), cloud: Samples.north),
                    maker: Samples.encrypt, byteCount: 12, digest: Samples.digest, about: sample.value),
                "an offer of kind \(kind.rawValue)")
        }
        try add(Samples.receipt, "a receipt that refuses")
        try add(Receipt(name: Samples.name, digest: Samples.digest, outcome: .durable), "a receipt that means durable")

        let receipt = Signed(Samples.receipt, by: Samples.key)
        var forged = receipt.signature.bytes
        forged[0] ^= 1
        documents.append(try check("receipt", "a forged signature", receipt.bytes, forged))
        documents.append(
            try check(
                "receipt", "the signature of the same bytes as another kind", receipt.bytes,
                Samples.key.signature(of: Array("tributary 1 offer\n".utf8) + receipt.bytes).bytes))
        func addSpoiled(_ name: String, _ value: Value) throws {
            let bytes = encode(value)
            let signature = Samples.key.signature(of: Array("tributary 1 opening\n".utf8) + bytes)
            documents.append(try check("opening", name, bytes, signature.bytes))
        }
        guard case .map(let pairs) = Samples.opening(.update).value else {
            throw FederationError.malformed(place: "test", "no map")
        }
        func with(_ key: String, _ value: Value) -> Value {
            .map(pairs.map { ($0.key, $0.key == key ? value : $0.value) })
        }
        try addSpoiled("a key that nobody knows", .map(pairs + [("colour", .text("red"))]))
        try addSpoiled("a key that is missing", .map(pairs.filter { $0.key != "split" }))
        try addSpoiled(
            "a cloud twice in the cohort", with("cohort", .list([Samples.cohort[0].value, Samples.cohort[0].value])))
        try addSpoiled("a quorum above the cohort", with("quorum", .unsigned(3)))
        try addSpoiled("more bits than a slot has", with("bits", .unsigned(33)))
        try addSpoiled("a sum that publish makes itself", with("aggregate", .text("office/publish")))
        try addSpoiled("an update without a plan", with("training", .none))
        try addSpoiled(
            "a layout of too many values",
            with("layout", .list([.list([.text("a"), .list([.unsigned(1 << 29)]), .double(1)])])))
        return DocumentFile(
            note:
                "signature = Ed25519 over \"tributary 1 KIND\\n\" followed by the bytes; digest = BLAKE2b-256 of the bytes",
            signingSeed: Hex.encode((0..<32).map { UInt8($0) }), verifyingKey: "\(Samples.key.verifyingKey)",
            documents: documents)
    }

    private static func check(_ kind: String, _ name: String, _ bytes: [UInt8], _ signature: [UInt8]) throws
        -> DocumentVector
    {
        var refusal: String?
        func read<Content: Declaration>(_: Content.Type) throws {
            _ = try Signed<Content>(
                bytes: bytes, signature: signature, key: Samples.key.verifyingKey, signer: "north/encrypt")
        }
        do {
            switch kind {
            case "opening": try read(Opening.self)
            case "release": try read(Release.self)
            case "abandonment": try read(Abandonment.self)
            case "appointment": try read(Appointment.self)
            case "offer": try read(Offer.self)
            case "receipt": try read(Receipt.self)
            default: refusal = "unknown kind"
            }
        } catch { refusal = "\(error)" }
        return DocumentVector(
            kind: kind, name: name, bytes: Hex.encode(bytes), signature: Hex.encode(signature),
            digest: Digest(of: bytes).description, refusal: refusal)
    }

    @Test("Documents are written, signed and refused as the vectors say")
    func documents() throws {
        let made = try Self.documentVectors()
        try Self.writeIfAsked(made, "documents.json")
        let kept = try JSONDecoder().decode(
            DocumentFile.self, from: Data(contentsOf: Self.folder.appendingPathComponent("documents.json")))
        #expect(kept == made)
        #expect(kept.documents.filter { $0.refusal != nil }.count == 10)
        for vector in kept.documents {
            let bytes = try #require(Hex.decode(vector.bytes))
            let signature = try #require(Hex.decode(vector.signature))
            #expect(try Self.check(vector.kind, vector.name, bytes, signature) == vector)
        }
    }

    private static func writeIfAsked(_ vectors: some Encodable, _ name: String) throws {
        guard ProcessInfo.processInfo.environment["TRIBUTARY_WRITE_VECTORS"] == "1" else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try (encoder.encode(vectors) + Data("\n".utf8)).write(to: folder.appendingPathComponent(name))
    }
}
