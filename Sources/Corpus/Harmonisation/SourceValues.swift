/// The values that one source gives, one at most for each stay and variable.
struct SourceValues {
    /// Of each column, its variable.
    let variables: [Int]
    /// Row-major, members by columns; NaN where there is none.
    private var values: [Double]

    init(stays: Int, variables: [Int]) {
        self.variables = variables
        values = [Double](repeating: .nan, count: stays * variables.count)
    }

    subscript(stay: Int, column: Int) -> Double {
        get { values[stay * variables.count + column] }
        set { values[stay * variables.count + column] = newValue }
    }

    /// True if the source says anything about the stay.
    func has(_ stay: Int) -> Bool { variables.indices.contains { !self[stay, $0].isNaN } }
}
