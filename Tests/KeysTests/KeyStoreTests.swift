import Federation
import Glibc
import Keys
import Sodium
import Testing

@Suite("Key store")
struct KeyStoreTests {
    private let folder = TemporaryFolder()
    private let stage: StageName
    private let store: KeyStore

    init() throws {
        stage = try StageName("north/encrypt")
        store = KeyStore(root: "\(folder.path)/state/keys")
    }

    private var curve: String { "\(store.root)/secret/north/encrypt.curve" }
    private var card: String { "\(store.root)/public/north/encrypt.pub" }

    @Test("generated keys read back: the card's halves belong to the secrets")
    func roundTrip() throws {
        try store.generate(for: stage)
        let card = try store.card(of: stage)
        #expect(try BoxKeyPair(secret: store.curveSecret(of: stage)).publicKey == card.curve)
        let message = Array("opening 1".utf8)
        #expect(card.verifying.verifies(try store.signingKey(of: stage).signature(of: message), of: message))
        #expect(try store.allCards() == [card])
    }

    @Test("secret files are 0600 in folders 0700, whatever the umask")
    func modes() throws {
        let before = umask(0)
        defer { umask(before) }
        try store.generate(for: stage)
        #expect(TemporaryFolder.mode(of: curve) == 0o600)
        #expect(TemporaryFolder.mode(of: "\(store.root)/secret/north/encrypt.sign") == 0o600)
        #expect(TemporaryFolder.mode(of: "\(store.root)/secret/north") == 0o700)
        #expect(TemporaryFolder.mode(of: "\(store.root)/secret") == 0o700)
        #expect(TemporaryFolder.mode(of: card) == 0o644)
    }

    @Test("keys are never overwritten")
    func neverOverwritten() throws {
        try store.generate(for: stage)
        let before = TemporaryFolder.read(curve)
        #expect(throws: KeyError.exists(path: curve)) { try store.generate(for: stage) }
        #expect(throws: KeyError.exists(path: card)) { try store.add(try store.card(of: stage)) }
        #expect(try store.complete(stage) == false)
        #expect(before != nil)
        #expect(TemporaryFolder.read(curve) == before)
    }

    @Test("what is missing is completed, and a lost card comes back the same")
    func completed() throws {
        try store.generate(for: stage)
        let known = try store.card(of: stage)
        #expect(unlink(card) == 0)
        #expect(try store.complete(stage))
        #expect(try store.card(of: stage) == known)
    }

    @Test(
        "a secret that group or others may read is refused, and the error says how to mend it",
        arguments: [0o640, 0o604, 0o620])
    func exposed(mode: mode_t) throws {
        try store.generate(for: stage)
        _ = try store.curveSecret(of: stage)
        #expect(chmod(curve, mode) == 0)
        let error = #expect(throws: KeyError.self) { try store.curveSecret(of: stage) }
        #expect(error == .exposed(path: curve, mode: UInt32(mode), wanted: 0o600))
        #expect(error?.description.contains("chmod 0600 \(curve)") == true)
    }

    @Test("a secret of another user is refused", .enabled(if: geteuid() == 0, "only root can give a file away"))
    func foreign() throws {
        try store.generate(for: stage)
        _ = try store.curveSecret(of: stage)
        #expect(chown(curve, 12345, 0) == 0)
        #expect(throws: KeyError.foreign(path: curve, owner: 12345, user: 0)) { try store.curveSecret(of: stage) }
    }

