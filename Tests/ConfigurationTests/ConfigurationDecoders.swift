import Configuration
import SeededRandom

/// The ways in for YAML, before any reader knows what it is of: what the mutation tests and the fuzzer (`scripts/fuzz`) both push
/// bytes through.
enum ConfigurationDecoders {
    static let all: [Spoiling.Entry] = [document, quantity]

    /// A key's first letter says what its value is read as.
    private static let document: Spoiling.Entry = (
        "yaml",
        [
            """
            # what there may be
            s-text: "north \\u00fc"
            i-count: 12
            d-rate: 2e-3
            b-flag: true
            t-patience: 1.5s
            z-size: 64MiB
            p-model: ../models/base
            l-list: [1, two, {s-a: b}]
            e-map: {degF: 0.5, degC: 1}
            m-section:
              s-inner: |
                many
                lines
              m-deeper: &a {i-x: 1}
              m-same: *a

            """
        ].map { Array($0.utf8) },
        { bytes in
            guard let text = String(validating: bytes, as: UTF8.self) else { return }
            try ConfigurationFile.decode(text: text, file: "/etc/tributary/a.yaml") { read($0, depth: 0) }
        }
    )

    private static func read(_ section: Section, depth: Int) {
        for (key, _) in section.keys.prefix(64) {
            guard let value = section.value(key) else { continue }
            switch key.utf8.first {
            case UInt8(ascii: "s"): _ = value.string()
            case UInt8(ascii: "i"): _ = value.int()
            case UInt8(ascii: "d"): _ = value.double()
            case UInt8(ascii: "b"): _ = value.bool()
            case UInt8(ascii: "t"): _ = value.duration()
            case UInt8(ascii: "z"): _ = value.byteSize()
            case UInt8(ascii: "p"): _ = value.path()
            case UInt8(ascii: "l"): _ = value.list(count: 0...64) { $0.isMapping ? "" : $0.string() }
            case UInt8(ascii: "e"): _ = value.entries { $0 + $1.string() }
            default: do { try value.section { read($0, depth: depth + 1) } } catch { continue }  // noted by the section
            }
        }
    }

    private static let quantity: Spoiling.Entry = (
        "quantity", ["250ms", "1.5 d", "64MiB", "999999999999999999TiB"].map { Array($0.utf8) },
        { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            if let duration = Quantity.duration(text) { precondition(duration >= .zero, "a duration below nothing") }
            if let size = Quantity.byteSize(text) { precondition(size >= 0, "a size below nothing") }
        }
    )
}
