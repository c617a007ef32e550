package import Safetensors

/// Why a tokenizer or a token shard was refused. Never carries a record's text.
package enum TokenizationError: Error, Equatable, CustomStringConvertible {
    /// The file itself could not be read or written.
    case file(SafetensorsError)
    /// A tokenizer.json that is not what its format says; `place` is the field, as a path.
    case malformed(place: String, String)
    /// A tokenizer.json that asks for something that is not done here.
    case unsupported(place: String, String)
    /// A token id outside the vocabulary was to be decoded.
    case unknownToken(id: Int, vocabulary: Int)
    case invalidShard(String)

    package var description: String {
        switch self {
        case .file(let error): error.description
        case .malformed(let place, let reason): "tokenizer.json, \(place): \(reason)"
        case .unsupported(let place, let reason): "tokenizer.json, \(place): \(reason) is not supported here"
        case .unknownToken(let id, let vocabulary):
            "token \(id) is not in the vocabulary (\(vocabulary) tokens, counted from 0)"
        case .invalidShard(let reason): "invalid token shard: \(reason)"
        }
    }
}
