/// A place in a file: line and column count from 1, as an editor shows them.
package struct Place: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let line: Int
    package let column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package var description: String { "\(line):\(column)" }

    package static func < (left: Place, right: Place) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// One thing wrong with a file, written as compilers do, so that an editor can jump to it.
package struct Problem: Hashable, Sendable, CustomStringConvertible {
    package enum Severity: String, Sendable {
        case error
        /// Worth knowing, no reason to stop.
        case warning
    }

    package let file: String
    /// Nil when it is about the file as a whole (missing, too large).
    package let place: Place?
    package let severity: Severity
    package let message: String

    package init(file: String, place: Place?, severity: Severity = .error, message: String) {
        self.file = file
        self.place = place
        self.severity = severity
        self.message = message
    }

    package var line: Int? { place?.line }
    package var column: Int? { place?.column }

    /// `path:line:column: message`
    package var description: String {
        let position = place.map { ":\($0)" } ?? ""
        let label = severity == .warning ? "warning: " : ""
        return "\(file)\(position): \(label)\(message)"
    }
}

/// Everything wrong with a file, in the order of its lines.
package struct ConfigurationError: Error, Hashable, CustomStringConvertible {
    package let problems: [Problem]

    package init(_ problems: [Problem]) { self.problems = problems }

    /// One problem a line.
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// Thrown by a reader whose problem has been noted already, to leave a section that cannot be made; it says nothing new.
package struct Refused: Error {
    package init() {}
}
