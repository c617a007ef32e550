/// How events' parts are written as text, straight into the bytes that are sent.
extension [UInt8] {
    mutating func append(decimal number: UInt64) {
        guard number >= 10 else { return append(UInt8(ascii: "0") + UInt8(number)) }
        let start = count
        var rest = number
        while rest > 0 {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            append(UInt8(ascii: "0") + UInt8(digit))
            rest = quotient
        }
        self[start...].reverse()
    }

    mutating func append(decimal number: Int) {
        if number < 0 { append(UInt8(ascii: "-")) }
        append(decimal: UInt64(number.magnitude))
    }

    /// As a person reads it; equal to `EventValue.shown`.
    mutating func append(shown value: EventValue) {
        switch value {
        case .text(let text): self += text.utf8
        case .number(let number): append(decimal: number)
        case .real(let number): self += number.description.utf8
        case .flag(let flag): self += (flag ? "true" : "false").utf8
        case .list(let values):
            for (index, value) in values.enumerated() {
                if index > 0 { self += ", ".utf8 }
                append(shown: value)
            }
        }
    }

    /// Name and fields on one line for people, without what a terminal would obey.
    ///
    /// - Parameter maximum: a field's value is cut to so many characters where it has more bytes.
    mutating func append(summaryOf event: Event, cutting maximum: Int) {
        self += event.name.utf8
        for (field, value) in event.fields.pairs {
            append(UInt8(ascii: " "))
            self += field.name.utf8
            append(UInt8(ascii: "="))
            let start = count
            append(shown: value)
            let isLong = count - start > maximum
            guard isLong || !self[start...].allSatisfy({ 0x20 <= $0 && $0 < 0x7f }) else { continue }
            let shown = String(decoding: self[start...], as: UTF8.self)
            removeSubrange(start...)
            for scalar in shown.unicodeScalars.prefix(isLong ? maximum : .max) {
                let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
                if isControl { append(UInt8(ascii: " ")) } else { self += UTF8.encode(scalar).map(Array.init) ?? [] }
            }
            if isLong { self += "...".utf8 }
        }
    }
}

extension Event {
    /// Name and fields on one line for people, without what a terminal would obey.
    package func summary(cutting maximum: Int = EventLine.maximumText) -> String {
        var bytes: [UInt8] = []
        bytes.append(summaryOf: self, cutting: maximum)
        return String(decoding: bytes, as: UTF8.self)
    }
}
