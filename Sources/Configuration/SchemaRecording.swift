/// What a value of a file may be, as the reader that was asked for it says.
enum ValueShape: Hashable {
    case text
    case bool
    case int(ClosedRange<Int>)
    case double(ClosedRange<Double>)
    case choice([String])
    case duration
    case size
    case path
    case list(ClosedRange<Int>)
    case section
    case entries(Value.Keys)
}

/// What the readers of one key have asked, over several readings.
final class ValueRecording {
    private(set) var shapes: [ValueShape] = []
    /// Of a list's elements.
    lazy var element: ValueRecording = ValueRecording()
    /// Of a mapping with known keys.
    lazy var section: SectionRecording = SectionRecording()
    /// Of a mapping with free keys: by key, or under the name of the pattern.
    private(set) var entries: [String: ValueRecording] = [:]

    /// What the key is for, as its readers tell: one sentence, or one for each that tells it otherwise.
    private(set) var abouts: [String] = []

    private(set) var standard: SchemaText?

    /// A default; one that is made of other values is not the same in every imagined file, and is left out.
    func note(standard value: Any) {
        let text: SchemaText? =
            switch value {
            case let number as Int: .int(number)
            case let number as Double: .double(number)
            case let flag as Bool: .flag(flag)
            case let text as String: text.isEmpty ? nil : .text(text)
            case let choice as any RawRepresentable<String>: .text(choice.rawValue)
            default: nil
            }
        if isVarying || (standard != nil && standard?.rendered != text?.rendered) {
            (standard, isVarying) = (nil, true)
        } else {
            standard = text
        }
    }
    private var isVarying = false

    func note(about: String) {
        if !abouts.contains(about) { abouts.append(about) }
    }

    func note(_ shape: ValueShape) {
        if !shapes.contains(shape) { shapes.append(shape) }
    }

    func entry(_ key: String) -> ValueRecording {
        if let known = entries[key] { return known }
        let new = ValueRecording()
        entries[key] = new
        return new
    }
}

/// What the readers of one section have asked, over several readings (`ImaginedFile`).
final class SectionRecording {
    private(set) var properties: [String: ValueRecording] = [:]
    private var required: Set<String>?
    private var asked: Set<String> = []

    func begin() { asked = [] }

    func property(_ key: String) -> ValueRecording {
        if let known = properties[key] { return known }
        let new = ValueRecording()
        properties[key] = new
        return new
    }

    func require(_ key: String) { asked.insert(key) }

    /// At the end of a reading: a key must be there if it was wanted whatever else was.
    func finish() { required = required?.intersection(asked) ?? asked }

    var requiredKeys: [String] { (required ?? []).sorted() }
}

/// A file as a reader might meet it, made of what the reader asks for. A reader asks for some keys only where others are there, or
/// where they say one word and not another, so it is run over many: with every key that need not be there, with none, with one more or
/// less, and with each word of each choice.
final class ImaginedFile {
    private let hasOptionalKeys: Bool
    private let exception: String?
    private let chosen: (name: String, word: String)?
    /// What the reader has asked for, by whole names: keys that need not be there, and choices with their words.
    private(set) var optionalKeys: Set<String> = []
    private(set) var choices: [String: [String]] = [:]

    init(hasOptionalKeys: Bool, but exception: String? = nil, chosen: (name: String, word: String)? = nil) {
        self.hasOptionalKeys = hasOptionalKeys
        self.exception = exception
        self.chosen = chosen
    }

    func has(_ name: String) -> Bool {
        optionalKeys.insert(name)
        return name == exception ? !hasOptionalKeys : hasOptionalKeys
    }

    /// Nil for whichever the reader likes.
    func word(of name: String, among words: [String]) -> String? {
        choices[name] = words
        return chosen?.name == name ? chosen?.word : nil
    }
}
