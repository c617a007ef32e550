package import JSONText

/// What is looked for in what collectors have written down.
extension JSON {
    /// Of a number, or of a text that is one.
    package var whole: Int? {
        switch self {
        case .integer(let number): number
        case .string(let text): Int(text)
        default: nil
        }
    }

    package var members: [String: JSON] {
        if case .object(let members) = self { members } else { [:] }
    }

    package var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    package var elements: [JSON] {
        if case .array(let elements) = self { elements } else { [] }
    }
}
