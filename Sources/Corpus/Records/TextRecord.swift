/// What a model reads of one stay: `<bos> age=4 heartrate=5 … outcome= died`. One token for each variable and bin, in the
/// fixed order of the variable table.
package struct TextRecord: Sendable, Hashable {
    package static let begin = "<bos>"
    package static let question = " outcome="
    package static let died = " died"
    package static let survived = " survived"

    /// One element for each token.
    package let pieces: [String]
    package let died: Bool

    package static func piece(_ variable: Variable, bin: Int) -> String { " \(variable.name)=\(bin)" }

    /// The prompt is made of the stay's values alone; the outcome comes after the question and nowhere else.
    package init(_ stay: Stay, standardisation: Standardisation) {
        self.init(bins: TextRecord.bins(stay, standardisation), variables: standardisation.variables, died: stay.died)
    }

    /// `bins`: one for each variable, nil to leave it out.
    package init(bins: [Int?], variables: VariableTable, died: Bool) {
        var pieces = [TextRecord.begin]
        for (variable, bin) in zip(variables.variables, bins) {
            if let bin { pieces.append(TextRecord.piece(variable, bin: bin)) }
        }
        pieces.append(TextRecord.question)
        pieces.append(died ? TextRecord.died : TextRecord.survived)
        self.pieces = pieces
        self.died = died
    }

    /// The index of the token to be predicted.
    package var answer: Int { pieces.count - 1 }
    package var text: String { pieces.joined() }
    /// Without the answer.
    package var prompt: String { pieces.dropLast().joined() }

    /// The bin of each variable, imputed as its `missing` says.
    package static func bins(_ stay: Stay, _ standardisation: Standardisation) -> [Int?] {
        let table = standardisation.variables
        return table.variables.enumerated().map { index, variable in
            guard standardisation.isPresent(index) else { return nil }
            if let z = standardisation.z(stay.values[index], of: index) { return table.bin(z) }
            switch variable.missing {
            case .skip: return nil
            case .normal: return standardisation.z(variable.normal, of: index).map { table.bin($0) }
            case .mean: return table.bin(0)
            }
        }
    }
}
