import FineTuning
import Foundation
import Testing

@Suite("A published tiny Llama", .enabled(if: dataFolder != nil, "set TRIBUTARY_DATA to the folder of test data"))
struct PublishedModelTests {
    let folder = "\(dataFolder ?? "")/llama_tiny"

    @Test("greedy decoding gives its published tokens")
    func greedy() throws {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/greedy_token_ids.json"))
        let expected = try JSONDecoder().decode([Int32].self, from: bytes)
        let model = try LlamaModel(BaseModel(directory: "\(folder)/hf"))
        let found = try model.greedy(after: [expected[0]], count: expected.count - 1)
        #expect(found == expected)
    }

    @Test("its logits agree to 1e-4")
    func logits() throws {
        let ids = try JSONDecoder().decode(
            [Int32].self, from: Data(contentsOf: URL(fileURLWithPath: "\(folder)/greedy_token_ids.json")))
        // NumPy's format 1.0: six bytes of magic, two of version, two of header length, then f32 row-major.
        let file = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/logits_first8.npy"))
        let header = 10 + Int(file[8]) + Int(file[9]) << 8
        let values = file.dropFirst(header).withUnsafeBytes { bytes in
            (0..<8 * 512).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
        let found = try LlamaModel(BaseModel(directory: "\(folder)/hf")).logits(after: Array(ids[..<8]))
        #expect(found.count == 8)
        for (row, logits) in found.enumerated() {
            for (column, logit) in logits.enumerated() {
                #expect(abs(logit - values[row * 512 + column]) < 1e-4)
            }
        }
    }
}
