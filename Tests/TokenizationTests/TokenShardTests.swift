import Safetensors
import Testing
import Tokenization

@Suite("TokenShard")
struct TokenShardTests {
    /// The columns of a sound shard of three examples.
    struct Columns {
        var tokens: [Int32] = [1, 2, 3, 1, 4, 1, 5, 6, 7]
        var offsets: [Int64] = [0, 3, 5, 9]
        var answer: [Int32] = [2, 1, 2]
        var label: [Int32] = [0, 1, 1]
        var metadata = ["split": "train", "tokenizer": String(repeating: "a1", count: 32), "cloud": "north"]
        var extra: [TensorContents] = []
        var answerAsWide = false

        func bytes() throws -> [UInt8] {
            try SafetensorsWriter.encode(
                [
                    TensorContents(name: "tokens", shape: [tokens.count], integers: tokens),
                    TensorContents(name: "offsets", shape: [offsets.count], integers: offsets),
                    answerAsWide
                        ? TensorContents(name: "answer", shape: [answer.count], integers: answer.map(Int64.init))
                        : TensorContents(name: "answer", shape: [answer.count], integers: answer),
                    TensorContents(name: "label", shape: [label.count], integers: label),
                ] + extra, metadata: metadata)
        }
    }

    @Test("what was written is read again, byte for byte")
    func roundTrip() throws {
        let shard = try TokenShard(bytes: Columns().bytes())
        #expect(shard.count == 3)
        #expect(shard.range(of: 1) == 3..<5)
        #expect(shard.split == .train)
        #expect(try shard.encoded() == Columns().bytes())
        #expect(try TokenShard(bytes: shard.encoded()) == shard)
    }

    struct Spoiled: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let names: String
        let spoil: @Sendable (inout Columns) -> Void
    }

    static let spoiled = [
        Spoiled(testDescription: "no examples", names: "found 0") {
            ($0.tokens, $0.offsets, $0.answer, $0.label) = ([], [0], [], [])
        },
        Spoiled(testDescription: "an offset too few", names: "4 offsets") { $0.offsets.removeLast() },
        Spoiled(testDescription: "a first offset that is not 0", names: "offsets") { $0.offsets[0] = 1 },
        Spoiled(testDescription: "a last offset past the tokens", names: "number of tokens") { $0.offsets[3] = 10 },
        Spoiled(testDescription: "offsets that go back", names: "example 1") { $0.offsets[2] = 2 },
        Spoiled(testDescription: "a huge offset inside", names: "example 0") { $0.offsets[1] = .max },
        Spoiled(testDescription: "an example of one token", names: "example 0") { $0.offsets[1] = 1 },
        Spoiled(testDescription: "an answer with nothing before it", names: "example 2") { $0.answer[2] = 0 },
        Spoiled(testDescription: "an answer past its example", names: "example 1") { $0.answer[1] = 2 },
        Spoiled(testDescription: "a label of 2", names: "label 0 or 1") { $0.label[0] = 2 },
        Spoiled(testDescription: "a negative token", names: "negative") { $0.tokens[4] = -1 },
        Spoiled(testDescription: "another split", names: "train, validation, test") { $0.metadata["split"] = "all" },
        Spoiled(testDescription: "a short digest", names: "64 hexadecimal") { $0.metadata["tokenizer"] = "a1" },
        Spoiled(testDescription: "no cloud", names: "metadata: expected cloud") { $0.metadata["cloud"] = nil },
        Spoiled(testDescription: "metadata of another kind", names: "surprise") { $0.metadata["surprise"] = "1" },
        Spoiled(testDescription: "one tensor more", names: "surprise") {
            $0.extra = [TensorContents(name: "surprise", shape: [1], integers: [Int32(1)])]
        },
        Spoiled(testDescription: "answers of another type", names: "expected I32, found I64") {
            $0.answerAsWide = true
        },
    ]

    @Test("a spoiled shard is refused, and the thing named", arguments: spoiled)
    func refused(spoiled: Spoiled) throws {
        var columns = Columns()
        _ = try TokenShard(bytes: columns.bytes())
        spoiled.spoil(&columns)
        let bytes = try columns.bytes()
        do {
            _ = try TokenShard(bytes: bytes)
            Issue.record("it was accepted")
        } catch {
            #expect(error.description.contains(spoiled.names), "\(error)")
        }
    }

    @Test("a shard cut short is refused")
    func cutShort() throws {
        let bytes = try Columns().bytes()
        _ = try TokenShard(bytes: bytes)
        for count in [0, 7, 8, 100, bytes.count - 1] {
            #expect(throws: TokenizationError.self) { try TokenShard(bytes: Array(bytes.prefix(count))) }
        }
    }
}
