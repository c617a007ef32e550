/// Finds a key of sums by its id among the keys that a store has, and keeps the one that was found last. Keys are looked for
/// where an opening names one, so that a key that comes or goes while a stage runs is noticed at the next opening.
package struct KeySearch<Found: Sendable>: Sendable {
    /// A store's keys are numbered; what a number has is read anew each time.
    package typealias Numbers = @Sendable () -> [Int]
    package typealias Text = @Sendable (_ number: Int) throws -> String
    /// What a stage makes of a key; throws if it lacks what belongs to it.
    package typealias Make = @Sendable (_ number: Int, FederationKey) throws -> Found

    private let numbers: Numbers
    private let text: Text
    private let make: Make
    private let sizes: PaillierKeySizes
    private var held: (number: Int, text: String, id: PaillierKeyID, found: Found)?

    /// - Parameter numbers: the numbers of the keys that are there, newest first; the store bounds them.
    package init(
        numbers: @escaping Numbers, text: @escaping Text, allowing sizes: PaillierKeySizes = .secure,
        make: @escaping Make
    ) {
        self.numbers = numbers
        self.text = text
        self.sizes = sizes
        self.make = make
    }

    /// The key that was found last.
    package var found: Found? { held?.found }

    /// The oldest key that is whole here: what a stage begins with. Throws what is wrong with the oldest if none is.
    package mutating func oldest() throws -> Found {
        var failure: (any Error)?
        for number in numbers().reversed() + [1] {
            do {
                let text = try text(number)
                let key = try FederationKey(text: text, allowing: sizes)
                let found = try make(number, key)
                held = (number, text, key.paillier.id, found)
                return found
            } catch { failure = failure ?? error }
        }
        throw failure ?? EncryptionError.noSuchKey(nil, problems: [])
    }

    /// The newest key that is whole here and of which `fits` holds.
    package mutating func newest(where fits: (Found) -> Bool) -> Found? {
        for number in numbers() {
            // What is wrong with one that is spoiled is told where a round names it.
            do {
                let text = try text(number)
                let key = try FederationKey(text: text, allowing: sizes)
                let found = try make(number, key)
                guard fits(found) else { continue }
                held = (number, text, key.paillier.id, found)
                return found
            } catch { continue }
        }
        return nil
    }

    /// The key that an opening names. A key whose file has been taken away is not found, though it was before.
    package mutating func key(_ bytes: [UInt8]) throws(EncryptionError) -> Found {
        let wanted = PaillierKeyID(bytes: bytes)
        var problems: [String] = []
        for number in numbers() {
            do {
                let text = try text(number)
                if let held, held.number == number, held.text == text {
                    if held.id == wanted { return held.found }
                    continue
                }
                let key = try FederationKey(text: text, allowing: sizes)
                guard key.paillier.id == wanted else { continue }
                let found = try make(number, key)
                held = (number, text, key.paillier.id, found)
                return found
            } catch { problems.append("key \(number): \(error)") }
        }
        throw .noSuchKey(wanted, problems: problems)
    }
}
