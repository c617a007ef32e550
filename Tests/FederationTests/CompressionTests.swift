import Federation
import Foundation
import MessagePack
import Testing

@Suite("Compression")
struct CompressionTests {
    private struct Case: Decodable {
        let sizes: [Int]
        let fraction: Double
        let rotation: Double
        let turn: Int
        let margin: Double
        let limit: Double
        let before: [UInt32]
        let after: [UInt32]
        let ranges: [Double]
        let places: [Int]?

        var step: ReleasedStep {
            ReleasedStep(from: before.map(Float.init(bitPattern:)), to: after.map(Float.init(bitPattern:)))
        }
        func layout() throws -> VectorLayout {
            try VectorLayout(
                sizes.enumerated().map { VectorLayout.Segment(name: "part.\($0)", shape: [$1], range: limit) })
        }
        func plan(_ places: ValueMask?) -> CompressionPlan {
            CompressionPlan(
                scales: .released, margin: margin, limit: limit, feedback: 1, fraction: fraction, rotation: rotation,
                turn: turn, since: RoundNumber(3), places: places)
        }
    }

    private static let cases: [Case] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Vectors/steps.json")
        do { return try JSONDecoder().decode([Case].self, from: Data(contentsOf: file)) } catch {
            preconditionFailure("steps.json: \(error)")
        }
    }()

    @Test("Ranges and places are those that NumPy makes of the same step, bit for bit", arguments: 0..<8)
    func reference(index: Int) throws {
        let known = Self.cases[index]
        let (step, layout) = (known.step, try known.layout())
        #expect(step.ranges(of: layout, margin: known.margin, limit: known.limit) == known.ranges)
        let places = try step.places(fraction: known.fraction, rotation: known.rotation, turn: known.turn)
        #expect(places?.places == known.places)
        // An opening that says the same is believed, and one that says another is not.
        let ranged = try layout.ranging(over: known.ranges)
        #expect(try known.plan(places).fault(in: ranged, after: step) == nil)
        var ranges = known.ranges
        ranges[0] = ranges[0].nextUp
        let other = try known.plan(places).fault(in: layout.ranging(over: ranges), after: step)
        #expect(other?.contains("part.0") == true)
        guard let places, let spare = (0..<places.values).first(where: { !places.contains($0) }) else { return }
        let moved = try ValueMask(places: places.places.dropFirst() + [spare], of: places.values)
        #expect(try known.plan(moved).fault(in: ranged, after: step)?.contains("places") == true)
        #expect(try known.plan(nil).fault(in: ranged, after: step) == nil, "all values are never too few")
    }

    @Test("With the turns every value is sent, whatever moved", arguments: [7, 64, 100, 1000])
    func everyTurn(values: Int) throws {
        let after = (0..<values).map { Float($0 < 3 ? 1 : 0) }
        let step = ReleasedStep(from: [Float](repeating: 0, count: values), to: after)
        var seen: Set<Int> = []
        for turn in 1...values {
            let places = try #require(try step.places(fraction: 0.3, rotation: 0.5, turn: turn))
            #expect(places.count == Int((0.3 * Double(values)).rounded(.up)))
            seen.formUnion(places.places)
        }
        #expect(seen.count == values)
    }

    @Test("A list of places has one form, which is read back, and every other is refused")
    func gaps() throws {
        for places in [[0], [9], [0, 1, 2], [0, 9], [5, 300, 301, 998, 999], Array(0..<999), [16_383 - 16_000]] {
            let mask = try ValueMask(places: places, of: 1000)
            #expect(try ValueMask(gaps: mask.gaps, values: 1000) == mask)
        }
        #expect(try ValueMask(places: [2, 3, 203], of: 1000).gaps == [2, 0, 0x80 | 71, 1])
        let spoiled: [([UInt8], String)] = [
            ([], "0 of 10"), ([10], "place 10"), ([9, 0], "place 10"), ([0x80], "breaks off"),
            ([0x82, 0], "shortest form"),
            ([0xff, 0xff, 0xff, 0xff, 1], "28 bits"), ([UInt8](repeating: 0, count: 10), "10 of 10"),
            ([UInt8](repeating: 0, count: 11), "11 bytes"),
        ]
        #expect(try ValueMask(gaps: [9], values: 10).places == [9])
        for (bytes, reason) in spoiled {
            #expect { try ValueMask(gaps: bytes, values: 10) } throws: { "\($0)".contains(reason) }
        }
    }

    @Test("What is sealed is the layout's part at the places, tensor by tensor")
    func sealed() throws {
        let opening = Samples.opening(.update, compression: Samples.compression)
        // Of 16 and 4 values the places 0, 3, 8 and 19.
        #expect(opening.sealed.segments.map(\.shape) == [[3], [1]])
        #expect(opening.sealed.segments.map(\.range) == opening.layout.segments.map(\.range))
        #expect(opening.sealed.count == 4 && Samples.opening(.update).sealed == opening.layout)
        let one = try opening.layout.selecting(ValueMask(places: [17, 18], of: 20))
        #expect(one.segments.map(\.name) == ["score.died"] && one.count == 2)
        #expect(opening.method.contains("4 of 20 values") && opening.method.contains("error feedback"))
    }

    @Test("A compressed opening of another purpose, or with a part in clear, is refused")
    func refusals() throws {
        _ = try Opening(Samples.opening(.update, compression: Samples.compression).value)
        for opening in [
            Samples.opening(.evaluation, compression: Samples.compression),
            Samples.opening(.update, encryption: Samples.partial[0], compression: Samples.compression),
        ] {
            #expect { try Opening(opening.value) } throws: { "\($0)".contains("opening.compression") }
        }
        let unfounded = CompressionPlan(
            scales: .fixed, margin: 2, limit: 1, feedback: 1, fraction: 0.2, rotation: 0.2, turn: 1, since: nil,
            places: Samples.mask)
        #expect { try Opening(Samples.opening(.update, compression: unfounded).value) } throws: {
            "\($0)".contains("`since` names none")
        }
    }
}
