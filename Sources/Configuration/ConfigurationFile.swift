/// A type that a file's section describes. Its initialiser asks for every key it knows:
///
///     struct Clipping: Configurable {
///         let norm: Double
///         let schedule: Schedule
///         let patience: Duration
///
///         init(from file: Section) {
///             norm = file.double("norm", in: Value.positive)
///             schedule = file.choice("schedule", default: .constant)
///             patience = file.duration("patience", default: .seconds(30))
///         }
///     }
///
/// It may meet stand-ins (see `Section`) and so must not trap on small or empty values. It may throw `Refused`, or an
/// error of its own, which is noted at the section's place.
package protocol Configurable {
    init(from section: Section) throws
}

/// Reads a YAML file into a type, or throws everything that is wrong with it.
package enum ConfigurationFile {
    package static func read<Result: Configurable>(
        _ type: Result.Type = Result.self, at path: String
    ) throws(ConfigurationError) -> Result {
        try decode(try Document(at: path)) { try Result(from: $0) }
    }

    package static func read<Result>(
        at path: String, _ body: (Section) throws -> Result
    ) throws(ConfigurationError) -> Result {
        try decode(try Document(at: path), body)
    }

    /// The same for text that is at hand; `file` names it in problems and places its relative paths.
    package static func decode<Result: Configurable>(
        _ type: Result.Type = Result.self, text: String, file: String
    ) throws(ConfigurationError) -> Result {
        try decode(try Document(text: text, file: file)) { try Result(from: $0) }
    }

    package static func decode<Result>(
        text: String, file: String, _ body: (Section) throws -> Result
    ) throws(ConfigurationError) -> Result {
        try decode(try Document(text: text, file: file), body)
    }

    private static func decode<Result>(
        _ document: Document, _ body: (Section) throws -> Result
    ) throws(ConfigurationError) -> Result {
        let made: Result?
        do {
            made = try body(document.root)
            document.root.finish()
        } catch {
            made = nil
            if !(error is Refused) { document.root.refuse("\(error)") }
        }
        try document.problems.throwIfAny()
        guard let made else {
            throw ConfigurationError([
                Problem(file: document.problems.file, place: nil, message: "was refused without a reason")
            ])
        }
        return made
    }
}
