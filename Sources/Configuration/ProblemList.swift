/// Collects what is wrong with one file while it is read, so that a user sees all of it at once.
package final class ProblemList {
    /// Beyond this many the first ones are what the user needs.
    package static let maximumCount = 100

    package let file: String
    private var collected: Set<Problem> = []

    package init(file: String) { self.file = file }

    package func note(_ message: String, at place: Place?, severity: Problem.Severity = .error) {
        guard collected.count < ProblemList.maximumCount else { return }
        collected.insert(Problem(file: file, place: place, severity: severity, message: ProblemList.printable(message)))
    }

    /// Messages quote the file, and a file may hold what a terminal would obey.
    private static func printable(_ message: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in message.unicodeScalars {
            let control = scalar.value < 32 || (127...159).contains(scalar.value)
            result.append(control ? "\u{FFFD}" : scalar)
        }
        return String(result)
    }

    /// In the order of the file's lines; each problem once, even where an alias leads to it twice.
    package var sorted: [Problem] {
        let whole = Place(line: 0, column: 0)
        return collected.sorted { ($0.place ?? whole, $0.message) < ($1.place ?? whole, $1.message) }
    }

    package var errors: [Problem] { sorted.filter { $0.severity == .error } }
    package var warnings: [Problem] { sorted.filter { $0.severity == .warning } }

    package func throwIfAny() throws(ConfigurationError) {
        let errors = errors
        guard errors.isEmpty else { throw ConfigurationError(errors) }
    }
}
