import Foundation

/// The keys of a JSON document as paths, `rounds[].clouds[].cloud`, beside those that a page lists for it.
package enum DocumentedKeys {
    struct NoSection: Error, CustomStringConvertible {
        let page: String
        let heading: String
        var description: String { "\(page) has no section \"\(heading)\": write it, or say here what it is called now" }
    }

    /// Every key of every object in `json`, once, whatever list it stands in.
    package static func paths(in json: [UInt8]) throws -> Set<String> {
        var found: Set<String> = []
        collect(try JSONSerialization.jsonObject(with: Data(json)), "", &found)
        return found
    }

    private static func collect(_ value: Any, _ path: String, _ found: inout Set<String>) {
        if let object = value as? [String: Any] {
            for (key, value) in object {
                let whole = path.isEmpty ? key : "\(path).\(key)"
                found.insert(whole)
                collect(value, whole, &found)
            }
        } else if let list = value as? [Any] {
            for value in list { collect(value, "\(path)[]", &found) }
        }
    }

    /// What stands in backticks in the first cell of each row of a section's tables.
    package static func rows(of page: String, under heading: String) throws -> Set<String> {
        try words(page, heading) { line in
            line.hasPrefix("|") ? line.split(separator: "|").first : nil
        }
    }

    /// What stands in backticks before the colon of each of a section's items.
    package static func items(of page: String, under heading: String) throws -> Set<String> {
        try words(page, heading) { line in
            line.hasPrefix("- `") ? line.split(separator: ":").first : nil
        }
    }

    private static func words(
        _ page: String, _ heading: String, in part: (Substring) -> Substring?
    ) throws -> Set<String> {
        let text = try String(contentsOfFile: page, encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(where: { $0 == "## \(heading)" }) else {
            throw NoSection(page: page, heading: heading)
        }
        var found: Set<String> = []
        for line in lines[(start + 1)...].prefix(while: { !$0.hasPrefix("## ") }) {
            guard let part = part(line) else { continue }
            // Every second piece lies between two backticks.
            for (index, word) in part.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            where index % 2 == 1 { found.insert(String(word)) }
        }
        return found
    }
}
