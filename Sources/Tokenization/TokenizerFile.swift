import JSONText
import Safetensors

/// What a tokenizer.json says, checked: the settings that are supported here, and no others.
struct TokenizerFile {
    static let maximumByteCount = 128 << 20
    static let maximumTokens = 1 << 22
    static let maximumMerges = 1 << 22
    static let maximumTokenBytes = 1024

    /// By their text in the file: bytes as `ByteAlphabet` writes them.
    private(set) var vocabulary: [String: Int32] = [:]
    private(set) var merges: [(left: String, right: String)] = []
    private(set) var ignoresMerges = false
    private(set) var addedTokens: [AddedToken] = []
    private(set) var addsPrefixSpace = false
    private(set) var splitsByPattern = true
    /// Tokens put before and after every text.
    private(set) var prefix: [Int32] = []
    private(set) var suffix: [Int32] = []

    init(_ bytes: [UInt8]) throws(TokenizationError) {
        guard bytes.count <= TokenizerFile.maximumByteCount else {
            throw .malformed(
                place: "the file", "\(bytes.count) bytes, more than the \(TokenizerFile.maximumByteCount) that are read"
            )
        }
        let root: JSONField
        do throws(JSONError) {
            root = JSONField(try JSON(bytes))
            try root.allow(only: [
                "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
                "decoder", "model",
            ])
            let version = try root.member("version").string()
            guard version == "1.0" else { throw try root.member("version").refused("expected 1.0, found \(version)") }
            // `truncation` and `padding` are about batches, not about tokens; whoever makes batches decides them.
            try readModel(root.member("model"))
            try readAddedTokens(root.optional("added_tokens"))
        } catch {
            throw TokenizerFile.located(error)
        }
        try readSteps(root)
    }

    private static func located(_ error: JSONError) -> TokenizationError {
        switch error.place {
        case .text(let line, let column): .malformed(place: "line \(line), column \(column)", error.reason)
        case .field(let path): .malformed(place: path.isEmpty ? "the file" : path, error.reason)
        }
    }

    // MARK: The model

    private mutating func readModel(_ model: JSONField) throws(JSONError) {
        try model.allow(only: [
            "type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
            "byte_fallback", "ignore_merges", "vocab", "merges",
        ])
        // Old files leave the type out where it is BPE.
        if let type = try model.optional("type"), try type.string() != "BPE" {
            throw type.refused("the model \"\(try type.string())\" is not supported here; expected \"BPE\"")
        }
        if let dropout = try model.optional("dropout"), try dropout.number(in: 0...1) > 0 {
            throw dropout.refused("merges dropped at random are not supported here; expected null")
        }
        if let fallback = try model.optional("byte_fallback"), try fallback.bool() {
            throw fallback.refused(
                "byte fallback is not supported here; expected false (a byte-level model needs none)")
        }
        for name in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let field = try model.optional(name), try !field.string().isEmpty {
                throw field.refused("is not supported here; expected null")
            }
        }
        ignoresMerges = try model.optional("ignore_merges")?.bool() ?? false

        let entries = try model.member("vocab").members()
        guard (1...TokenizerFile.maximumTokens).contains(entries.count) else {
            throw try model.member("vocab").refused(
                "expected 1 to \(TokenizerFile.maximumTokens) tokens, found \(entries.count)")
        }
        var ids: Set<Int32> = []
        for (token, id) in entries {
            let field = JSONField(id, path: "model.vocab[\"\(token.prefix(40))\"]")
            guard token.utf8.count <= TokenizerFile.maximumTokenBytes else {
                throw field.refused("longer than \(TokenizerFile.maximumTokenBytes) bytes")
            }
            let number = Int32(try field.integer(in: 0...TokenizerFile.maximumTokens - 1))
            guard ids.insert(number).inserted else { throw field.refused("id \(number) is used twice") }
            vocabulary[token] = number
        }
        for merge in try model.member("merges").elements(atMost: TokenizerFile.maximumMerges) {
            merges.append(try TokenizerFile.pair(merge))
        }
    }

    /// Both ways of writing a merge: "a b" and ["a", "b"].
    private static func pair(_ merge: JSONField) throws(JSONError) -> (left: String, right: String) {
        if case .string(let text) = merge.value {
            let parts = text.split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw merge.refused("expected two tokens and one space between them") }
            return (String(parts[0]), String(parts[1]))
        }
        let parts = try merge.elements(atMost: 2)
        guard parts.count == 2 else { throw merge.refused("expected two tokens") }
        return (try parts[0].string(), try parts[1].string())
    }

    // MARK: Added tokens

    private mutating func readAddedTokens(_ list: JSONField?) throws(JSONError) {
        guard let list else { return }
        var contents: Set<String> = []
        for field in try list.elements(atMost: TokenizerFile.maximumTokens) {
            try field.allow(only: ["id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"])
            let token = AddedToken(
                id: Int32(try field.member("id").integer(in: 0...TokenizerFile.maximumTokens - 1)),
                content: try field.member("content").string(atMost: TokenizerFile.maximumTokenBytes),
                isSingleWord: try field.optional("single_word")?.bool() ?? false,
                stripsLeft: try field.optional("lstrip")?.bool() ?? false,
                stripsRight: try field.optional("rstrip")?.bool() ?? false,
                isNormalized: try field.optional("normalized")?.bool() ?? true,
                isSpecial: try field.optional("special")?.bool() ?? false)
            guard !token.content.isEmpty else { throw try field.member("content").refused("is empty") }
            guard contents.insert(token.content).inserted else {
                throw try field.member("content").refused("\"\(token.content.prefix(40))\" is added twice")
            }
            addedTokens.append(token)
        }
        // The `tokenizers` library numbers tokens that the vocabulary lacks itself, one after another, whatever the file
        // says; a file that says otherwise means different things to different readers.
        var largest: Int32?
        for token in addedTokens {
            let next = max(Int32(vocabulary.count), largest.map { $0 + 1 } ?? 0)
            let expected = vocabulary[token.content] ?? next
            guard token.id == expected else {
                throw list.refused("\"\(token.content.prefix(40))\" has id \(token.id), expected \(expected)")
            }
            largest = max(largest ?? 0, token.id)
        }
        let ids = Set(vocabulary.values)
        if let clash = addedTokens.first(where: { vocabulary[$0.content] == nil && ids.contains($0.id) }) {
            throw list.refused(
                "\"\(clash.content.prefix(40))\" has id \(clash.id), which model.vocab uses for another token")
        }
    }
}

