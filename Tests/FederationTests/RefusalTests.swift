import Federation
import MessagePack
import Sodium
import Testing

@Suite("What is not as the protocol says is refused")
struct RefusalTests {
    /// Documents and abouts alike: each is shown to be taken before it is spoiled.
    private static let all = Samples.documents + Samples.abouts

    private func pairs(_ value: Value) throws -> [(key: String, value: Value)] {
        guard case .map(let pairs) = value else { throw FederationError.malformed(place: "test", "not a map") }
        return pairs
    }

    private func refusal(_ read: (Value) throws -> Value, _ value: Value) -> FederationError? {
        do {
            _ = try read(value)
            return nil
        } catch { return error as? FederationError }
    }

    @Test("A key that nobody knows is named", arguments: all.indices)
    func unknownKey(index: Int) throws {
        let sample = Self.all[index]
        #expect(refusal(sample.read, sample.value) == nil)
        let spoiled = Value.map(try pairs(sample.value) + [(key: "colour", value: .text("red"))])
        let error = try #require(refusal(sample.read, spoiled))
        #expect("\(error)".contains("colour: unknown key"), "\(sample.name): \(error)")
    }

    @Test("Every key must be there", arguments: all.indices)
    func missingKey(index: Int) throws {
        let sample = Self.all[index]
        for (position, pair) in try pairs(sample.value).enumerated() {
            var rest = try pairs(sample.value)
            rest.remove(at: position)
            let error = try #require(refusal(sample.read, .map(rest)), "\(sample.name) without \(pair.key)")
            #expect("\(error)".contains("\(pair.key): missing"), "\(sample.name): \(error)")
        }
    }

