import Safetensors

/// Tokenised records of one cloud and one split, as ingest hands them to local-train: a safetensors file of `tokens` I32
/// [total], `offsets` I64 [examples + 1], `answer` I32 [examples] and `label` I32 [examples], with the split, the
/// tokenizer's digest and the cloud in its metadata; where it is known whose records they are also `patient` I32 [examples].
/// Valid by construction.
package struct TokenShard: Hashable, Sendable {
    package enum Split: String, Hashable, Sendable, CaseIterable {
        case train, validation, test
    }

    package static let maximumTokens = 1 << 28
    package static let maximumExamples = 1 << 24
    package static let maximumExampleLength = 1 << 16
    package static let maximumByteCount = 3 << 30

    /// All examples, one after another.
    package let tokens: [Int32]
    /// Where each example begins in `tokens`, and at last their number.
    package let offsets: [Int64]
    /// The index, inside each example, of the token that is to be predicted: at least 1.
    package let answer: [Int32]
    /// 1 where the answer is the event (died), else 0.
    package let label: [Int32]
    /// For each example a number that its patient alone has in this shard, from 0; nil where nobody knows.
    package let patient: [Int32]?
    package let split: Split
    /// The digest of the tokenizer.json that made the tokens: 64 hexadecimal digits.
    package let tokenizer: String
    package let cloud: String

    package init(
        tokens: [Int32], offsets: [Int64], answer: [Int32], label: [Int32], patient: [Int32]? = nil, split: Split,
        tokenizer: String, cloud: String
    ) throws(TokenizationError) {
        self.patient = patient
        self.tokens = tokens
        self.offsets = offsets
        self.answer = answer
        self.label = label
        self.split = split
        self.tokenizer = tokenizer
        self.cloud = cloud
        try validate()
    }

    /// One list of tokens for each example.
    package init(
        examples: [[Int32]], answer: [Int32], label: [Int32], patient: [Int32]? = nil, split: Split, tokenizer: String,
        cloud: String
    ) throws(TokenizationError) {
        var offsets: [Int64] = [0]
        for example in examples { offsets.append((offsets.last ?? 0) + Int64(example.count)) }
        try self.init(
            tokens: examples.flatMap { $0 }, offsets: offsets, answer: answer, label: label, patient: patient,
            split: split, tokenizer: tokenizer, cloud: cloud)
    }

    /// The number of examples.
    package var count: Int { answer.count }

    package func range(of example: Int) -> Range<Int> { Int(offsets[example])..<Int(offsets[example + 1]) }

    package func length(of example: Int) -> Int { range(of: example).count }
}

extension TokenShard {
    private func validate() throws(TokenizationError) {
        guard (1...TokenShard.maximumExamples).contains(answer.count) else {
            throw .invalidShard("expected 1 to \(TokenShard.maximumExamples) examples, found \(answer.count)")
        }
        guard offsets.count == count + 1, label.count == count else {
            throw .invalidShard(
                "\(count) answers need \(count + 1) offsets and \(count) labels, found \(offsets.count) and "
                    + "\(label.count)")
        }
        if let patient {
            guard patient.count == count, patient.allSatisfy({ (0..<count).contains(Int($0)) }) else {
                throw .invalidShard(
                    "expected a patient's number, from 0 and below \(count), for each of \(count) examples")
            }
        }
        guard tokens.count <= TokenShard.maximumTokens else {
            throw .invalidShard("expected at most \(TokenShard.maximumTokens) tokens, found \(tokens.count)")
        }
        guard offsets.first == 0, offsets.last == Int64(tokens.count) else {
            throw .invalidShard("the offsets do not run from 0 to the number of tokens, \(tokens.count)")
        }
        for example in 0..<count {
            let (begin, end) = (offsets[example], offsets[example + 1])
            guard begin >= 0, end >= begin, end <= Int64(tokens.count),
                (2...TokenShard.maximumExampleLength).contains(Int(end - begin))
            else {
                throw .invalidShard(
                    "example \(example) lies at \(begin)..<\(end): expected 2 to \(TokenShard.maximumExampleLength) tokens"
                )
            }
            guard answer[example] >= 1, Int64(answer[example]) < end - begin else {
                throw .invalidShard(
                    "example \(example): its answer is at \(answer[example]), expected 1 to \(end - begin - 1)")
            }
            guard label[example] == 0 || label[example] == 1 else {
                throw .invalidShard("example \(example): expected label 0 or 1, found \(label[example])")
            }
        }
        guard tokens.allSatisfy({ $0 >= 0 }) else { throw .invalidShard("a negative token") }
        let digits = tokenizer.utf8.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
        }
        guard digits, tokenizer.utf8.count == 64 else {
            throw .invalidShard("the tokenizer's digest is not 64 hexadecimal digits")
        }
        guard !cloud.isEmpty, cloud.utf8.count <= 64 else {
            throw .invalidShard("the name of the cloud is not 1 to 64 bytes long")
        }
    }
}

