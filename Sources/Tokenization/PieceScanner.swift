/// Cuts a text into the pieces that byte-pair merges may not cross: GPT-2's pattern
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// written out by hand, since a regular-expression library would cost more than everything else here.
struct PieceScanner {
    private enum Kind {
        case letter, number, space, other
    }

    private let scalars: [(kind: Kind, scalar: Unicode.Scalar)]
    /// The offset of each scalar in UTF-8, and at last the length.
    private let offsets: [Int]

    init(_ text: Substring.UnicodeScalarView) {
        var scalars: [(Kind, Unicode.Scalar)] = []
        var offsets = [0]
        var offset = 0
        for scalar in text {
            scalars.append((PieceScanner.kind(scalar), scalar))
            offset += UTF8.width(scalar)
            offsets.append(offset)
        }
        self.scalars = scalars
        self.offsets = offsets
    }

    /// The pieces as ranges of UTF-8 offsets; together they are the whole text.
    func pieces() -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        var begin = 0
        while begin < scalars.count {
            let end = end(of: begin)
            pieces.append(offsets[begin]..<offsets[end])
            begin = end
        }
        return pieces
    }

    private func end(of begin: Int) -> Int {
        if let end = contraction(at: begin) { return end }
        // One space goes with the run that follows it.
        let isSpace = scalars[begin].scalar == " "
        let first = isSpace ? begin + 1 : begin
        if first < scalars.count, scalars[first].kind != .space { return run(of: scalars[first].kind, from: first) }
        let end = run(of: .space, from: begin)
        // `\s+(?!\S)` leaves the last space of a run to the piece after it, where there is one.
        return end < scalars.count && end - begin > 1 ? end - 1 : end
    }

    private func run(of kind: Kind, from begin: Int) -> Int {
        var end = begin
        while end < scalars.count, scalars[end].kind == kind { end += 1 }
        return end
    }

    private func contraction(at begin: Int) -> Int? {
        guard scalars[begin].scalar == "'", begin + 1 < scalars.count else { return nil }
        switch scalars[begin + 1].scalar {
        case "s", "t", "m", "d": return begin + 2
        case "r", "v":
            guard begin + 2 < scalars.count, scalars[begin + 2].scalar == "e" else { return nil }
            return begin + 3
        case "l":
            guard begin + 2 < scalars.count, scalars[begin + 2].scalar == "l" else { return nil }
            return begin + 3
        default: return nil
        }
    }

    private static func kind(_ scalar: Unicode.Scalar) -> Kind {
        if scalar.isASCII {
            switch UInt8(ascii: scalar) {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): return .letter
            case UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
            case 9...13, 32: return .space
            default: return .other
            }
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
        case .decimalNumber, .letterNumber, .otherNumber: return .number
        default: return scalar.properties.isWhitespace ? .space : .other
        }
    }
}