    @Test("new secrets are not put into a folder that others can enter")
    func exposedFolder() throws {
        try store.generate(for: stage)
        #expect(chmod("\(store.root)/secret/north", 0o755) == 0)
        #expect(throws: KeyError.exposed(path: "\(store.root)/secret/north", mode: 0o755, wanted: 0o700)) {
            try store.generate(for: try StageName("north/ingest"))
        }
    }

    @Test("a missing key is named, with the command that makes it")
    func missing() throws {
        let error = #expect(throws: KeyError.self) { try store.curveSecret(of: stage) }
        #expect(
            error?.description
                == "\(curve): there is no CURVE secret of north/encrypt here; make keys with `tributary keys`")
    }

    @Test(
        "a spoiled secret file is refused, and the error does not quote it",
        arguments: ["", "x", "tributary-curve-secret:00", "tributary-signing-seed:"])
    func spoiledSecret(text: String) throws {
        try store.generate(for: stage)
        let sound = try #require(TemporaryFolder.read(curve))
        let digits = String(sound.dropFirst("tributary-curve-secret:".count).dropLast())
        #expect(digits.count == 64)
        let spoiled = text.hasSuffix("seed:") ? text + digits : text
        #expect(TemporaryFolder.write(spoiled, to: curve))
        let error = #expect(throws: KeyError.self) { try store.curveSecret(of: stage) }
        #expect(error?.description.contains(digits) == false)

        #expect(TemporaryFolder.write(sound, to: curve))
        _ = try store.curveSecret(of: stage)
        #expect(TemporaryFolder.write(sound.uppercased(), to: curve))
        #expect(throws: KeyError.self) { try store.curveSecret(of: stage) }
    }

    @Test("a card of another stage, a spoiled card, and a card that is not of these secrets are refused")
    func spoiledCard() throws {
        let other = try StageName("north/ingest")
        try store.generate(for: stage)
        try store.generate(for: other)
        let sound = try #require(TemporaryFolder.read(card))
        let foreign = try #require(TemporaryFolder.read("\(store.root)/public/north/ingest.pub"))

        #expect(TemporaryFolder.write(foreign, to: card))
        let error = #expect(throws: KeyError.self) { try store.card(of: stage) }
        #expect(error == .malformed(path: card, "is the card of north/ingest, not of north/encrypt"))

        #expect(TemporaryFolder.write(sound + "more\n", to: card))
        #expect(throws: KeyError.self) { try store.card(of: stage) }
        #expect(throws: KeyError.self) { try store.allCards() }

        #expect(TemporaryFolder.write(foreign.replacing("north/ingest", with: "north/encrypt"), to: card))
        #expect(throws: KeyError.mismatch(card: card)) { try store.complete(stage) }
        #expect(TemporaryFolder.write(sound, to: card))
        #expect(try store.complete(stage) == false)
    }

    @Test("another cloud's card can be taken in, and then is among all cards")
    func exchange() throws {
        let elsewhere = KeyStore(root: "\(folder.path)/elsewhere")
        let foreign = try StageName("south/encrypt")
        try elsewhere.generate(for: foreign)
        try store.generate(for: stage)
        try store.add(try elsewhere.card(of: foreign))
        #expect(try store.allCards().map(\.stage) == [stage, foreign])
        #expect(throws: KeyError.self) { try store.curveSecret(of: foreign) }
    }

    @Test("publish's keys: the key of sums comes back as it was stored, the release key's public half is beside it")
    func publishKeys() throws {
        let cloud = try CloudName("release")
        var bytes: [UInt8] = Array("an opaque private key".utf8)
        try store.storePaillier(secret: try SecretBytes(wiping: &bytes), publicKey: [1, 2, 3], of: cloud)
        #expect(
            try store.paillierSecret(of: cloud).withUnsafeBytes { Array($0) } == Array("an opaque private key".utf8))
        #expect(try store.paillierPublic(of: cloud) == [1, 2, 3])
        #expect(throws: KeyError.exists(path: "\(store.root)/public/release/paillier.pub")) {
            try store.storePaillier(secret: try SecretBytes.random(count: 8), publicKey: [4], of: cloud)
        }
        #expect(try store.completeReleaseKey(of: cloud))
        #expect(try store.completeReleaseKey(of: cloud) == false)
        #expect(try store.releaseKey(of: cloud).verifyingKey == store.releaseVerifyingKey(of: cloud))
    }

    @Test("the rounding secret is made once and stays")
    func rounding() throws {
        let cloud = try CloudName("north")
        #expect(try store.completeRoundingSecret(of: cloud))
        let first = try store.roundingSecret(of: cloud).withUnsafeBytes { Array($0) }
        #expect(try store.completeRoundingSecret(of: cloud) == false)
        #expect(try store.roundingSecret(of: cloud).withUnsafeBytes { Array($0) } == first)
        #expect(first.count == 32)
    }

    @Test("keys of sums lie side by side under their numbers, the first under its old name; none is overwritten")
    func sumKeys() throws {
        let (office, north) = (try CloudName("office"), try CloudName("north"))
        #expect(store.sumKeys(of: office).isEmpty)
        #expect(try store.nextSumKey(of: office) == 1)
        for number in 1...2 {
            try store.storePaillier(
                secret: try SecretBytes.random(count: 8), publicKey: [UInt8(number)], number: number, of: office)
        }
        #expect(TemporaryFolder.read("\(store.root)/public/office/paillier.pub") == "\u{1}")
        #expect(TemporaryFolder.read("\(store.root)/public/office/paillier.2.pub") == "\u{2}")
        #expect(TemporaryFolder.mode(of: "\(store.root)/secret/office/paillier.2.secret") == 0o600)
        #expect(try store.paillierPublic(2, of: office) == [2])
        #expect(store.sumKeys(of: office) == [2, 1])
        #expect(store.paillierSecrets(of: office) == [1, 2])
        #expect(throws: KeyError.exists(path: "\(store.root)/public/office/paillier.2.pub")) {
            try store.storePaillier(
                secret: try SecretBytes.random(count: 8), publicKey: [9], number: 2, of: office)
        }
        #expect(try store.paillierPublic(2, of: office) == [2])
        try store.storeShare([7], number: 2, of: north)
        #expect(try store.share(2, of: north) == [7])
        #expect(throws: KeyError.self) { try store.share(of: north) }
        #expect(throws: KeyError.self) { try store.storeShare([8], number: 2, of: north) }
        // What is left of a key whose making was cut short keeps its number.
        try store.storeShare([7], number: 3, of: north)
        #expect(store.sumKeys(of: office) == [2, 1])
        #expect(try store.nextSumKey(of: office, sharedBy: [north]) == 4)
        // An old key may go; its number is not used again while a later one is there.
        #expect(unlink("\(store.root)/public/office/paillier.pub") == 0)
        #expect(store.sumKeys(of: office) == [2])
        #expect(try store.nextSumKey(of: office) == 3)
    }

    @Test("no more than 32 keys of sums are looked at, the newest, whatever else lies in the folder")
    func manySumKeys() throws {
        let office = try CloudName("office")
        for number in 1...40 { try store.storePaillierPublic([1], number: number, of: office) }
        for name in ["paillier.0.pub", "paillier.041.pub", "paillier.-1.pub", "paillier.x.pub", "paillier.1.pub"] {
            #expect(TemporaryFolder.write("x", to: "\(store.root)/public/office/\(name)"))
        }
        #expect(store.sumKeys(of: office) == Array((9...40).reversed()))
        #expect(try store.nextSumKey(of: office) == 41)
        #expect(try store.allCards().isEmpty)
        try store.storePaillierPublic([1], number: 999, of: office)
        #expect(throws: KeyError.self) { try store.nextSumKey(of: office) }
    }

    @Test("the choice of a key is replaced by the next, is this user's alone, and is refused when spoiled")
    func chosenSumKey() throws {
        try store.generate(for: stage)
        #expect(try store.chosenSumKey() == nil)
        let ids = [UInt8(1), 2].map { [UInt8](repeating: $0, count: 16) }
        for id in ids {
            try store.chooseSumKey(id)
            #expect(try store.chosenSumKey() == id)
        }
        let path = "\(store.root)/key-of-sums"
        #expect(TemporaryFolder.mode(of: path) == 0o600)
        let sound = try #require(TemporaryFolder.read(path))
        for spoiled in ["", "x", "0101", sound + sound, sound.uppercased() + " "] {
            #expect(TemporaryFolder.write(spoiled, to: path))
            #expect(throws: KeyError.self) { try store.chosenSumKey() }
        }
        #expect(TemporaryFolder.write(sound, to: path))
        #expect(try store.chosenSumKey() == ids[1])
    }

    @Test("every local-train of a cloud has keys of its own, and its card is found among all")
    func workers() throws {
        let names = try ["north/local-train", "north/local-train-2", "north/local-train-10"].map { try StageName($0) }
        for name in names { try store.generate(for: name) }
        let folder = "\(store.root)/secret/north"
        #expect(TemporaryFolder.read("\(folder)/local-train-2.curve") != nil)
        #expect(
            TemporaryFolder.read("\(folder)/local-train-2.curve") != TemporaryFolder.read("\(folder)/local-train.curve")
        )
        // The number of a key and the number of a stage are not mixed up.
        #expect(try store.renew(names[0]) == 2)
        #expect(try store.cardNumbers(of: names[0]) == [1, 2])
        #expect(try store.cardNumbers(of: names[1]) == [1])
        #expect(try store.renew(names[1]) == 2)
        _ = TemporaryFolder.write("nobody's", to: "\(store.root)/public/north/local-train-1.pub")
        #expect(
            try store.allCards().map(\.stage) == [names[0], names[0], names[1], names[1], names[2]])
        try store.revoke(try store.card(of: names[1]), reason: "lost")
        #expect(try store.revokedCards(of: names[1].cloud).map(\.card.stage) == [names[1]])
        #expect(try store.currentKeys(of: names[1]) == 2)
    }
}
