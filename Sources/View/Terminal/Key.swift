/// A key that was pressed at a terminal.
package enum Key: Sendable, Equatable {
    case character(Character)
    case up, down, pageUp, pageDown, home, end, enter, escape, interrupt
}

/// Makes keys of the bytes that a terminal in raw mode sends; a sequence may come in several reads.
package struct KeyReader: Sendable {
    private var pending: [UInt8] = []

    package init() {}

    /// Whether an escape byte has come alone: it is the key itself unless more follows soon.
    package var isInEscape: Bool { pending == [0x1B] }

    /// What a lone escape byte was after all.
    package mutating func flush() -> [Key] {
        defer { pending = [] }
        return isInEscape ? [.escape] : []
    }

    package mutating func take(_ bytes: some Sequence<UInt8>) -> [Key] {
        pending += bytes
        var keys: [Key] = []
        while let first = pending.first {
            guard first == 0x1B else {
                pending.removeFirst()
                if let key = KeyReader.single(first) { keys.append(key) }
                continue
            }
            guard pending.count > 1 else { break }
            guard pending[1] == UInt8(ascii: "[") || pending[1] == UInt8(ascii: "O") else {
                pending.removeFirst()
                keys.append(.escape)
                continue
            }
            // ECMA-48: parameters, then one final byte from @ to ~.
            guard let final = pending[2...].firstIndex(where: { (0x40...0x7E).contains($0) }) else {
                if pending.count > 16 { pending = [] }
                break
            }
            if let key = KeyReader.sequence(Array(pending[2...final])) { keys.append(key) }
            pending.removeFirst(final + 1)
        }
        return keys
    }

    private static func single(_ byte: UInt8) -> Key? {
        switch byte {
        case 3, 4: .interrupt
        case 10, 13: .enter
        case 14: .down  // Ctrl-N
        case 16: .up  // Ctrl-P
        case 32...126: .character(Character(Unicode.Scalar(byte)))
        default: nil
        }
    }

    private static func sequence(_ bytes: [UInt8]) -> Key? {
        switch String(decoding: bytes, as: UTF8.self) {
        case "A": .up
        case "B": .down
        case "H", "1~", "7~": .home
        case "F", "4~", "8~": .end
        case "5~": .pageUp
        case "6~": .pageDown
        default: nil
        }
    }
}
