internal import Yams

/// One value of a file, to be read as what the reader expects there. A wrong one is noted and a stand-in returned
/// (`Section` says why).
package struct Value {
    let node: Node?
    /// How problems call it: `clouds.north.owner`, `items[2]`.
    package let name: String
    package let place: Place
    /// Where its key is written; its own place for an element of a list.
    package let keyPlace: Place
    let folder: String
    package let problems: ProblemList
    /// Where this is a value of an imagined file: what is asked of it is noted, and stand-ins are returned.
    let recording: (shape: ValueRecording, file: ImaginedFile)?

    /// What the keys of a mapping with free keys may be, for the schema; the reader checks them itself.
    package enum Keys: Hashable, Sendable {
        case any
        case words([String])
        /// A regular expression, and a key that it matches.
        case pattern(String, sample: String)
        /// Words, and beside them whatever a regular expression matches.
        case wordsOr([String], pattern: String, sample: String)

        /// The keys that stand for all in an imagined file.
        var samples: [String] {
            switch self {
            case .any: ["a"]
            case .words(let words): words
            case .pattern(_, let sample): [sample]
            case .wordsOr(let words, _, let sample): words + [sample]
            }
        }
    }

    package static let finite = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
    package static let positive = Double.leastNonzeroMagnitude...Double.greatestFiniteMagnitude
    package static let anyDuration = Duration.zero...Duration.seconds(10 * 365 * 86_400)
    /// At most this many bytes in one text.
    package static let maximumTextLength = 65_536

    init(
        _ node: Node?, name: String, place: Place, keyPlace: Place? = nil, folder: String, problems: ProblemList,
        recording: (shape: ValueRecording, file: ImaginedFile)? = nil
    ) {
        self.recording = recording
        self.node = node
        self.keyPlace = keyPlace ?? place
        self.name = name
        self.place = place
        self.folder = folder
        self.problems = problems
    }

    /// For reading on after a problem: what it notes goes nowhere.
    static func standIn(folder: String) -> Value {
        Value(nil, name: "", place: Place(line: 0, column: 0), folder: folder, problems: ProblemList(file: ""))
    }

    /// Notes that this value cannot be.
    package func refuse(_ message: String) { problems.note("`\(name)`: \(message)", at: place) }

    private func record(_ shape: ValueShape) { recording?.shape.note(shape) }

    /// Says what it is for, in a line, where no key of a section does: editors show it (`SchemaDerivation`).
    package func describe(_ about: String) { recording?.shape.note(about: about) }

    package func string() -> String {
        record(.text)
        return text(expected: "a text") ?? ""
    }

    package func bool() -> Bool {
        record(.bool)
        guard let text = text(expected: "true or false") else { return false }
        switch text {
        case "true" where isPlain: return true
        case "false" where isPlain: return false
        default:
            refuse("expected true or false, found \(found)")
            return false
        }
    }

    package func int(in range: ClosedRange<Int> = Int.min...Int.max) -> Int {
        record(.int(range))
        // The largest where it is small: ranges of other values may rest on it, and must not be too narrow then.
        if recording != nil { return range.upperBound <= 1024 ? range.upperBound : range.lowerBound }
        guard let text = text(expected: "a whole number") else { return range.lowerBound }
        let digits = text.hasPrefix("+") ? "" : text.replacing("_", with: "")
        guard isPlain, let number = Int(digits) else {
            refuse("expected a whole number, found \(found)")
            return range.lowerBound
        }
        guard range.contains(number) else {
            refuse("expected \(Bounds.words(range)), found \(number)")
            return range.lowerBound
        }
        return number
    }

    package func double(in range: ClosedRange<Double> = Value.finite) -> Double {
        record(.double(range))
        guard let text = text(expected: "a number") else { return range.lowerBound }
        // Swift reads "0x10", "inf" and "nan" as numbers; a configuration means decimal ones.
        let decimal = text.utf8.allSatisfy { (48...57).contains($0) || [43, 45, 46, 69, 101].contains($0) }
        guard isPlain, decimal, let number = Double(text), number.isFinite else {
            refuse("expected a number, found \(found)")
            return range.lowerBound
        }
        guard range.contains(number) else {
            refuse("expected \(Bounds.words(range)), found \(text.prefix(40))")
            return range.lowerBound
        }
        return number
    }

    package func choice<Choice: RawRepresentable & CaseIterable>(of type: Choice.Type = Choice.self) -> Choice
    where Choice.RawValue == String {
        let words = Choice.allCases.map(\.rawValue)
        record(.choice(words))
        guard let standIn = Choice.allCases.first else { preconditionFailure("\(Choice.self) has no cases to choose") }
        if let word = recording?.file.word(of: name, among: words) { return Choice(rawValue: word) ?? standIn }
        guard let text = text(expected: "one of \(words.joined(separator: ", "))") else { return standIn }
        guard let choice = Choice(rawValue: text) else {
            let hint = Suggestion.hint(for: text, among: words)
            refuse("expected one of \(words.joined(separator: ", ")), found \(found)\(hint)")
            return standIn
        }
        return choice
    }

    package func duration(in range: ClosedRange<Duration> = Value.anyDuration) -> Duration {
        record(.duration)
        guard let text = text(expected: "a duration such as 30s") else { return range.lowerBound }
        guard let duration = Quantity.duration(text) else {
            refuse("expected a duration such as 250ms, 30s, 10m or 2h, found \(found)")
            return range.lowerBound
        }
        guard range.contains(duration) else {
            refuse("expected \(Bounds.words(range)), found \(text.prefix(40))")
            return range.lowerBound
        }
        return duration
    }

    package func byteSize(in range: ClosedRange<Int> = 0...Int.max) -> Int {
        record(.size)
        guard let text = text(expected: "a size such as 64MiB") else { return range.lowerBound }
        guard let size = Quantity.byteSize(text) else {
            refuse("expected a size such as 500kB, 64MiB or 1GiB, found \(found)")
            return range.lowerBound
        }
        guard range.contains(size) else {
            refuse("expected \(Bounds.words(range)) bytes, found \(text.prefix(40))")
            return range.lowerBound
        }
        return size
    }

    package func path(kind: FilePath.Kind = .any) -> String {
        record(.path)
        guard let text = text(expected: "a path") else { return "" }
        guard !text.isEmpty, !text.utf8.contains(0), text.utf8.count < 4096 else {
            refuse("expected a path of 1 to 4095 bytes")
            return ""
        }
        let path = FilePath.resolve(text, in: folder)
        if let obstacle = FilePath.obstacle(at: path, as: kind) { refuse(obstacle) }
        return path
    }

    package func parsed<Result>(_ parse: (String) throws -> Result) throws(Refused) -> Result {
        record(.text)
        guard let text = text(expected: "a text") else { throw Refused() }
        do { return try parse(text) } catch {
            if !(error is Refused) { refuse("\(error)") }
            throw Refused()
        }
    }

    // MARK: what it is made of

    private var isPlain: Bool { node?.scalar?.style == .plain }

    /// The scalar's text as it stands. Nothing (`key:` with no value, `~`, `null`) is not a text.
    private func text(expected: String) -> String? {
        guard let node else { return nil }
        guard let scalar = node.scalar, !(isPlain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)) else {
            refuse("expected \(expected), found \(found)")
            return nil
        }
        guard scalar.string.utf8.count <= Value.maximumTextLength else {
            refuse("is longer than \(Value.maximumTextLength) bytes")
            return nil
        }
        return scalar.string
    }

    /// What stands there, for an error.
    var found: String {
        switch node {
        case .mapping: return "a mapping"
        case .sequence: return "a list"
        case .scalar(let scalar):
            if isPlain, ["", "~", "null", "Null", "NULL"].contains(scalar.string) { return "nothing" }
            return "\"\(scalar.string.prefix(80))\""
        case .alias, nil: return "nothing"
        }
    }
}
