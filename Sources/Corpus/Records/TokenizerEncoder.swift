import Sodium
import Tokenization

/// Encodes records with any model's own tokenizer.json.
///
/// The answer is one token: the first of ` died` or ` survived`. A tokenizer that begins both alike cannot be used.
package struct TokenizerEncoder: RecordEncoder {
    private let tokenizer: Tokenizer
    package let tokenizerDigest: String
    package let died: Int32
    package let survived: Int32

    /// `json`: the bytes of tokenizer.json.
    package init(json: [UInt8]) throws {
        let tokenizer = try Tokenizer(json: json)
        self.tokenizer = tokenizer
        tokenizerDigest = Digest(of: json).description
        let answers = [TextRecord.died, TextRecord.survived]
            .map { tokenizer.encode($0, addingSpecialTokens: false).first }
        guard let died = answers[0], let survived = answers[1], died != survived else {
            throw IngestError.answersAlike(TextRecord.died, TextRecord.survived)
        }
        self.died = died
        self.survived = survived
    }

    /// A tokenizer without `<bos>` puts its own first token, if its template has one.
    package func encode(_ record: TextRecord) -> EncodedRecord {
        var tokens: [Int32]
        if let begin = tokenizer.token(TextRecord.begin) {
            tokens = [begin] + tokenizer.encode(record.prompt(from: 1), addingSpecialTokens: false)
        } else {
            tokens = tokenizer.encode(record.prompt(from: 1))
        }
        let answer = tokens.count
        tokens.append(record.died ? died : survived)
        return EncodedRecord(tokens: tokens, answer: answer, died: record.died)
    }
}

extension TextRecord {
    /// The prompt without its first pieces.
    fileprivate func prompt(from first: Int) -> String { pieces[first..<answer].joined() }
}
