package import Sodium

/// The vocabulary of the small public base model: the 256 byte symbols, so that any text can be written, and one whole
/// token for each ` variable=bin`, because a model of this size learns far less from digits (a bin as several tokens cost
/// .10 AUROC when tried).
package struct BaseVocabulary: Sendable {
    /// The end of a text, and padding.
    package static let end = "<eos>"

    package let variables: VariableTable
    /// Every token that is no byte, in the order of their ids from 256 on.
    package let added: [String]
    private let ids: [String: Int32]

    package init(variables: VariableTable) {
        self.variables = variables
        var added = [
            TextRecord.begin, BaseVocabulary.end, TextRecord.question, TextRecord.died, TextRecord.survived,
        ]
        for variable in variables.variables {
            for bin in 0..<variables.binCount { added.append(TextRecord.piece(variable, bin: bin)) }
        }
        self.added = added
        ids = Dictionary(added.enumerated().map { ($1, Int32(256 + $0)) }, uniquingKeysWith: { first, _ in first })
    }

    package var count: Int { 256 + added.count }
    package var begin: Int32 { id(TextRecord.begin) }
    package var end: Int32 { id(BaseVocabulary.end) }
    package var question: Int32 { id(TextRecord.question) }
    package var died: Int32 { id(TextRecord.died) }
    package var survived: Int32 { id(TextRecord.survived) }

    /// One id for each piece.
    package func tokens(of record: TextRecord) -> [Int32] { record.pieces.map(id) }

    package func token(_ variable: Variable, bin: Int) -> Int32 { id(TextRecord.piece(variable, bin: bin)) }

    /// The byte-level model has every byte; a piece that is no token of this table is a programmer's mistake.
    private func id(_ piece: String) -> Int32 {
        guard let id = ids[piece] else { preconditionFailure("\(piece) is not a token of this vocabulary") }
        return id
    }

    /// The bytes of tokenizer.json as the `tokenizers` library reads it: byte-level BPE (GPT-2's byte symbols) without
    /// merges, and the whole tokens as added tokens, matched before the text is split.
    package func tokenizerJSON() -> [UInt8] {
        var text = "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": [\n"
        text += added.enumerated().map { index, token in
            let special = token == TextRecord.begin || token == BaseVocabulary.end
            return "    {\"id\": \(256 + index), \"content\": \"\(token)\", \"single_word\": false, \"lstrip\": false, "
                + "\"rstrip\": false, \"normalized\": false, \"special\": \(special)}"
        }.joined(separator: ",\n")
        text += """

              ],
              "normalizer": null,
              "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
              "post_processor": null,
              "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
              "model": {
                "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                "vocab": {

            """
        text += ByteSymbols.all.enumerated().map { id, symbol in
            "      \"\(symbol == "\"" || symbol == "\\" ? "\\\(symbol)" : String(symbol))\": \(id)"
        }.joined(separator: ",\n")
        text += "\n    },\n    \"merges\": []\n  }\n}\n"
        return Array(text.utf8)
    }

    /// What `transformers` wants beside tokenizer.json.
    package func tokenizerConfigurationJSON() -> [UInt8] {
        Array(
            """
            {
              "tokenizer_class": "PreTrainedTokenizerFast",
              "bos_token": "\(TextRecord.begin)",
              "eos_token": "\(BaseVocabulary.end)",
              "pad_token": "\(BaseVocabulary.end)",
              "clean_up_tokenization_spaces": false
            }

            """.utf8)
    }

    /// Names the tokenizer in shards: BLAKE2b of tokenizer.json.
    package var digest: Digest { Digest(of: tokenizerJSON()) }
}

/// GPT-2's printable stand-ins for bytes (Radford et al. 2019, encoder.py, bytes_to_unicode): printable Latin-1 stands for
/// itself, the other bytes get the characters from U+0100 on. Here in the order of the bytes.
enum ByteSymbols {
    static let all: [Character] = {
        var symbols: [Character] = []
        var next: UInt32 = 256
        for byte in UInt32(0)..<256 {
            let isPrintable = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
            if let scalar = Unicode.Scalar(isPrintable ? byte : next) { symbols.append(Character(scalar)) }
            if !isPrintable { next += 1 }
        }
        return symbols
    }()
}
