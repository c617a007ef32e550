import Foundation
import Testing

/// What Swift 6.3.1 compiles wrongly, with and without optimisation (`HTTPClient.dial` has the reproduction): an error that is thrown on the
/// right side of `??`, `&&` or `||` by a call whose arguments make an enum's case of two or more values.
@Suite("A fault of the compiler")
struct CompilerFaultTests {
    /// Names of cases that hold two or more values.
    private func cases(in text: String) -> Set<String> {
        var names: Set<String> = []
        for line in text.split(separator: "\n") where line.contains(/^\s*(indirect )?case \w+\(/) {
            for match in line.matches(of: /(\w+)\([^()]*,[^()]*\)/) { names.insert(String(match.1)) }
        }
        return names
    }

    /// Statements of that shape, as far as a line or two show it.
    private func suspects(in text: String, _ cases: Set<String>) -> [String] {
        // An operator begins a line of its own where its statement is broken.
        let joined = text.replacing(/\n\s*(\?\?|&&|\|\|)/, with: { " \($0.1)" })
        return joined.split(separator: "\n").filter { line in
            guard !line.contains(/^\s*\/\//),
                let right = line.firstMatch(of: /\btry\b[^{;]*?(\?\?|&&|\|\|)([^{;]*)/)?.2
            else { return false }
            return right.matches(of: /\.(\w+)\([^()]*,/).contains { cases.contains(String($0.1)) }
        }.map(String.init)
    }

    @Test("No source has an expression of the shape that it compiles wrongly")
    func noneIsThere() throws {
        let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent()
            .deletingLastPathComponent()
        var texts: [String: String] = [:]
        for folder in ["Sources", "Tests"] {
            let path = root.appending(path: folder).path
            for name in try FileManager.default.subpathsOfDirectory(atPath: path) where name.hasSuffix(".swift") {
                texts[name] = try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
            }
        }
        let cases = texts.values.reduce(into: Set<String>()) { $0.formUnion(self.cases(in: $1)) }
        #expect(cases.isSuperset(of: ["tcp", "udp", "malformed"]))
        let control = "    let thing = try self.thing\n        ?? Connection.to(.tcp(host: host, port: port))\n"
        #expect(suspects(in: control, cases).count == 1 && suspects(in: "x = try a ?? dial()", cases).isEmpty)
        for (name, text) in texts where name != "ShippingTests/CompilerFaultTests.swift" {
            #expect(suspects(in: text, cases).isEmpty, "\(name): make the case on a line of its own")
        }
    }
}
