import Federation
import Foundation
import Glibc
import Keys
import PowerCut
import Sodium
import Testing

@Suite("Keys and a loss of power", .serialized)
struct KeyDurabilityTests {
    private let folder: PowerCutFolder
    private let image: DurableImage
    private let store: KeyStore
    private let stage: StageName

    init() throws {
        folder = try PowerCutFolder()
        image = DurableImage(of: try folder.made("live"))
        // Two folders above the keys are made with them.
        store = KeyStore(root: "\(image.root)/state/keys")
        stage = try StageName("north/encrypt")
    }

    /// The keys as they are after a loss of power.
    private func afterLoss(_ name: String) throws -> KeyStore {
        try image.restore(to: "\(folder.path)/\(name)")
        return KeyStore(root: "\(folder.path)/\(name)/state/keys")
    }

    @Test("What has been made is there after a loss of power, each by itself as soon as its making is over")
    func made() throws {
        defer { image.close() }
        try store.generate(for: stage)
        let card = try store.card(of: stage)
        let first = try afterLoss("first")
        #expect(try first.card(of: stage) == card)
        #expect(try BoxKeyPair(secret: first.curveSecret(of: stage)).publicKey == card.curve)
        #expect(try first.signingKey(of: stage).verifyingKey == card.verifying)

        #expect(try store.completeReleaseKey(of: stage.cloud))
        let second = try afterLoss("second")
        #expect(try second.releaseKey(of: stage.cloud).verifyingKey == store.releaseVerifyingKey(of: stage.cloud))
        #expect(try second.releaseVerifyingKey(of: stage.cloud) == store.releaseVerifyingKey(of: stage.cloud))

        #expect(try store.completeRoundingSecret(of: stage.cloud))
        #expect(throws: Never.self) { try afterLoss("third").roundingSecret(of: stage.cloud) }

        #expect(try store.renew(stage) == 2)
        let fourth = try afterLoss("fourth")
        #expect(try fourth.card(of: stage, number: 2) == store.card(of: stage, number: 2))
        #expect(throws: Never.self) { try fourth.curveSecret(of: stage, number: 2) }

        try store.revoke(card, reason: "stolen")
        #expect(try afterLoss("fifth").revokedCards(of: stage.cloud).map(\.card) == [card])
    }

    /// As a process leaves them that is killed between the making of a folder and its flush.
    @Test(
        "So it is where another process was killed while it made a folder of them", arguments: ["state", "state/keys"])
    func killed(name: String) throws {
        defer { image.close() }
        if name == "state/keys" {
            #expect(mkdir("\(image.root)/state", 0o755) == 0)
            let above = open(image.root, O_RDONLY | O_DIRECTORY)
            #expect(fsync(above) == 0)
            close(above)
        }
        #expect(mkdir("\(image.root)/\(name)", 0o700) == 0)
        try store.generate(for: stage)
        #expect(try afterLoss("after").card(of: stage) == store.card(of: stage))
    }

    /// The control: without the flushes of files and folders nothing of this would be there.
    @Test("What is only written is not there after it")
    func written() throws {
        defer { image.close() }
        try store.generate(for: stage)
        let path = "\(store.root)/secret/north/other.sign"
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        #expect(write(file, [1, 2, 3], 3) == 3)
        #expect(!exists("other.sign", in: try afterLoss("unsynced")))
        // The file alone: its name is in no folder that was flushed.
        #expect(fsync(file) == 0)
        close(file)
        #expect(!exists("other.sign", in: try afterLoss("nameless")))
        let above = open("\(store.root)/secret/north", O_RDONLY | O_DIRECTORY)
        #expect(fsync(above) == 0)
        close(above)
        #expect(exists("other.sign", in: try afterLoss("synced")))
    }

    private func exists(_ name: String, in store: KeyStore) -> Bool {
        FileManager.default.fileExists(atPath: "\(store.root)/secret/north/\(name)")
    }
}
