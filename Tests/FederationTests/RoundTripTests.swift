import Federation
import MessagePack
import Sodium
import Testing

@Suite("Documents and messages go round")
struct RoundTripTests {
    @Test("Every document is read back as it was written", arguments: Samples.documents.indices)
    func documents(index: Int) throws {
        let sample = Samples.documents[index]
        #expect(try sample.read(decode(encode(sample.value))) == sample.value, "\(sample.name)")
    }

    @Test("Everything that an offer may say is read back as it was written", arguments: Samples.abouts.indices)
    func abouts(index: Int) throws {
        let sample = Samples.abouts[index]
        #expect(try sample.read(decode(encode(sample.value))) == sample.value, "\(sample.name)")
    }

    @Test("Every message is read back as it was written", arguments: Samples.messages)
    func messages(message: WireMessage) throws {
        #expect(try WireMessage(frames: message.frames) == message)
        #expect(Set(Samples.messages.map(\.kind)) == Set(MessageKind.allCases))
    }

    @Test("Names are read back, and only in their one form")
    func names() throws {
        #expect(try TransferName(Samples.name.description) == Samples.name)
        #expect(try StageName("north/local-train") == StageName(cloud: Samples.north, kind: .localTrain))
        let bad = [
            "", "trial-7", "trial-7/contribution/4/north", "trial-7/contribution/04/north/0",
            "trial-7/contribution/4/north/-0",
            "trial-7/contribution/4294967296/north/0", "trial-7/gift/4/north/0", "Trial/contribution/4/north/0",
            "trial-7/contribution/4/North/0", "trial-7/contribution/4/north/0/", "trial-7/contribution/+4/north/0",
        ]
        for text in bad { #expect(throws: FederationError.self, "\(text)") { try TransferName(text) } }
        for text in ["north", "north/", "/encrypt", "north/encrypt/x", "north/Encrypt", "9north/encrypt"] {
            #expect(throws: FederationError.self, "\(text)") { try StageName(text) }
        }
    }

    @Test("Further local-train stages are numbered, in one form; no other kind is")
    func workers() throws {
        for ordinal in 1...StageRole.mostWorkers {
            let name = StageName(cloud: Samples.north, role: try StageRole(worker: ordinal))
            #expect(name.description == "north/local-train\(ordinal == 1 ? "" : "-\(ordinal)")")
            #expect(try StageName(name.description) == name)
            #expect(name.kind == .localTrain && name.ordinal == ordinal)
            #expect(try StageKind.localTrain.role(worker: ordinal) == name.role)
        }
        let bad = [
            "local-train-", "local-train-0", "local-train-1", "local-train-02", "local-train-+2", "local-train--2",
            "local-train-65", "local-train-2 ", "local-train-x", "local-train-99999999999999999999", "local-train2",
            "encrypt-2", "ingest-2", "aggregate-2", "publish-2", "ingest-1", "local-train-2-2", "local-train-٢",
        ]
        for text in bad { #expect(throws: FederationError.self, "\(text)") { try StageName("north/\(text)") } }
        for ordinal in [Int.min, -1, 0, 65, .max] {
            #expect(throws: FederationError.self) { try StageRole(worker: ordinal) }
        }
        for kind in StageKind.allCases where kind != .localTrain {
            #expect(try kind.role(worker: 1) == StageRole(kind))
            #expect(throws: FederationError.self) { try kind.role(worker: 2) }
        }
    }

    @Test("Stages are in the order of clouds, kinds and numbers, 10 after 9")
    func order() throws {
        let names = [
            "north/ingest", "north/local-train", "north/local-train-2", "north/local-train-9", "north/local-train-10",
            "north/encrypt", "west/ingest",
        ]
        #expect(try names.reversed().map { try StageName($0) }.sorted().map(\.description) == names)
    }

    @Test("No topic is the beginning of another, and a stage's own is told from the rest")
    func topics() throws {
        let topics =
            try [Topic.all] + StageKind.allCases.map { Topic.to(StageName(cloud: Samples.north, kind: $0)) }
            + (2...64).map { Topic.to(StageName(cloud: Samples.north, role: try StageRole(worker: $0))) }
        for one in topics { for other in topics where one != other { #expect(!other.starts(with: one)) } }
        #expect(Topic.addressee(Topic.to(Samples.encrypt)) == Samples.encrypt)
        #expect(Topic.addressee(Topic.all) == nil)
        #expect(Topic.addressee(Array("to north/encrypt".utf8)) == nil)
        #expect(Topic.addressee([0xff, 0x00]) == nil)
    }

    @Test("A clear vector is read back bit for bit, and a torn one is refused")
    func vectors() throws {
        let floats: [Float] = [0, -0.0, .leastNonzeroMagnitude, 1.5, -.greatestFiniteMagnitude]
        #expect(try ClearVector.floats(ClearVector.bytes(floats)).map(\.bitPattern) == floats.map(\.bitPattern))
        let doubles: [Double] = [0, 1e300, -0.1]
        #expect(try ClearVector.doubles(ClearVector.bytes(doubles)) == doubles)
        #expect(throws: FederationError.self) { try ClearVector.floats([1, 2, 3]) }
        #expect(throws: FederationError.self) { try ClearVector.doubles([1, 2, 3, 4]) }
    }

    @Test("A signature holds for the bytes, the key and the kind that it was made for, and for nothing else")
    func signatures() throws {
        let signed = Signed(Samples.receipt, by: Samples.key)
        func read(_ bytes: [UInt8], _ signature: [UInt8], _ key: VerifyingKey) throws -> Receipt {
            try Signed<Receipt>(bytes: bytes, signature: signature, key: key, signer: "north/encrypt").content
        }
        let key = Samples.key.verifyingKey
        #expect(try read(signed.bytes, signed.signature.bytes, key) == Samples.receipt)
        var spoiled = signed.bytes
        spoiled[spoiled.count - 1] ^= 1
        #expect(throws: FederationError.badSignature(signer: "north/encrypt")) {
            try read(spoiled, signed.signature.bytes, key)
        }
        var other = signed.signature.bytes
        other[0] ^= 1
        #expect(throws: FederationError.badSignature(signer: "north/encrypt")) { try read(signed.bytes, other, key) }
        #expect(throws: FederationError.badSignature(signer: "north/encrypt")) { try read(signed.bytes, [], key) }
        let stranger = try SigningKey(seed: .random(count: 32)).verifyingKey
        #expect(throws: FederationError.badSignature(signer: "north/encrypt")) {
            try read(signed.bytes, signed.signature.bytes, stranger)
        }
        // The same bytes, signed as another kind of document.
        let asOffer = Samples.key.signature(of: Array("tributary 1 offer\n".utf8) + signed.bytes)
        #expect(throws: FederationError.badSignature(signer: "north/encrypt")) {
            try read(signed.bytes, asOffer.bytes, key)
        }
    }
}
