internal import Yams

/// The keys of one mapping, read by name.
///
/// A reader asks for each key it knows. What is wrong is noted with its place and reading goes on with a stand-in (0, the
/// lower bound, an empty text), so that one pass finds every problem; the value that was made of stand-ins is thrown
/// away by `ConfigurationFile.read`. Keys that nobody asked for are problems too.
package final class Section {
    private let mapping: Node.Mapping
    private var known: [String] = []
    /// How problems call it: `clouds.north.stages`; empty at the top of the file.
    package let name: String
    package let place: Place
    let folder: String
    package let problems: ProblemList
    /// Where this is of an imagined file, whose reader's keys are to be known.
    private let recording: (section: SectionRecording, file: ImaginedFile)?

    init(
        _ mapping: Node.Mapping, name: String, place: Place, folder: String, problems: ProblemList,
        recording: (section: SectionRecording, file: ImaginedFile)? = nil
    ) {
        self.recording = recording
        self.mapping = mapping
        self.name = name
        self.place = place
        self.folder = folder
        self.problems = problems
    }

    /// A section for reading on after a problem: it has no keys, and what it notes goes nowhere.
    static func standIn(folder: String) -> Section {
        Section(
            Node.Mapping([]), name: "", place: Place(line: 0, column: 0), folder: folder,
            problems: ProblemList(file: ""))
    }

    /// A section of an imagined file; with no name, the whole of it.
    static func imagined(_ recording: SectionRecording, name: String = "", in file: ImaginedFile) -> Section {
        recording.begin()
        return Section(
            Node.Mapping([]), name: name, place: Place(line: 0, column: 0), folder: "", problems: ProblemList(file: ""),
            recording: (recording, file))
    }

    private func imagined(_ key: String, _ shape: ValueRecording, in file: ImaginedFile) -> Value {
        Value(
            nil, name: wholeName(of: key), place: place, folder: folder, problems: problems, recording: (shape, file))
    }

    private func wholeName(of key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }

    /// The value of `key`; nil where the file does not have it. Marks the key as known.
    ///
    /// - Parameter about: what the key is for, in a line: editors show it (`SchemaDerivation`).
    package func value(_ key: String, about: String? = nil) -> Value? {
        known.append(key)
        if let recording {
            let shape = note(key, about, in: recording.section)
            return has(key) ? imagined(key, shape, in: recording.file) : nil
        }
        guard let pair = pair(key) else { return nil }
        return Value(
            pair.value, name: wholeName(of: key), place: pair.value.place ?? place,
            keyPlace: pair.key.place, folder: folder, problems: problems)
    }

    /// What a key is where a file does not have it, for the schema.
    func note(_ key: String, _ standard: Any) { recording?.section.property(key).note(standard: standard) }

    private func note(_ key: String, _ about: String?, in section: SectionRecording) -> ValueRecording {
        let shape = section.property(key)
        if let about { shape.note(about: about) }
        return shape
    }

    /// The value of `key`, which must be there.
    package func required(_ key: String, about: String? = nil) -> Value {
        if let recording {
            recording.section.require(key)
            return imagined(key, note(key, about, in: recording.section), in: recording.file)
        }
        if let value = value(key) { return value }
        let owner = name.isEmpty ? "" : " in `\(name)`"
        problems.note("`\(key)` is missing\(owner)", at: place)
        return Value.standIn(folder: folder)
    }

    /// True if the file has `key`, whatever its value; does not mark it as known.
    package func has(_ key: String) -> Bool {
        recording.map { $0.file.has(wholeName(of: key)) } ?? (pair(key) != nil)
    }

    /// Where `key` is written; the section's own place where it is not.
    package func place(of key: String) -> Place { pair(key)?.key.place ?? place }

    /// Every key in the order of the file, with its place. Marks all as known.
    package var keys: [(name: String, place: Place)] {
        var result: [(name: String, place: Place)] = []
        for (key, _) in mapping {
            guard let text = key.scalar?.string else { continue }
            known.append(text)
            result.append((text, key.place ?? place))
        }
        return result
    }

    /// Notes that something is wrong with the value of `key`.
    package func refuse(_ key: String, _ message: String) {
        problems.note("`\(wholeName(of: key))`: \(message)", at: pair(key)?.value.place ?? place(of: key))
    }

    /// Notes that the section as a whole cannot be.
    package func refuse(_ message: String) {
        problems.note(name.isEmpty ? message : "`\(name)`: \(message)", at: place)
    }

    /// Notes every key that nobody asked for; called when the reader is done.
    package func finish() {
        if let recording { return recording.section.finish() }
        for (key, _) in mapping {
            guard let text = key.scalar?.string else {
                problems.note("a key must be plain text", at: key.place ?? place)
                continue
            }
            guard !known.contains(text) else { continue }
            let free = Set(known).filter { !has($0) }.sorted()
            let hint = Suggestion.hint(for: text, among: free.isEmpty ? known : free)
            let choices =
                hint.isEmpty && !known.isEmpty ? "; known here: \(Set(known).sorted().joined(separator: ", "))" : hint
            let owner = name.isEmpty ? "" : " in `\(name)`"
            problems.note("unknown key `\(text.prefix(80))`\(owner)\(choices)", at: key.place ?? place)
        }
    }

    private func pair(_ key: String) -> (key: Node, value: Node)? {
        for (candidate, value) in mapping where candidate.scalar?.string == key { return (candidate, value) }
        return nil
    }
}
