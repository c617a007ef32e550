import Adapter
import Federation
import FineTuning
import Testing

@Suite("Sensitivities")
struct SensitivityTests {
    let folder: TemporaryFolder
    let base: BaseModel

    init() throws {
        folder = try TemporaryFolder()
        try TinyLlama().write(to: folder.path)
        base = try BaseModel(directory: folder.path)
    }

    @Test("Over all records they are the mean of the magnitudes of each record's own gradient")
    func byRecord() throws {
        let shard = try randomShard(examples: 9)
        let tuner = try FineTuner(base: base, adapter: adapterConfiguration())
        let found = try tuner.sensitivities(on: shard, records: 100, seed: 3)
        var expected = [Double](repeating: 0, count: tuner.count)
        for example in 0..<9 {
            let gradient = try tuner.gradient(on: [example], of: shard).values
            for index in expected.indices { expected[index] += abs(Double(gradient[index])) / 9 }
        }
        #expect(found.count == tuner.count)
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-12 + 1e-6 * $1 })
        // Not the magnitude of the mean: records that pull apart do not cancel.
        let whole = try tuner.gradient(on: Array(0..<9), of: shard).values
        #expect(zip(found, whole).allSatisfy { $0 >= abs(Double($1)) * 0.999 - 1e-7 })
        #expect(zip(found, whole).contains { $0 > 2 * abs(Double($1)) })
    }

    @Test("A probe is some of the records, the same for the same seed, and moves nothing")
    func probe() throws {
        let shard = try randomShard(examples: 60)
        let tuner = try FineTuner(base: base, adapter: adapterConfiguration())
        let before = try tuner.values()
        let first = try tuner.sensitivities(on: shard, records: 8, seed: 3)
        #expect(try tuner.sensitivities(on: shard, records: 8, seed: 3) == first)
        #expect(try tuner.sensitivities(on: shard, records: 8, seed: 4) != first)
        #expect(try tuner.values() == before)
    }

    @Test("At the untrained adapter B is sensitive though it is zero; a trained A is not, as B hides it")
    func untrained() throws {
        let shard = try randomShard(examples: 8)
        let frozen = try FineTuner(base: base, adapter: adapterConfiguration(.b))
        let values = try frozen.sensitivities(on: shard, records: 8, seed: 1)
        #expect(values.filter { $0 > 0 }.count > values.count * 9 / 10)
        let both = try FineTuner(base: base, adapter: adapterConfiguration(.both))
        let all = try both.sensitivities(on: shard, records: 8, seed: 1)
        let layout = try adapterConfiguration(.both).layout(of: base.shape, range: 1)
        var place = 0
        for segment in layout.segments {
            let part = all[place..<place + segment.count]
            if segment.name.contains("lora_A") { #expect(part.allSatisfy { $0 == 0 }) }
            if segment.name.contains("lora_B") { #expect(part.contains { $0 > 0 }) }
            place += segment.count
        }
    }
}
