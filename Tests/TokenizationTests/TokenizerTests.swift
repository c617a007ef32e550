import Testing
import Tokenization

@Suite("Tokenizer")
struct TokenizerTests {
    @Test("decoding gives every text back", arguments: NastyTexts.all)
    func roundTrip(text: String) throws {
        let tokenizer = try Tokenizer(json: SmallTokenizer().bytes)
        // Tokens that take white space in lose it: none is in these texts.
        #expect(try tokenizer.decode(tokenizer.encode(text)).unicodeScalars.elementsEqual(text.unicodeScalars))
    }

    @Test("merges go by rank, then from the left")
    func merges() throws {
        let tokenizer = try Tokenizer(json: SmallTokenizer().bytes)
        #expect(tokenizer.encode("hello") == [259])
        #expect(tokenizer.encode("hello hello") == [259, 260])
        #expect(tokenizer.encode("helo") == [256, 108, 111])
        #expect(tokenizer.encode("lll") == [257, 108])
        #expect(tokenizer.encode(" the") == [32, 116, 256])
    }

    @Test("added tokens stand whole, the longest first; specials can be skipped")
    func added() throws {
        var file = SmallTokenizer()
        file.postProcessor = SmallTokenizer.template
        let tokenizer = try Tokenizer(json: file.bytes)
        #expect(tokenizer.encode(" age=40 age=4") == [264, 266, 265])
        #expect(tokenizer.encode(" age=4", addingSpecialTokens: false) == [265])
        #expect(try tokenizer.decode([264, 265], skippingSpecialTokens: true) == " age=4")
        #expect(tokenizer.token(" age=40") == 266)
        #expect(tokenizer.token("hello") == 259)
        #expect(tokenizer.token("bye") == nil)
        #expect(tokenizer.vocabularyCount == 272)
    }

    @Test("a word of a million letters is merged in reasonable time")
    func longWord() throws {
        let tokenizer = try Tokenizer(json: SmallTokenizer().bytes)
        #expect(tokenizer.encode(String(repeating: "l", count: 1_000_001)).count == 500_001)
    }

    @Test("an id outside the vocabulary is refused")
    func unknownID() throws {
        let tokenizer = try Tokenizer(json: SmallTokenizer().bytes)
        #expect(try tokenizer.decode([270]) == "late<s>")
        #expect(throws: TokenizationError.unknownToken(id: 272, vocabulary: 272)) { try tokenizer.decode([272]) }
        #expect(throws: TokenizationError.unknownToken(id: -1, vocabulary: 272)) { try tokenizer.decode([-1]) }
    }

    @Test(
        "GPT-2's tokenizer gives the tokens written down here",
        .enabled(if: dataFolder != nil, "set TRIBUTARY_DATA to the folder of test data"))
    func golden() throws {
        let tokenizer = try Tokenizer(path: "\(dataFolder ?? "")/gpt2_tokenizer/tokenizer.json")
        for (text, tokens) in GoldenTokens.gpt2 {
            #expect(tokenizer.encode(text) == tokens, "\(text.debugDescription)")
        }
    }

    struct Spoiled: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// What the refusal must name.
        let names: String
        let spoil: @Sendable (inout SmallTokenizer) -> Void
    }

    static let spoiled = [
        Spoiled(testDescription: "a normalizer", names: "NFKC") { $0.normalizer = "{\"type\": \"NFKC\"}" },
        Spoiled(testDescription: "no pre-tokenizer", names: "pre_tokenizer") { $0.preTokenizer = "null" },
        Spoiled(testDescription: "another pre-tokenizer", names: "Metaspace") {
            $0.preTokenizer = "{\"type\": \"Metaspace\", \"replacement\": \"_\"}"
        },
        Spoiled(testDescription: "another post-processor", names: "BertProcessing") {
            $0.postProcessor = "{\"type\": \"BertProcessing\", \"sep\": [\"a\", 1], \"cls\": [\"b\", 2]}"
        },
        Spoiled(testDescription: "another decoder", names: "WordPiece") { $0.decoder = "{\"type\": \"WordPiece\"}" },
        Spoiled(testDescription: "byte fallback", names: "model.byte_fallback") {
            $0.modelExtras = "\"byte_fallback\": true"
        },
        Spoiled(testDescription: "an unknown key", names: "surprise") { $0.modelExtras = "\"surprise\": 1" },
        Spoiled(testDescription: "a vocabulary without a byte", names: "the byte 32") {
            ($0.leftOut, $0.addedTokens, $0.postProcessor) = ([32], "", "null")
        },
        Spoiled(testDescription: "a merge twice", names: "model.merges[8]") { $0.repeatedMerges = [("h", "e")] },
        Spoiled(testDescription: "an added token with another's id", names: "expected 264") {
            $0.addedTokens = "{\"id\": 7, \"content\": \"<x>\", \"special\": true}"
        },
        Spoiled(testDescription: "an added token whose id leaves a gap", names: "expected 264") {
            $0.addedTokens = "{\"id\": 300, \"content\": \"<x>\", \"special\": true}"
        },
        Spoiled(testDescription: "an added token twice", names: "added twice") {
            $0.addedTokens += ", {\"id\": 272, \"content\": \"<s>\"}"
        },
        Spoiled(testDescription: "an empty added token", names: "is empty") {
            $0.addedTokens += ", {\"id\": 272, \"content\": \"\"}"
        },
        Spoiled(testDescription: "a template with an unknown token", names: "special_tokens") {
            $0.postProcessor = SmallTokenizer.template.replacing(
                "\"special_tokens\": {\"<s>\"", with: "\"special_tokens\": {\"<t>\"")
        },
        Spoiled(testDescription: "a template with an id out of the vocabulary", names: "token 9999") {
            $0.postProcessor = SmallTokenizer.template.replacing("\"ids\": [264]", with: "\"ids\": [9999]")
        },
    ]

    @Test("a tokenizer.json that is not supported is refused, and the thing named", arguments: spoiled)
    func refused(spoiled: Spoiled) throws {
        var file = SmallTokenizer()
        file.postProcessor = SmallTokenizer.template
        _ = try Tokenizer(json: file.bytes)
        spoiled.spoil(&file)
        do {
            _ = try Tokenizer(json: file.bytes)
            Issue.record("it was accepted")
        } catch {
            #expect(error.description.contains(spoiled.names), "\(error)")
        }
    }

    @Test("a tokenizer.json cut short is refused, and the line named")
    func cutShort() throws {
        let bytes = SmallTokenizer().bytes
        _ = try Tokenizer(json: bytes)
        do {
            _ = try Tokenizer(json: Array(bytes.dropLast(40)))
            Issue.record("it was accepted")
        } catch {
            #expect(error.description.contains("line "), "\(error)")
        }
    }
}
