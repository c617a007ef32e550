import Configuration

/// A configuration with one field of each sort.
struct Sample: Configurable {
    enum Schedule: String, CaseIterable {
        case constant, cosine
    }

    struct Clip: Configurable {
        let norm: Double
        init(from section: Section) { norm = section.double("norm", in: Value.positive) }
    }

    let name: String
    let rank: Int
    let rate: Double
    let frozen: Bool
    let schedule: Schedule
    let patience: Duration
    let spool: Int
    let model: String
    let items: [Int]
    let units: [String: Double]
    let clip: Clip

    init(from section: Section) throws {
        name = section.string("name")
        rank = section.int("rank", in: 1...64, default: 8)
        rate = section.double("learning-rate", in: 0...1)
        frozen = section.bool("frozen", default: true)
        schedule = section.choice("schedule")
        patience = section.duration("patience", in: .seconds(1)...Value.anyDuration.upperBound)
        spool = section.byteSize("spool")
        model = section.path("model")
        items = section.list("items", count: 1...4) { $0.int(in: 0...Int.max) }
        units = Dictionary(
            section.entries("units", required: false) { _, value in value.double() }.map { ($0.key, $0.value) },
            uniquingKeysWith: { first, _ in first })
        clip = try section.section("clip")
    }

    static let text = """
        name: north
        rank: 16
        learning-rate: 2e-3
        frozen: false
        schedule: cosine
        patience: 30s
        spool: 64MiB
        model: ../models/base
        items: [678, 223761]
        units:
          degF: 0.5556
        clip:
          norm: 1.5

        """

    static func decode(_ text: String) throws -> Sample {
        try ConfigurationFile.decode(text: text, file: "/etc/tributary/configs/sample.yaml")
    }

    /// The problems of `text`, without the file's name.
    static func problems(_ text: String) -> [String] {
        do {
            _ = try decode(text)
            return []
        } catch let error as ConfigurationError {
            return error.problems.map {
                String($0.description.dropFirst("/etc/tributary/configs/sample.yaml:".count))
            }
        } catch { return ["\(error)"] }
    }

    /// The problems of the sound text after one replacement.
    static func problems(replacing part: String, with other: String) -> [String] {
        problems(text.replacing(part, with: other))
    }
}
