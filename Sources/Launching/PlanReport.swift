/// What it takes to bring a running federation to another topology: what the launcher answers, and `plan` shows.
package struct PlanReport: Codable, Equatable, Sendable {
    package struct Step: Codable, Equatable, Sendable {
        /// `CLOUD/STAGE`.
        package let stage: String
        /// added, changed or removed.
        package let change: String
        package let reasons: [String]
        /// On this host, to be done by its launcher; otherwise the operator of its cloud applies the same file there.
        package let here: Bool
        /// Of what is started here: program and arguments.
        package let command: [String]?

        package init(stage: String, change: String, reasons: [String], here: Bool, command: [String]?) {
            self.stage = stage
            self.change = change
            self.reasons = reasons
            self.here = here
            self.command = command
        }
    }

    /// What must be there before anything is done.
    package struct Lack: Codable, Equatable, Sendable {
        package let what: String
        package let remedy: String

        package init(what: String, remedy: String) {
            self.what = what
            self.remedy = remedy
        }
    }

    /// The topology in effect, and the one to be brought into effect.
    package let running: String
    package let file: String
    package let refusals: [String]
    /// In the order in which they are to be taken.
    package let steps: [Step]
    package let missing: [Lack]
    package let notes: [String]

    package init(
        running: String, file: String, refusals: [String], steps: [Step], missing: [Lack], notes: [String]
    ) {
        self.running = running
        self.file = file
        self.refusals = refusals
        self.steps = steps
        self.missing = missing
        self.notes = notes
    }

    package var isEmpty: Bool { steps.isEmpty && refusals.isEmpty && missing.isEmpty && notes.isEmpty }
}
