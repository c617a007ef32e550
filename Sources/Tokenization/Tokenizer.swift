import Safetensors

/// A byte-level BPE tokenizer (Radford et al. 2019) as Hugging Face's tokenizer.json describes it. It gives the tokens that
/// the `tokenizers` library gives; a file that asks for another kind of step is refused, and the step named. `truncation`
/// and `padding` are not applied.
package struct Tokenizer: Sendable {
    private let model: Model
    private let notNormalized: AddedTokenFinder
    private let normalized: AddedTokenFinder
    private let addsPrefixSpace: Bool
    private let splitsByPattern: Bool
    private let prefix: [Int32]
    private let suffix: [Int32]
    private let addedIDs: [String: Int32]
    private let specialIDs: Set<Int32>
    /// The bytes of each token; nil for an id that is not used.
    private let bytes: [[UInt8]?]

    /// One more than the largest id.
    package var vocabularyCount: Int { bytes.count }

    package init(path: String) throws(TokenizationError) {
        let bytes: [UInt8]
        do {
            bytes = try DurableFile.read(path, limit: TokenizerFile.maximumByteCount)
        } catch {
            throw .file(error)
        }
        try self.init(json: bytes)
    }

    /// Reads the bytes of a tokenizer.json.
    package init(json: [UInt8]) throws(TokenizationError) {
        let file = try TokenizerFile(json)
        model = try Model(file)
        notNormalized = AddedTokenFinder(file.addedTokens.filter { !$0.isNormalized })
        normalized = AddedTokenFinder(file.addedTokens.filter { $0.isNormalized })
        addsPrefixSpace = file.addsPrefixSpace
        splitsByPattern = file.splitsByPattern
        prefix = file.prefix
        suffix = file.suffix
        addedIDs = Dictionary(file.addedTokens.map { ($0.content, $0.id) }, uniquingKeysWith: { first, _ in first })
        specialIDs = Set(file.addedTokens.filter(\.isSpecial).map(\.id))

        let texts = Array(file.vocabulary) + file.addedTokens.map { (key: $0.content, value: $0.id) }
        let largest = texts.map(\.value).max() ?? 0
        var bytes = [[UInt8]?](repeating: nil, count: Int(largest) + 1)
        // A token with a character outside the alphabet stands for its own text.
        for (text, id) in texts { bytes[Int(id)] = ByteAlphabet.bytes(of: text) ?? Array(text.utf8) }
        self.bytes = bytes
        for id in prefix + suffix where !(0..<bytes.count).contains(Int(id)) || bytes[Int(id)] == nil {
            throw .malformed(place: "post_processor", "token \(id) is not in the vocabulary")
        }
    }

    /// The tokens of `text`; `addingSpecialTokens` puts those of the template around it.
    package func encode(_ text: String, addingSpecialTokens: Bool = true) -> [Int32] {
        var tokens: [Int32] = addingSpecialTokens ? prefix : []
        for part in notNormalized.split(text[...]) {
            guard case .text(let rest) = part else {
                if case .token(let id) = part { tokens.append(id) }
                continue
            }
            for part in normalized.split(rest) {
                switch part {
                case .token(let id): tokens.append(id)
                case .text(let plain): append(plain, to: &tokens)
                }
            }
        }
        if addingSpecialTokens { tokens += suffix }
        return tokens
    }

    private func append(_ text: Substring, to tokens: inout [Int32]) {
        let spaced = addsPrefixSpace && text.utf8.first != UInt8(ascii: " ") ? " " + text : text
        let bytes = Array(spaced.utf8)
        guard splitsByPattern else {
            model.append(bytes[...], to: &tokens)
            return
        }
        for piece in PieceScanner(spaced.unicodeScalars).pieces() { model.append(bytes[piece], to: &tokens) }
    }

    /// The text of `tokens`. Bytes that are no UTF-8 together become U+FFFD.
    package func decode(
        _ tokens: [Int32], skippingSpecialTokens: Bool = false
    ) throws(TokenizationError) -> String {
        var text: [UInt8] = []
        for token in tokens {
            guard (0..<bytes.count).contains(Int(token)), let bytes = bytes[Int(token)] else {
                throw .unknownToken(id: Int(token), vocabulary: vocabularyCount)
            }
            if skippingSpecialTokens, specialIDs.contains(token) { continue }
            text += bytes
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The one token whose text is `text`, if there is one.
    package func token(_ text: String) -> Int32? { addedIDs[text] ?? model.token(Array(text.utf8)) }
}

extension Tokenizer {
    /// Vocabulary and merges over bytes.
    private struct Model: Sendable {
        private let ids: [[UInt8]: Int32]
        /// The token of each single byte.
        private let byteIDs: [Int32]
        private let merges: BytePairMerges
        private let ignoresMerges: Bool

        init(_ file: TokenizerFile) throws(TokenizationError) {
            var ids: [[UInt8]: Int32] = [:]
            for (text, id) in file.vocabulary {
                if let bytes = ByteAlphabet.bytes(of: text) { ids[bytes] = id }
            }
            var byteIDs: [Int32] = []
            for byte in UInt8.min...UInt8.max {
                guard let id = ids[[byte]] else {
                    throw .unsupported(
                        place: "model.vocab",
                        "a vocabulary without the byte \(byte) (written \"\(ByteAlphabet.scalars[Int(byte)])\")")
                }
                byteIDs.append(id)
            }
            var merges = BytePairMerges()
            for (rank, merge) in file.merges.enumerated() {
                let place = "model.merges[\(rank)]"
                guard let left = file.vocabulary[merge.left], let right = file.vocabulary[merge.right],
                    let result = file.vocabulary[merge.left + merge.right]
                else { throw .malformed(place: place, "joins tokens, or makes one, that model.vocab does not have") }
                guard merges.add(left, right, rank: Int32(rank), result: result) else {
                    throw .malformed(place: place, "the same two tokens are joined before")
                }
            }
            self.ids = ids
            self.byteIDs = byteIDs
            self.merges = merges
            ignoresMerges = file.ignoresMerges
        }

        func token(_ bytes: [UInt8]) -> Int32? { ids[bytes] }

        func append(_ piece: ArraySlice<UInt8>, to tokens: inout [Int32]) {
            if ignoresMerges, let whole = ids[Array(piece)] {
                tokens.append(whole)
            } else {
                tokens += merges.apply(to: piece.map { byteIDs[Int($0)] })
            }
        }
    }
}