// MARK: The file

extension TokenShard {
    private static let tensorNames: Set<String> = ["tokens", "offsets", "answer", "label"]
    private static let metadataNames: Set<String> = ["split", "tokenizer", "cloud"]

    package init(path: String) throws(TokenizationError) {
        let file: SafetensorsFile
        do {
            file = try SafetensorsFile(path: path)
        } catch {
            throw .file(error)
        }
        try self.init(file)
    }

    package init(bytes: [UInt8]) throws(TokenizationError) {
        guard bytes.count <= TokenShard.maximumByteCount else {
            throw .invalidShard("\(bytes.count) bytes, more than the \(TokenShard.maximumByteCount) that are read here")
        }
        let file: SafetensorsFile
        do {
            file = try SafetensorsFile(bytes: bytes)
        } catch {
            throw .file(error)
        }
        try self.init(file)
    }

    private init(_ file: SafetensorsFile) throws(TokenizationError) {
        let knowsPatients = file.tensors["patient"] != nil
        try TokenShard.match(
            Set(file.tensors.keys), knowsPatients ? TokenShard.tensorNames.union(["patient"]) : TokenShard.tensorNames,
            "tensors")
        try TokenShard.match(Set(file.metadata.keys), TokenShard.metadataNames, "metadata")
        for entry in file.tensors.values {
            guard entry.shape.count == 1 else {
                throw .invalidShard("\(entry.name): expected one dimension, found shape \(entry.shape)")
            }
            guard entry.count <= TokenShard.maximumTokens else {
                throw .invalidShard(
                    "\(entry.name): expected at most \(TokenShard.maximumTokens) elements, found \(entry.count)")
            }
        }
        guard let split = file.metadata["split"].flatMap(Split.init(rawValue:)) else {
            throw .invalidShard("split: expected \(Split.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let columns: (tokens: [Int32], offsets: [Int64], answer: [Int32], label: [Int32], patient: [Int32]?)
        do {
            columns = (
                try file.integers("tokens", as: Int32.self), try file.integers("offsets", as: Int64.self),
                try file.integers("answer", as: Int32.self), try file.integers("label", as: Int32.self),
                knowsPatients ? try file.integers("patient", as: Int32.self) : nil
            )
        } catch {
            throw .file(error)
        }
        try self.init(
            tokens: columns.tokens, offsets: columns.offsets, answer: columns.answer, label: columns.label,
            patient: columns.patient, split: split,
            tokenizer: file.metadata["tokenizer"] ?? "", cloud: file.metadata["cloud"] ?? "")
    }

    private static func match(
        _ found: Set<String>, _ expected: Set<String>, _ what: String
    ) throws(TokenizationError) {
        guard found == expected else {
            throw .invalidShard(
                "\(what): expected \(expected.sorted().joined(separator: ", ")), found "
                    + "\(found.sorted().prefix(8).map { String($0.prefix(64)) }.joined(separator: ", "))")
        }
    }

    /// The bytes of the file; the same shard gives the same bytes.
    package func encoded() throws(TokenizationError) -> [UInt8] {
        do {
            return try SafetensorsWriter.encode(contents, metadata: metadata)
        } catch {
            throw .file(error)
        }
    }

    /// Writes a file so that a crash leaves the old one or the new one.
    package func write(to path: String) throws(TokenizationError) {
        do {
            try SafetensorsWriter.write(contents, metadata: metadata, to: path)
        } catch {
            throw .file(error)
        }
    }

    private var contents: [TensorContents] {
        [
            TensorContents(name: "tokens", shape: [tokens.count], integers: tokens),
            TensorContents(name: "offsets", shape: [offsets.count], integers: offsets),
            TensorContents(name: "answer", shape: [answer.count], integers: answer),
            TensorContents(name: "label", shape: [label.count], integers: label),
        ] + (patient.map { [TensorContents(name: "patient", shape: [$0.count], integers: $0)] } ?? [])
    }

    private var metadata: [String: String] { ["split": split.rawValue, "tokenizer": tokenizer, "cloud": cloud] }
}
