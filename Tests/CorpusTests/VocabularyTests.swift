import Corpus
import Foundation
import Sodium
import Testing
import Tokenization

private let data = ProcessInfo.processInfo.environment["TRIBUTARY_DATA"]
private let python = ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"]

@Suite("The base's vocabulary and texts")
struct VocabularyTests {
    private let vocabulary: BaseVocabulary

    init() throws {
        vocabulary = BaseVocabulary(variables: try VariableTable.read(at: "\(checkout)/configs/variables.yaml"))
    }

    @Test("Every id has one token, and a record is one token for each piece")
    func ids() throws {
        #expect(vocabulary.count == 256 + 5 + vocabulary.variables.count * vocabulary.variables.binCount)
        #expect(Set(vocabulary.added).count == vocabulary.added.count)
        let records = BaseTexts(vocabulary: vocabulary, seed: 1).records(500)
        for record in records {
            let tokens = vocabulary.tokens(of: record)
            #expect(tokens.allSatisfy { (256..<Int32(vocabulary.count)).contains($0) })
            #expect(tokens.map { vocabulary.added[Int($0) - 256] }.joined() == record.text)
        }
    }

    @Test("Our own tokenizer reads tokenizer.json and gives the same ids")
    func ownTokenizer() throws {
        let encoder = try TokenizerEncoder(json: vocabulary.tokenizerJSON())
        #expect(encoder.tokenizerDigest == vocabulary.tokenizerDigest)
        #expect(encoder.died == vocabulary.died && encoder.survived == vocabulary.survived)
        for record in BaseTexts(vocabulary: vocabulary, seed: 1).records(200) {
            #expect(encoder.encode(record) == vocabulary.encode(record))
        }
    }

    @Test(
        "Another model's tokenizer can be used too: the answer is one token at the end",
        .enabled(if: data != nil, "set TRIBUTARY_DATA to the folder of the open demo sets (docs/data.md)"))
    func otherTokenizer() throws {
        let path = "\(try #require(data))/gpt2_tokenizer/tokenizer.json"
        let encoder = try TokenizerEncoder(json: try readFile(path))
        let tokenizer = try Tokenizer(path: path)
        #expect(encoder.died != encoder.survived)
        for record in BaseTexts(vocabulary: vocabulary, seed: 1).records(20) {
            let encoded = encoder.encode(record)
            #expect(encoded.answer == encoded.tokens.count - 1)
            #expect(encoded.tokens.last == (record.died ? encoder.died : encoder.survived))
            let prompt = String(record.prompt.dropFirst(TextRecord.begin.count))
            #expect(try tokenizer.decode(Array(encoded.tokens.dropLast())) == prompt)
        }
    }

    @Test("A tokenizer that cannot tell the answers apart is refused")
    func alike() throws {
        let text = String(decoding: vocabulary.tokenizerJSON(), as: UTF8.self)
        _ = try TokenizerEncoder(json: Array(text.utf8))
        // Without whole tokens both answers begin with the byte of a space.
        let spoiled = text.replacing("\" died\"", with: "\" dead\"").replacing("\" survived\"", with: "\" lived\"")
        #expect(throws: IngestError.answersAlike(" died", " survived")) {
            try TokenizerEncoder(json: Array(spoiled.utf8))
        }
    }

    @Test("The base's texts know no outcome: the coin is fair whatever the record says")
    func fairCoin() throws {
        let records = BaseTexts(vocabulary: vocabulary, seed: 1).records(20_000)
        #expect(abs(Double(records.count(where: \.died)) / 20_000 - 0.5) < 0.015)
        // No bin tells it either: the share of deaths among texts with that bin is a half.
        var seen: [String: (count: Int, died: Int)] = [:]
        for record in records {
            for piece in record.pieces.dropFirst().dropLast(2) {
                seen[piece, default: (0, 0)].count += 1
                if record.died { seen[piece, default: (0, 0)].died += 1 }
            }
        }
        let farthest = seen.values.filter { $0.count > 200 }
            .map { abs(Double($0.died) / Double($0.count) - 0.5) / (0.5 / Double($0.count).squareRoot()) }.max()
        #expect(try #require(farthest) < 4.5)
        #expect(seen.count == vocabulary.added.count - 5)
    }

    @Test("The shard of base texts is one of nobody's cloud, and the same seed makes the same")
    func shard() throws {
        let texts = BaseTexts(vocabulary: vocabulary, seed: 1)
        let shard = try texts.shard(100)
        #expect(shard.count == 100 && shard.cloud == "public")
        #expect(try texts.shard(100) == shard)
        #expect(try BaseTexts(vocabulary: vocabulary, seed: 2).shard(100) != shard)
    }

    /// The model takes minutes to train again, its texts do not: another recipe has to come with another model, and then
    /// with another digest here.
    @Test("The texts are still those that the committed base was trained on")
    func committedBase() throws {
        let shard = try BaseTexts(vocabulary: vocabulary, seed: 1).shard(1000)
        let digest = Digest(of: try shard.encoded()).description
        #expect(digest == "0ebccb040f2d27d02273c05b8420fa25fe22a2743c0f79e8791f1b81e5648922")
    }

    @Test(
        "The reference tokenizers library reads tokenizer.json and gives the same ids",
        .enabled(if: python != nil, "set TRIBUTARY_PYTHON to a Python with the package tokenizers"))
    func reference() throws {
        let folder = try TemporaryFolder()
        let tokenizer = try folder.write("tokenizer.json", vocabulary.tokenizerJSON())
        let records = BaseTexts(vocabulary: vocabulary, seed: 1).records(200)
        let texts = records.map(\.text) + ["age 4, caf\u{E9} \u{1F600}\t\n", " died", "age=4 died", "\u{0} \u{AD}"]
        let input = try folder.write("texts.json", Array(try JSONEncoder().encode(texts)))
        let output = "\(folder.path)/ids.json"
        let script = """
            import json, sys, tokenizers
            t = tokenizers.Tokenizer.from_file(sys.argv[1])
            texts = json.load(open(sys.argv[2]))
            ids = [t.encode(x).ids for x in texts]
            back = [t.decode(i, skip_special_tokens=False) for i in ids]
            json.dump({"ids": ids, "back": back, "size": t.get_vocab_size()}, open(sys.argv[3], "w"))
            """
        let process = Process()
        process.executableURL = URL(filePath: try #require(python))
        process.arguments = ["-c", script, tokenizer, input, output]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        struct Answer: Codable {
            let ids: [[Int32]]
            let back: [String]
            let size: Int
        }
        let answer = try JSONDecoder().decode(Answer.self, from: try Data(contentsOf: URL(filePath: output)))
        #expect(answer.size == vocabulary.count)
        for (index, record) in records.enumerated() {
            #expect(answer.ids[index] == vocabulary.tokens(of: record))
            #expect(answer.back[index] == record.text)
        }
        // Any other text goes by its bytes.
        #expect(answer.back[200] == texts[200])
        #expect(answer.ids[200].count == texts[200].utf8.count)
        #expect(answer.ids[201] == [vocabulary.died])
    }
}
