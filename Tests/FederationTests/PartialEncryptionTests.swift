import Federation
import MessagePack
import Testing

@Suite("Openings that do not encrypt everything")
struct PartialEncryptionTests {
    private func spoiled(_ encryption: PartialEncryption, _ changes: [String: Value]) throws -> Value {
        guard case .map(let pairs) = encryption.value else {
            throw FederationError.malformed(place: "test", "not a map")
        }
        return .map(pairs.map { ($0.key, changes[$0.key] ?? $0.value) })
    }

    @Test("A mask has the places that it was made of, and counts them in any range")
    func mask() throws {
        let places: Set = [0, 7, 8, 9, 31, 32, 63, 64, 99]
        let mask = try ValueMask(places: places, of: 100)
        #expect(mask.count == places.count)
        #expect((0..<100).filter(mask.contains) == places.sorted())
        #expect(mask.bytes == [0x81, 0x03, 0, 0x80, 0x01, 0, 0, 0x80, 0x01, 0, 0, 0, 0x08])
        for start in 0..<100 {
            for end in start...100 {
                #expect(mask.count(in: start..<end) == places.filter { (start..<end).contains($0) }.count)
            }
        }
        #expect(try ValueMask(bytes: mask.bytes, values: 100) == mask)
        #expect(try ValueMask(places: [1], of: 100).digest != mask.digest)
    }

    @Test(
        "A mask of the wrong length, with places beyond the end, of none or of all is refused",
        arguments: [
            ([0b1011], "1 bytes, a mask of 12 values has 2"), ([1, 0, 0], "3 bytes"), ([], "0 bytes"),
            ([1, 0b1_0000], "places beyond the last of 12 values"), ([1, 0x80], "places beyond"), ([0, 0], "0 of 12"),
            ([0xff, 0x0f], "12 of 12"),
        ] as [([UInt8], String)])
    func hostileMask(bytes: [UInt8], reason: String) throws {
        #expect(try ValueMask(bytes: [0xff, 0x07], values: 12).count == 11)
        #expect {
            _ = try ValueMask(bytes: bytes, values: 12)
        } throws: {
            "\($0)".contains(reason)
        }
    }

    @Test("A mask is bounded before it is looked at")
    func bounds() throws {
        #expect(throws: FederationError.self) { try ValueMask(bytes: [], values: 0) }
        #expect(throws: FederationError.self) { try ValueMask(bytes: [1], values: 1) }
        #expect(throws: FederationError.self) { try ValueMask(places: [12], of: 12) }
        #expect(throws: FederationError.self) { try ValueMask(places: [-1], of: 12) }
        let most = ValueMask.maximumValues
        #expect(try ValueMask(places: [most - 1], of: most).count == 1)
        #expect(throws: FederationError.self) { try ValueMask(places: [0], of: most + 1) }
    }

    @Test("An opening says what is encrypted; one that says too much, too little or nonsense is refused")
    func hostileOpening() throws {
        let values = Samples.layout.count
        let (selective, literal) = (Samples.partial[0], Samples.partial[1])
        for encryption in Samples.partial {
            #expect(try PartialEncryption(encryption.value, values: values) == encryption)
        }
        // The same mask for a layout of another length.
        #expect(throws: FederationError.self) { try PartialEncryption(selective.value, values: values + 8) }
        for (encryption, changes) in [
            (selective, ["noise": .double(0)]), (selective, ["noise": .double(-1)]), (selective, ["noise": .none]),
            (selective, ["noise": .double(.nan)]), (selective, ["omega": .double(0.5)]), (selective, ["mask": .none]),
            (selective, ["mask": .bytes([1])]), (selective, ["formula": .text("literal-eq4")]),
            (selective, ["formula": .text("full")]), (literal, ["omega": .double(0)]), (literal, ["omega": .double(1)]),
            (literal, ["omega": .double(1.5)]), (literal, ["noise": .double(0.5)]), (literal, ["omega": .none]),
            (literal, ["mask": .bytes(Samples.mask.bytes)]), (literal, ["formula": .text("selective")]),
        ] as [(PartialEncryption, [String: Value])] {
            #expect(throws: FederationError.self, "\(encryption.formula): \(changes)") {
                try PartialEncryption(spoiled(encryption, changes), values: values)
            }
        }
    }

    @Test("Only an update under paillier has a part in clear, and noise needs a clip norm to be counted in")
    func misplaced() throws {
        func reread(_ opening: Opening) throws -> Opening { try Opening(opening.value) }
        func opening(_ purpose: Purpose, _ suite: Suite = .paillier, _ encryption: PartialEncryption?) -> Opening {
            Samples.opening(purpose, suite: suite, encryption: encryption)
        }
        for encryption in Samples.partial {
            #expect(try reread(opening(.update, .paillier, encryption)).encryption == encryption)
            #expect(throws: FederationError.self) { try reread(opening(.update, .clear, encryption)) }
            #expect(throws: FederationError.self) { try reread(opening(.update, .secagg, encryption)) }
            for purpose in [Purpose.statistics, .sensitivity, .evaluation] {
                #expect(try reread(opening(purpose, .paillier, nil)).encryption == nil)
                #expect(throws: FederationError.self) { try reread(opening(purpose, .paillier, encryption)) }
            }
            guard case .map(let pairs) = opening(.update, .paillier, encryption).value else { return }
            let unclipped = Value.map(pairs.map { ($0.key, $0.key == "clip" ? .double(0) : $0.value) })
            if encryption.formula == .selective {
                #expect(throws: FederationError.self) { try Opening(unclipped) }
            } else {
                _ = try Opening(unclipped)
            }
        }
    }

    @Test("The noise's deviation is in clip norms over the root of the number of values; equation 4 weighs nobody")
    func figures() throws {
        let selective = Samples.opening(.update, encryption: Samples.partial[0])
        #expect(selective.noiseDeviation == 0.5 * 10 / 20.0.squareRoot())
        #expect(selective.encryptedFraction == 0.2)
        #expect(selective.foldedWeight(of: Samples.west) == 0.25 / 24)
        let literal = Samples.opening(.update, encryption: Samples.partial[1])
        #expect(literal.noiseDeviation == 0 && literal.encryptedFraction == 0.75)
        #expect(literal.foldedWeight(of: Samples.west) == 1)
        #expect(Samples.opening(.update).encryptedFraction == 1 && Samples.opening(.update).noiseDeviation == 0)
    }

    @Test("Sensitivities are counted in a cloud's own mean, whatever the scale of its gradients")
    func sensitivities() throws {
        #expect(SensitivityVector.scaled([1, 3, 0, 0]) == [1, 3, 0, 0])
        #expect(SensitivityVector.scaled([1e-9, 3e-9, 0, 0]).map { ($0 * 1e6).rounded() / 1e6 } == [1, 3, 0, 0])
        #expect(SensitivityVector.scaled([0, 0]) == [0, 0])
        let one = [1.0] + [Double](repeating: 0, count: 999)
        #expect(SensitivityVector.scaled(one)[0] == 64)
        let layout = try SensitivityVector.layout(of: Samples.layout)
        #expect(layout.segments.map(\.name) == Samples.layout.segments.map(\.name))
        #expect(layout.count == Samples.layout.count && layout.segments.allSatisfy { $0.range == 64 })
    }
}
