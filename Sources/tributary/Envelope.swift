internal import ArgumentParser
internal import FoundationEssentials

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}

/// What `--format json` prints: one object, the same around every answer.
struct Envelope<Answer: Encodable>: Encodable {
    let schemaVersion = "1"
    let status: String
    let exitCode: Int32
    let data: Answer

    init(_ data: Answer, exitCode: Int32 = 0) {
        self.data = data
        self.exitCode = exitCode
        status = exitCode == 0 ? "ok" : "error"
    }

    func printed() throws { print(String(decoding: try Envelope<Int>.encoder().encode(self), as: UTF8.self)) }
}

extension Envelope where Answer == Int {
    static func encoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return encoder
    }
}
