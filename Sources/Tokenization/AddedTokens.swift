/// A token that stands in the text as it is, found before anything else is done to the text.
package struct AddedToken: Hashable, Sendable {
    package let id: Int32
    package let content: String
    /// Only where no letter, digit or underscore adjoins it.
    package let isSingleWord: Bool
    /// Takes the white space before it in.
    package let stripsLeft: Bool
    /// Takes the white space after it in.
    package let stripsRight: Bool
    /// Looked for after the others, in what they leave.
    package let isNormalized: Bool
    package let isSpecial: Bool
}

/// Finds added tokens as the `tokenizers` library does: leftmost first, the longest of those that begin there.
struct AddedTokenFinder: Sendable {
    /// A tree over UTF-8; node 0 is the root.
    private struct Node: Sendable {
        var children: [UInt8: Int] = [:]
        var token: Int?
    }

    private var nodes = [Node()]
    private let tokens: [AddedToken]

    init(_ tokens: [AddedToken]) {
        self.tokens = tokens
        for (index, token) in tokens.enumerated() {
            var node = 0
            for byte in token.content.utf8 {
                if let child = nodes[node].children[byte] {
                    node = child
                } else {
                    nodes.append(Node())
                    nodes[node].children[byte] = nodes.count - 1
                    node = nodes.count - 1
                }
            }
            nodes[node].token = index
        }
    }

    enum Part {
        case token(Int32)
        case text(Substring)
    }

    /// The text in order, its added tokens taken out.
    func split(_ text: Substring) -> [Part] {
        guard !tokens.isEmpty else { return text.isEmpty ? [] : [.text(text)] }
        let utf8 = text.utf8
        var parts: [Part] = []
        var done = text.startIndex
        var position = text.startIndex
        while position < text.endIndex {
            guard let (token, end) = match(utf8, at: position) else {
                utf8.formIndex(after: &position)
                continue
            }
            var (first, last) = (position, end)
            position = end
            if token.isSingleWord,
                isWord(text[..<first].unicodeScalars.last) || isWord(text[last...].unicodeScalars.first)
            {
                continue
            }
            if token.stripsLeft {
                let scalars = text.unicodeScalars
                while first > done, scalars[scalars.index(before: first)].properties.isWhitespace {
                    first = scalars.index(before: first)
                }
            }
            if token.stripsRight {
                let scalars = text.unicodeScalars
                while last < text.endIndex, scalars[last].properties.isWhitespace { last = scalars.index(after: last) }
            }
            if done < first { parts.append(.text(text[done..<first])) }
            parts.append(.token(token.id))
            // The search goes on after the token itself: another may begin inside the white space that was stripped.
            done = last
        }
        if done < text.endIndex { parts.append(.text(text[done...])) }
        return parts
    }

    private func match(_ utf8: Substring.UTF8View, at begin: String.Index) -> (AddedToken, String.Index)? {
        var node = 0
        var position = begin
        var longest: (AddedToken, String.Index)?
        while position < utf8.endIndex, let child = nodes[node].children[utf8[position]] {
            node = child
            utf8.formIndex(after: &position)
            if let token = nodes[node].token { longest = (tokens[token], position) }
        }
        return longest
    }

    /// What a regular expression calls `\w` (Unicode TR 18, annex C).
    private func isWord(_ scalar: Unicode.Scalar?) -> Bool {
        guard let properties = scalar?.properties else { return false }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return properties.isAlphabetic || properties.isJoinControl
        }
    }
}
