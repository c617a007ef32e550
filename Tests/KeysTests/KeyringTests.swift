import Federation
import Glibc
import Keys
import Sodium
import Testing

@Suite("Keyring")
struct KeyringTests {
    private let folder = TemporaryFolder()
    private let stage: StageName
    private let store: KeyStore

    init() throws {
        stage = try StageName("north/encrypt")
        store = KeyStore(root: "\(folder.path)/state/keys")
        try store.generate(for: stage)
        try store.generate(for: try StageName("west/encrypt"))
    }

    private var list: String { "\(store.root)/public/north/revoked" }

    @Test("new keys of a stage count beside the old ones, and the stage shows the newest")
    func renewed() throws {
        let keyring = try Keyring(store)
        let first = try store.card(of: stage)
        #expect(try store.currentKeys(of: stage) == 1)
        #expect(keyring.refresh() == nil)
        #expect(try store.renew(stage) == 2)
        let second = try store.card(of: stage, number: 2)
        #expect(second.curve != first.curve && second.verifying != first.verifying)
        #expect(keyring.now.stage(ofCurve: second.curve) == nil)
        let change = try #require(keyring.refresh())
        #expect(change.added == [second])
        #expect(change.removed.isEmpty && change.problem == nil)
        #expect(keyring.now.curves(of: stage) == [second.curve, first.curve])
        #expect(keyring.now.stage(ofCurve: first.curve) == stage)
        #expect(try store.currentKeys(of: stage) == 2)
        #expect(try store.renew(stage) == 3)
    }

    @Test("a revoked key counts no more, is remembered for what it has signed, and its stage shows another")
    func revoked() throws {
        let keyring = try Keyring(store)
        let first = try store.card(of: stage)
        let message = Array("opening".utf8)
        let old = try store.signingKey(of: stage).signature(of: message)
        #expect(keyring.now.signer(stage)?.verifies(old, of: message) == true)
        _ = try store.renew(stage)
        try store.revoke(first, reason: "laptop\nlost")
        let change = try #require(keyring.refresh())
        #expect(change.removed == [first])
        #expect(change.revoked.map(\.reason) == ["laptop lost"])
        #expect(keyring.now.stage(ofCurve: first.curve) == nil)
        #expect(keyring.now.signer(stage)?.verifies(old, of: message) == false)
        #expect(keyring.now.everSigner(stage)?.verifies(old, of: message) == true)
        #expect(try store.currentKeys(of: stage) == 2)
        #expect(try store.currentCard(of: stage) == store.card(of: stage, number: 2))
        // Nothing is sealed to a stage whose every key is revoked.
        try store.revoke(store.card(of: stage, number: 2), reason: "office closed")
        #expect { try store.currentCard(of: stage) } throws: { "\($0)".contains("are revoked (office closed)") }
        // The other stage is as it was.
        #expect(keyring.now.curves(of: try StageName("west/encrypt")).count == 1)
    }

    @Test("a stage whose only key is revoked does not start, and is told what to do")
    func alone() throws {
        #expect(try store.currentKeys(of: stage) == 1)
        try store.revoke(try store.card(of: stage), reason: "stolen")
        let error = #expect(throws: KeyError.self) { try store.currentKeys(of: stage) }
        #expect(error?.description.contains("are revoked (stolen); make new ones with `tributary renew`") == true)
        #expect(try Keyring(store).now.signer(stage) == nil)
    }

    @Test("a card that is taken away counts no more")
    func removed() throws {
        let keyring = try Keyring(store)
        let first = try store.card(of: stage)
        #expect(keyring.now.stage(ofCurve: first.curve) == stage)
        #expect(unlink("\(store.root)/public/north/encrypt.pub") == 0)
        #expect(try #require(keyring.refresh()).removed == [first])
        #expect(keyring.now.stage(ofCurve: first.curve) == nil)
    }

    @Test("a spoiled card leaves the others as they were, and a revocation beside it counts all the same")
    func spoiled() throws {
        let keyring = try Keyring(store)
        let first = try store.card(of: stage)
        let west = try StageName("west/encrypt")
        #expect(TemporaryFolder.write("stage: west", to: "\(store.root)/public/west/encrypt.pub"))
        try store.revoke(first, reason: "stolen")
        let change = try #require(keyring.refresh())
        #expect(change.problem?.contains("west/encrypt.pub") == true)
        #expect(change.removed == [first])
        #expect(keyring.now.stage(ofCurve: first.curve) == nil)
        #expect(keyring.now.curves(of: west).count == 1)
        #expect(keyring.refresh() == nil)
    }

    @Test("a spoiled list of revoked keys is refused at a start, and leaves a running stage's keys as they were")
    func spoiledList() throws {
        let first = try store.card(of: stage)
        try store.revoke(first, reason: "stolen")
        let keyring = try Keyring(store)
        #expect(keyring.now.stage(ofCurve: first.curve) == nil)
        for text in ["nonsense\n", "north/encrypt 00 00 why\n", "cut", (TemporaryFolder.read(list) ?? "") + "x\n"] {
            #expect(TemporaryFolder.write(text, to: list))
            #expect(throws: KeyError.self) { try Keyring(store) }
            #expect(keyring.refresh()?.problem?.contains(list) == true)
            #expect(keyring.now.stage(ofCurve: first.curve) == nil)
        }
        // Another cloud's list may not revoke this one's keys.
        let line = "\(stage) \(Hex.encode(first.curve)) \(first.verifying) why\n"
        #expect(TemporaryFolder.write(line, to: "\(store.root)/public/west/revoked"))
        #expect(throws: KeyError.self) { try Keyring(store) }
    }

    @Test("two stages with one key are refused")
    func shared() throws {
        let west = "\(store.root)/public/west/encrypt.pub"
        let text = try #require(TemporaryFolder.read("\(store.root)/public/north/encrypt.pub"))
        _ = try Keyring(store)
        #expect(TemporaryFolder.write(text.replacing("north/encrypt", with: "west/encrypt"), to: west))
        let error = #expect(throws: KeyError.self) { try Keyring(store) }
        #expect(error?.description.contains("have the same CURVE key") == true)
    }
}
