import Foundation

/// A small byte-level tokenizer.json, with the parts that a test wants otherwise.
struct SmallTokenizer {
    var merges = [
        ("h", "e"), ("l", "l"), ("he", "ll"), ("hell", "o"), ("Ġ", "hello"), ("t", "h"), ("th", "e"), ("Ġ", "the"),
    ]
    var addedTokens = """
        {"id": 264, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
        {"id": 265, "content": " age=4", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": false},
        {"id": 266, "content": " age=40", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": false},
        {"id": 267, "content": "<left>", "single_word": false, "lstrip": true, "rstrip": false, "normalized": false, "special": false},
        {"id": 268, "content": "<right>", "single_word": false, "lstrip": false, "rstrip": true, "normalized": false, "special": false},
        {"id": 269, "content": "word", "single_word": true, "lstrip": false, "rstrip": false, "normalized": false, "special": false},
        {"id": 270, "content": "late<s>", "single_word": false, "lstrip": true, "rstrip": true, "normalized": true, "special": false},
        {"id": 271, "content": "née", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false}
        """
    var normalizer = "null"
    var preTokenizer =
        "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true}"
    var postProcessor = "null"
    var decoder = "{\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"trim_offsets\": true, \"use_regex\": true}"
    var modelExtras = "\"byte_fallback\": false"
    var leftOut: Set<UInt8> = []
    /// Merges that make no token of their own.
    var repeatedMerges: [(String, String)] = []

    static let template = """
        {"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [264], "tokens": ["<s>"]}}}
        """

    var json: String {
        var next: UInt32 = 256
        var vocabulary: [String] = []
        for byte in UInt32(0)..<256 {
            let isPrintable = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
            let scalar = Unicode.Scalar(isPrintable ? byte : next) ?? " "
            if !isPrintable { next += 1 }
            guard !leftOut.contains(UInt8(byte)) else { continue }
            let quoted = scalar == "\"" || scalar == "\\" ? "\\\(scalar)" : "\(scalar)"
            vocabulary.append("\"\(quoted)\": \(byte)")
        }
        for (index, merge) in merges.enumerated() { vocabulary.append("\"\(merge.0)\(merge.1)\": \(256 + index)") }
        let pairs = (merges + repeatedMerges).map { "\"\($0.0) \($0.1)\"" }.joined(separator: ", ")
        return """
            {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [\(addedTokens)],
            "normalizer": \(normalizer), "pre_tokenizer": \(preTokenizer), "post_processor": \(postProcessor),
            "decoder": \(decoder), "model": {"type": "BPE", "dropout": null, "unk_token": null,
            "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false, \(modelExtras),
            "vocab": {\(vocabulary.joined(separator: ", "))}, "merges": [\(pairs)]}}
            """
    }

    var bytes: [UInt8] { Array(json.utf8) }
}

let dataFolder = ProcessInfo.processInfo.environment["TRIBUTARY_DATA"]
let python = ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"]
