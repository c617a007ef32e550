/// HTML and SVG as text. Everything that a user chose goes through `escaped`.
enum Markup {
    static func escaped(_ text: String) -> String {
        var output = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": output += "&amp;"
            case "<": output += "&lt;"
            case ">": output += "&gt;"
            case "\"": output += "&quot;"
            case "'": output += "&#39;"
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output
    }

    /// A table of text cells; the first column names the row.
    static func table(caption: String, head: [String], rows: [[String]]) -> String {
        let header = head.enumerated().map { "<th scope=\"col\"\($0 > 0 ? " class=\"n\"" : "")>\(escaped($1))</th>" }
        let body = rows.map { row in
            let cells = row.enumerated().map { index, text in
                index == 0 ? "<th scope=\"row\">\(escaped(text))</th>" : "<td class=\"n\">\(escaped(text))</td>"
            }
            return "<tr>\(cells.joined())</tr>"
        }
        return """
            <div class="scroll"><table><caption>\(escaped(caption))</caption>
            <thead><tr>\(header.joined())</tr></thead>
            <tbody>
            \(body.joined(separator: "\n"))
            </tbody></table></div>
            """
    }

    /// A plot with its heading, and the same figures as a table to unfold.
    static func figure(
        heading: String, text: String, plot: String, legend: [(name: String, style: String)] = [], table: String
    ) -> String {
        let keys = legend.map { "<li><span class=\"key \($0.style)\"></span>\(escaped($0.name))</li>" }.joined()
        return """
            <figure>
            <h2>\(escaped(heading))</h2>
            <p>\(escaped(text))</p>
            \(legend.isEmpty ? "" : "<ul class=\"legend\">\(keys)</ul>")
            \(plot)
            <details><summary>The figures as a table</summary>
            \(table)
            </details>
            </figure>
            """
    }

    /// A plot with its table open beside it.
    static func wideFigure(heading: String, text: String, plot: String, table: String) -> String {
        """
        <figure class="wide">
        <div><h2>\(escaped(heading))</h2>
        <p>\(escaped(text))</p>
        \(plot)</div>
        \(table)
        </figure>
        """
    }
}
