import Sodium

/// A record as token ids.
package struct EncodedRecord: Sendable, Hashable {
    package let tokens: [Int32]
    /// The index of the token to be predicted.
    package let answer: Int
    package let died: Bool

    package init(tokens: [Int32], answer: Int, died: Bool) {
        self.tokens = tokens
        self.answer = answer
        self.died = died
    }
}

/// Turns records into tokens: the base vocabulary, or any model's own tokenizer.
package protocol RecordEncoder {
    /// 64 hexadecimal digits: BLAKE2b of tokenizer.json.
    var tokenizerDigest: String { get }
    func encode(_ record: TextRecord) throws -> EncodedRecord
}

extension BaseVocabulary: RecordEncoder {
    package var tokenizerDigest: String { digest.description }

    package func encode(_ record: TextRecord) -> EncodedRecord {
        EncodedRecord(tokens: tokens(of: record), answer: record.answer, died: record.died)
    }
}
