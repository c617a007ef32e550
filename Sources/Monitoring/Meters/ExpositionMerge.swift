/// Several stages' metrics as one text: each family once, with the lines of all.
package struct ExpositionMerge {
    private struct Family {
        var head: [Substring] = []
        var lines: [Substring] = []
    }

    private var families: [Substring: Family] = [:]

    package init() {}

    /// Takes a text that `Exposition` made. A line that belongs to no family is left out: another program wrote it.
    package mutating func add(_ text: String) {
        var name: Substring = ""
        for line in text.split(separator: "\n") {
            if line.hasPrefix("# HELP ") {
                name = line.dropFirst(7).prefix { $0 != " " }
                if families[name] == nil { families[name] = Family(head: [line]) }
            } else if line.hasPrefix("# TYPE ") {
                if families[name]?.head.count == 1 { families[name]?.head.append(line) }
            } else if line.hasPrefix(name), !name.isEmpty {
                families[name]?.lines.append(line)
            }
        }
    }

    package var text: String {
        families.sorted { $0.key < $1.key }.map { _, family in
            (family.head + family.lines).joined(separator: "\n") + "\n"
        }.joined()
    }
}