    @Test("Every value must be of its type", arguments: all.indices)
    func wrongType(index: Int) throws {
        let sample = Self.all[index]
        for (position, pair) in try pairs(sample.value).enumerated() {
            // What an offer is about is for whoever takes it to read.
            guard !(sample.name == "offer" && pair.key == "about") else { continue }
            for other in [
                Value.bool(true), .negative(-1), .double(.nan), .text("\u{0}"), .list([.none]),
                .map([(key: "a", value: .none)]),
            ] {
                guard other.kind != pair.value.kind || other == .double(.nan) else { continue }
                // A boolean where a boolean stands is no mistake.
                if case .bool = pair.value, case .bool = other { continue }
                var changed = try pairs(sample.value)
                changed[position].value = other
                #expect(throws: (any Error).self, "\(sample.name).\(pair.key) = \(other)") {
                    try sample.read(.map(changed))
                }
            }
        }
        for value in [Value.none, .list([]), .text("x"), .unsigned(3)] {
            #expect(throws: (any Error).self) { try sample.read(value) }
        }
    }

    @Test("Texts, bytes and lists beyond their limits are refused")
    func tooLong() throws {
        func with(_ key: String, _ value: Value, in sample: Value) throws -> Value {
            .map(try pairs(sample).map { ($0.key, $0.key == key ? value : $0.value) })
        }
        let opening = Samples.opening(.update).value
        #expect(refusal({ try Opening($0).value }, opening) == nil)
        let member = Samples.cohort[0].value
        for (key, value) in [
            ("profile", Value.text(String(repeating: "x", count: 65))),
            ("key", .bytes([UInt8](repeating: 0, count: 17))),
            ("cohort", .list([Value](repeating: member, count: 1025))), ("bits", .unsigned(33)), ("bits", .unsigned(1)),
            ("quorum", .unsigned(3)), ("minimum", .unsigned(0)), ("clip", .double(-1)), ("clip", .double(.infinity)),
            ("round", .unsigned(1 << 32)), ("cohort", .list([member, member])), ("cohort", .list([])),
            ("run", .text("Trial")), ("suite", .text("rot13")), ("training", .none),
            ("layout", .list([])), ("layout", .list([.list([.text("a"), .list([.unsigned(0)]), .double(1)])])),
            ("layout", .list([.list([.text("a"), .list([.unsigned(1 << 40), .unsigned(1 << 40)]), .double(1)])])),
            ("layout", .list([.list([.text("a b"), .list([.unsigned(1)]), .double(1)])])),
            ("layout", .list([.list([.text("a"), .list([.unsigned(1)]), .double(0)])])),
            ("aggregate", .text("office")), ("aggregate", .text("north/encrypt")), ("term", .unsigned(1 << 32)),
        ] {
            #expect(throws: FederationError.self, "\(key)") { try Opening(with(key, value, in: opening)) }
        }
        let appointment = Samples.appointment.value
        #expect(refusal({ try Appointment($0).value }, appointment) == nil)
        for (key, value) in [
            ("term", Value.unsigned(0)), ("term", .unsigned(1 << 32)), ("aggregate", .text("office/publish")),
            ("opening", .bytes([1])),
        ] {
            #expect(throws: FederationError.self, "\(key)") { try Appointment(with(key, value, in: appointment)) }
        }
        let offer = Samples.offer.value
        for (key, value) in [
            ("bytes", Value.unsigned(0)), ("bytes", .unsigned(1 << 31 + 1)), ("digest", .bytes([1])),
            ("maker", .text("north")),
        ] {
            #expect(throws: FederationError.self, "\(key)") { try Offer(with(key, value, in: offer)) }
        }
        let sum = Samples.abouts[3].value
        let short = Value.bytes([UInt8](repeating: 1, count: 31))
        for (key, value) in [
            ("mask-key", short), ("sharing-key", .bytes([UInt8](repeating: 1, count: 33))), ("stage", .text("north")),
        ] {
            #expect(throws: FederationError.self, "\(key)") {
                try MaskAdvertisement(with(key, value, in: Samples.advertisement.value))
            }
        }
        let roster = Samples.roster.value
        guard case .list(let advertisements) = try pairs(roster)[4].value else { return }
        let many = Value.list([Value](repeating: advertisements[0], count: 257))
        #expect(throws: FederationError.self) { try MaskRoster(with("advertisements", many, in: roster)) }
        for threshold in [0, 1, 257] as [UInt64] {
            #expect(throws: FederationError.self) {
                try MaskRoster(with("threshold", .unsigned(threshold), in: roster))
            }
        }
        for (key, value) in [("document", MaskAdvertisement.maximumByteCount + 1), ("signature", 65)] {
            let long = try with(key, .bytes([UInt8](repeating: 0, count: value)), in: advertisements[0])
            #expect(throws: FederationError.self) { try MaskRoster(with("advertisements", .list([long]), in: roster)) }
        }
        guard case .list(let portions) = try pairs(Samples.shares.value)[6].value else { return }
        for count in [1, MaskShares.sealedByteCount - 1, MaskShares.sealedByteCount + 1] {
            let spoiled = try with("sealed", .bytes([UInt8](repeating: 0, count: count)), in: portions[1])
            #expect(throws: FederationError.self) {
                try MaskShares(with("shares", .list([portions[0], spoiled]), in: Samples.shares.value))
            }
        }
        guard case .list(let parts) = try pairs(sum)[2].value else { return }
        #expect(throws: FederationError.self) { try SumAbout(with("parts", .list(parts.reversed()), in: sum)) }
        #expect(throws: FederationError.self) { try SumAbout(with("parts", .list([parts[0], parts[0]]), in: sum)) }
    }

    @Test("A message of another shape or version is refused, and says why")
    func messages() throws {
        let frames = Samples.messages[3].frames
        #expect(try WireMessage(frames: frames) == Samples.messages[3])
        func reason(_ frames: [[UInt8]]) -> String {
            do {
                _ = try WireMessage(frames: frames)
                return "taken"
            } catch { return "\(error)" }
        }
        func envelope(_ change: (inout [(key: String, value: Value)]) -> Void) throws -> [[UInt8]] {
            var pairs = try pairs(decode(frames[0]))
            change(&pairs)
            return [encode(.map(pairs))] + frames.dropFirst()
        }
        #expect(reason([]).contains("expected 4 frames, found 0"))
        #expect(reason(frames + [[]]).contains("expected 4 frames, found 5"))
        #expect(reason([[]] + frames.dropFirst()).contains("ends in the middle"))
        #expect(reason([[0xc1]] + frames.dropFirst()).contains("0xc1"))
        #expect(reason([frames[0] + [0]] + frames.dropFirst()).contains("bytes after the msgpack value"))
        #expect(reason([[UInt8](repeating: 0x90, count: 1025)] + frames.dropFirst()).contains("at most 1024"))
        #expect(
            reason([frames[0], [UInt8](repeating: 0, count: WireMessage.documentBytes + 1), [], []]).contains(
                "too long"))
        #expect(reason([frames[0], [], [UInt8](repeating: 0, count: 65), []]).contains("too long"))
        #expect(reason([frames[0], [], [], [UInt8](repeating: 0, count: Offer.chunkBytes + 1)]).contains("too long"))
        #expect(reason(try envelope { $0[0].value = .unsigned(2) }).contains("protocol version 2 is not spoken here"))
        #expect(reason(try envelope { $0[1].value = .text("greeting") }).contains("\"greeting\" is none of opening"))
        #expect(reason(try envelope { $0[2].value = .text("north") }).contains("stage name"))
        #expect(reason(try envelope { $0.append(("x", .none)) }).contains("envelope.x: unknown key"))
        #expect(reason(try envelope { $0.removeLast() }).contains("envelope.end: missing"))
        #expect(reason(try envelope { $0.append($0[0]) }).contains("\"v\" appears twice"))
        #expect(reason(try envelope { $0[5].value = .text(Samples.name.description) }).contains("does not fit"))
    }
}
