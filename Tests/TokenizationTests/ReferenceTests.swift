import Foundation
import Testing
import Tokenization

@Suite(
    "Beside the tokenizers library", .enabled(if: python != nil, "set TRIBUTARY_PYTHON to a python with tokenizers"))
struct ReferenceTests {
    struct Encoded: Decodable {
        let ids: [Int32]
        let text: String
    }

    private func reference(_ tokenizer: String, _ texts: [String]) throws -> [Encoded] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tributary-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer {
            do { try FileManager.default.removeItem(at: folder) } catch {
                print("could not remove \(folder): \(error)")
            }
        }
        let (input, output) = (folder.appendingPathComponent("texts.json"), folder.appendingPathComponent("ids.json"))
        try JSONEncoder().encode(texts).write(to: input)
        try Data().write(to: output)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python ?? "")
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Reference/tokenizers_reference.py")
        process.arguments = [script.path, tokenizer]
        process.standardInput = try FileHandle(forReadingFrom: input)
        process.standardOutput = try FileHandle(forWritingTo: output)
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return try JSONDecoder().decode([Encoded].self, from: Data(contentsOf: output))
    }

    private func compare(_ tokenizer: Tokenizer, _ path: String, _ texts: [String]) throws {
        for (text, expected) in zip(texts, try reference(path, texts)) {
            #expect(tokenizer.encode(text) == expected.ids, "\(text.debugDescription)")
            #expect(try tokenizer.decode(expected.ids) == expected.text, "\(text.debugDescription)")
        }
    }

    @Test(
        "GPT-2's tokenizer gives the same tokens and the same text back",
        .enabled(if: dataFolder != nil, "set TRIBUTARY_DATA to the folder of test data"))
    func gpt2() throws {
        let path = "\(dataFolder ?? "")/gpt2_tokenizer/tokenizer.json"
        try compare(Tokenizer(path: path), path, NastyTexts.all + NastyTexts.random(2000, seed: 42))
    }

    static let variants: [(name: String, tokenizer: SmallTokenizer)] = {
        var prefixed = SmallTokenizer()
        prefixed.preTokenizer = "{\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"trim_offsets\": true}"
        prefixed.postProcessor = SmallTokenizer.template
        var whole = SmallTokenizer()
        whole.preTokenizer =
            "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": false}"
        whole.modelExtras = "\"ignore_merges\": true"
        whole.postProcessor = """
            {"type": "Sequence", "processors": [\(SmallTokenizer.template),
            {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false}]}
            """
        return [("plain", SmallTokenizer()), ("prefix space and template", prefixed), ("no pattern", whole)]
    }()

    @Test("added tokens, prefix space and templates give the same tokens", arguments: variants.map(\.name))
    func small(name: String) throws {
        let tokenizer = try #require(ReferenceTests.variants.first { $0.name == name }).tokenizer
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("tributary-\(UUID().uuidString).json")
        try Data(tokenizer.bytes).write(to: file)
        defer {
            do { try FileManager.default.removeItem(at: file) } catch { print("could not remove \(file): \(error)") }
        }
        let texts = [
            "<s> age=4 age=40 age=400<s>", "hello hello the hello", "a  <left>  b  <right>  c", "<right><left>",
            "<right>  <left>", "<right>   word  age=4",
            "word sword words word_ _word word1 (word) word\u{301} wordé word",
            "late<s>", " late <s> ", "x late<s> y", "née ne\u{301}e née", " \n<left>\u{3000}<right>\u{A0}\u{2028}x",
            "<right> \n age=4", "<right> \n age=4 x", "<right> age=4  <left>", "", " ", "hell'o the'll",
        ]
        try compare(Tokenizer(path: file.path), file.path, texts + NastyTexts.all + NastyTexts.random(300, seed: 9))
    }
}
