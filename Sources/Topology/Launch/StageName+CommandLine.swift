package import Federation

extension StageName {
    /// What tells a stage's program which stage it is.
    package var commandLine: [String] {
        ["--cloud", cloud.description] + (ordinal > 1 ? ["--worker", "\(ordinal)"] : [])
    }
}
