import Federation
import Testing

@Suite("Weights, bins and layouts")
struct ValueTests {
    @Test("A weight keeps two significant bits and never tells more than the count")
    func weights() {
        let known: [(Int, UInt32)] = [
            (0, 1), (1, 1), (2, 2), (3, 3), (4, 4), (5, 4), (6, 6), (7, 6), (8, 8), (300, 256), (384, 384), (511, 384),
        ]
        for (count, weight) in known { #expect(Weight.bucket(count) == weight) }
        #expect(Weight.bucket(Int.max) == UInt32(Weight.maximum))
        #expect(Weight.bucket(-5) == 1)
        for count in 1..<5000 {
            let weight = Int(Weight.bucket(count))
            #expect(weight <= count && 3 * weight > 2 * count - 2)
        }
    }

    @Test("Scores fall into the bins of their range, and those beyond it into the outermost")
    func bins() {
        #expect(ScoreBins.bin(-20) == 0)
        #expect(ScoreBins.bin(-100) == 0)
        #expect(ScoreBins.bin(19.999) == ScoreBins.count - 1)
        #expect(ScoreBins.bin(.infinity) == ScoreBins.count - 1)
        #expect(ScoreBins.bin(0) == ScoreBins.count / 2)
        for bin in [0, 1, 2000, 2048, 4095] { #expect(ScoreBins.bin(Float(ScoreBins.score(ofBin: bin))) == bin) }
        let counts = ScoreBins.histograms(scores: [0, 0, 1], died: [true, false, false])
        #expect(counts.reduce(0, +) == 3)
        #expect(counts[ScoreBins.count / 2] == 1)
        #expect(counts[ScoreBins.count + ScoreBins.count / 2] == 1)
    }

    @Test("A score that is no number ends neither the stage nor the count")
    func notANumber() {
        #expect((0..<ScoreBins.count).contains(ScoreBins.bin(.nan)))
    }

    @Test("A layout is named by its contents")
    func layouts() throws {
        func layout(_ name: String, _ shape: [Int], _ range: Double) throws -> VectorLayout {
            try VectorLayout([.init(name: name, shape: shape, range: range)])
        }
        let one = try layout("a", [2, 3], 1)
        #expect(try layout("a", [2, 3], 1).digest == one.digest)
        #expect(one.count == 6)
        for other in [try layout("b", [2, 3], 1), try layout("a", [3, 2], 1), try layout("a", [2, 3], 1.0.nextUp)] {
            #expect(other.digest != one.digest)
        }
        #expect(throws: FederationError.self) { try VectorLayout([]) }
        #expect(throws: FederationError.self) { try layout("", [1], 1) }
        #expect(throws: FederationError.self) { try layout("a", [], 1) }
        #expect(throws: FederationError.self) { try layout("a", [-1], 1) }
        #expect(throws: FederationError.self) { try layout("a", [1 << 29], 1) }
        #expect(throws: FederationError.self) { try layout("a", [1], .nan) }
    }

    @Test("The factor of a cloud is its weight over the largest, in updates alone")
    func folded() throws {
        // The sample asks 16 steps of north and 4 of west: per step the one weighs 24, the other 1/4.
        #expect(Samples.opening(.update).foldedWeight(of: Samples.north) == 1)
        #expect(Samples.opening(.update).foldedWeight(of: Samples.west) == 0.25 / 24)
        #expect(Samples.opening(.evaluation).foldedWeight(of: Samples.west) == 1)
        #expect(Samples.opening(.update).foldedWeight(of: Samples.office) == 1)
    }
}
