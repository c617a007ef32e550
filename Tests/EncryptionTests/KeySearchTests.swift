import Encryption
import Synchronization
import Testing

/// Keys of sums by number, as a store would have them, and how often one was made something of.
private final class Shelf: Sendable {
    private let state = Mutex((texts: [Int: String](), made: 0))

    subscript(number: Int) -> String? {
        get { state.withLock { $0.texts[number] } }
        set { state.withLock { $0.texts[number] = newValue } }
    }

    var made: Int { state.withLock { $0.made } }

    struct Lacking: Error, CustomStringConvertible { let description = "it lacks its share" }

    func search(lacking: Set<Int> = []) -> KeySearch<Int> {
        KeySearch(
            numbers: { self.state.withLock { $0.texts.keys.sorted(by: >) } },
            text: { number in
                guard let text = self[number] else { throw Lacking() }
                return text
            },
            make: { number, _ in
                guard !lacking.contains(number) else { throw Lacking() }
                self.state.withLock { $0.made += 1 }
                return number
            })
    }
}

@Suite("Keys of sums by id")
struct KeySearchTests {
    private static let keys = Result {
        try (1...2).map { _ in try PaillierPrivateKey.generate(size: .bits2048).publicKey }
    }

    private func reason(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "nothing was refused"
        } catch { return "\(error)" }
    }

    @Test("the key that an opening names is found, whatever number it has, and is made something of once")
    func found() throws {
        let keys = try Self.keys.get()
        let shelf = Shelf()
        (shelf[1], shelf[7]) = (keys[0].text, keys[1].text)
        var search = shelf.search()
        #expect(try search.oldest() == 1)
        #expect(try search.key(keys[1].id.bytes) == 7)
        #expect(try search.key(keys[1].id.bytes) == 7)
        #expect(search.found == 7)
        #expect(shelf.made == 2)
        #expect(try search.key(keys[0].id.bytes) == 1)
    }

    @Test("a key that was taken away is refused though it was in use, and one that comes is found")
    func comesAndGoes() throws {
        let keys = try Self.keys.get()
        let shelf = Shelf()
        shelf[1] = keys[0].text
        var search = shelf.search()
        #expect(try search.oldest() == 1)
        let refusal = EncryptionError.noSuchKey(keys[1].id, problems: [])
        #expect(throws: refusal) { try search.key(keys[1].id.bytes) }
        shelf[2] = keys[1].text
        #expect(try search.key(keys[1].id.bytes) == 2)
        shelf[2] = nil
        #expect(throws: refusal) { try search.key(keys[1].id.bytes) }
        // Another key under the number of the one that is held.
        #expect(try search.key(keys[0].id.bytes) == 1)
        shelf[1] = keys[1].text
        #expect(throws: EncryptionError.noSuchKey(keys[0].id, problems: [])) { try search.key(keys[0].id.bytes) }
        #expect(throws: EncryptionError.noSuchKey(nil, problems: [])) { try search.key([1, 2, 3]) }
    }

    @Test("what is spoiled or not whole is named in the refusal, and does not hide the key that is asked for")
    func spoiled() throws {
        let keys = try Self.keys.get()
        let shelf = Shelf()
        (shelf[1], shelf[2], shelf[3]) = (keys[0].text, keys[1].text, String(repeating: "\u{0}", count: 200_000))
        var search = shelf.search(lacking: [2])
        #expect(try search.key(keys[0].id.bytes) == 1)
        let said = reason { _ = try search.key(keys[1].id.bytes) }
        #expect(said.contains("key 2: it lacks its share") && said.contains("key 3: "), "\(said)")
        #expect(said.utf8.count < 2000)
        // A stage begins with the oldest that is whole.
        var second = shelf.search(lacking: [1, 2])
        #expect(reason { _ = try second.oldest() } == "it lacks its share")
        shelf[3] = nil
        var third = shelf.search(lacking: [1])
        #expect(try third.oldest() == 2)
    }
}