// MARK: The steps before and after the model

extension TokenizerFile {
    private mutating func readSteps(_ root: JSONField) throws(TokenizationError) {
        do throws(JSONError) {
            if let normalizer = try root.optional("normalizer") {
                throw normalizer.refused("\(try TokenizerFile.name(of: normalizer)); expected null")
            }
            try readPreTokenizer(root.member("pre_tokenizer"))
            try readPostProcessor(root.optional("post_processor"))
            if let decoder = try root.optional("decoder") { try TokenizerFile.requireByteLevel(decoder) }
        } catch {
            guard case .field(let path) = error.place else { throw TokenizerFile.located(error) }
            throw .unsupported(place: path, error.reason)
        }
    }

    private static func name(of field: JSONField) throws(JSONError) -> String {
        "\"\(try field.member("type").string().prefix(40))\""
    }

    private static func requireByteLevel(_ field: JSONField) throws(JSONError) {
        guard try field.member("type").string() == "ByteLevel" else {
            throw field.refused("\(try name(of: field)); expected \"ByteLevel\"")
        }
        try field.allow(only: ["type", "add_prefix_space", "trim_offsets", "use_regex"])
    }

    private mutating func readPreTokenizer(_ field: JSONField) throws(JSONError) {
        guard field.value != .null else { throw field.refused("null; expected \"ByteLevel\"") }
        try TokenizerFile.requireByteLevel(field)
        addsPrefixSpace = try field.member("add_prefix_space").bool()
        splitsByPattern = try field.optional("use_regex")?.bool() ?? true
    }

    private mutating func readPostProcessor(_ field: JSONField?) throws(JSONError) {
        guard let field else { return }
        switch try field.member("type").string() {
        case "ByteLevel": try TokenizerFile.requireByteLevel(field)  // moves offsets, not tokens
        case "TemplateProcessing": try readTemplate(field)
        case "Sequence":
            for step in try field.member("processors").elements(atMost: 8) {
                guard try step.member("type").string() != "Sequence" else {
                    throw step.refused("a \"Sequence\" inside one")
                }
                try readPostProcessor(step)
            }
        default: throw field.refused(try TokenizerFile.name(of: field))
        }
    }

    /// `single`: special tokens, the text once, special tokens.
    private mutating func readTemplate(_ field: JSONField) throws(JSONError) {
        try field.allow(only: ["type", "single", "pair", "special_tokens"])
        guard prefix.isEmpty, suffix.isEmpty else { throw field.refused("a second template") }
        let specials = try field.member("special_tokens")
        var seenText = false
        for piece in try field.member("single").elements(atMost: 64) {
            try piece.allow(only: ["SpecialToken", "Sequence"])
            if let sequence = try piece.optional("Sequence") {
                guard !seenText, try sequence.member("id").string() == "A" else {
                    throw piece.refused("more than the one text A")
                }
                seenText = true
            } else {
                let name = try piece.member("SpecialToken").member("id").string()
                for id in try specials.member(name).member("ids").elements(atMost: 64) {
                    let number = Int32(try id.integer(in: 0...TokenizerFile.maximumTokens - 1))
                    if seenText { suffix.append(number) } else { prefix.append(number) }
                }
            }
        }
        guard seenText else { throw field.refused("a template without the text A") }
    }
}
