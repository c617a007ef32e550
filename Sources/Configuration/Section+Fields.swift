/// One line for each field of a configuration: `rank = file.int("rank", in: 1...64, default: 8)`. Without a default a field
/// is required; the `optional…` forms give nil where the key is absent. `about` tells in a line what the field is for: editors show it.
extension Section {
    package func string(_ key: String, default standard: String? = nil, about: String? = nil) -> String {
        read(key, standard, about) { $0.string() }
    }

    package func optionalString(_ key: String, about: String? = nil) -> String? { value(key, about: about)?.string() }

    package func int(
        _ key: String, in range: ClosedRange<Int> = Int.min...Int.max, default standard: Int? = nil,
        about: String? = nil
    ) -> Int {
        read(key, standard, about) { $0.int(in: range) }
    }

    package func optionalInt(
        _ key: String, in range: ClosedRange<Int> = Int.min...Int.max, about: String? = nil
    ) -> Int? {
        value(key, about: about)?.int(in: range)
    }

    package func double(
        _ key: String, in range: ClosedRange<Double> = Value.finite, default standard: Double? = nil,
        about: String? = nil
    ) -> Double {
        read(key, standard, about) { $0.double(in: range) }
    }

    package func optionalDouble(
        _ key: String, in range: ClosedRange<Double> = Value.finite, about: String? = nil
    ) -> Double? {
        value(key, about: about)?.double(in: range)
    }

    package func bool(_ key: String, default standard: Bool? = nil, about: String? = nil) -> Bool {
        read(key, standard, about) { $0.bool() }
    }

    /// One of an enumeration's raw values.
    package func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, of type: Choice.Type = Choice.self, default standard: Choice? = nil, about: String? = nil
    ) -> Choice where Choice.RawValue == String {
        read(key, standard, about) { $0.choice(of: type) }
    }

    package func optionalChoice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, of type: Choice.Type = Choice.self, about: String? = nil
    ) -> Choice? where Choice.RawValue == String {
        value(key, about: about)?.choice(of: type)
    }

    /// `250ms`, `30s`, `10m`, `2h`.
    package func duration(
        _ key: String, in range: ClosedRange<Duration> = Value.anyDuration, default standard: Duration? = nil,
        about: String? = nil
    ) -> Duration {
        read(key, standard, about) { $0.duration(in: range) }
    }

    package func optionalDuration(
        _ key: String, in range: ClosedRange<Duration> = Value.anyDuration, about: String? = nil
    ) -> Duration? {
        value(key, about: about)?.duration(in: range)
    }

    /// In bytes: `64MiB`, `1GiB`, `500kB`.
    package func byteSize(
        _ key: String, in range: ClosedRange<Int> = 0...Int.max, default standard: Int? = nil, about: String? = nil
    ) -> Int {
        read(key, standard, about) { $0.byteSize(in: range) }
    }

    package func optionalByteSize(
        _ key: String, in range: ClosedRange<Int> = 0...Int.max, about: String? = nil
    ) -> Int? {
        value(key, about: about)?.byteSize(in: range)
    }

    /// A path relative to the file it stands in, made whole. With a `kind` other than `.any` it must exist.
    package func path(_ key: String, kind: FilePath.Kind = .any, about: String? = nil) -> String {
        required(key, about: about).path(kind: kind)
    }

    package func optionalPath(_ key: String, kind: FilePath.Kind = .any, about: String? = nil) -> String? {
        value(key, about: about)?.path(kind: kind)
    }

    /// A text that some type's initialiser reads (`try file.parsed("cloud", CloudName.init)`). It has no stand-in: throws
    /// `Refused` once the problem is noted, so read such fields last.
    package func parsed<Result>(
        _ key: String, about: String? = nil, _ parse: (String) throws -> Result
    ) throws(Refused) -> Result {
        try required(key, about: about).parsed(parse)
    }

    package func optionalParsed<Result>(
        _ key: String, about: String? = nil, _ parse: (String) throws -> Result
    ) throws(Refused) -> Result? {
        try value(key, about: about)?.parsed(parse)
    }

    /// A sequence, element by element: `file.list("items") { $0.int(in: 0...) }`; empty where it is not required and absent.
    package func list<Element>(
        _ key: String, count: ClosedRange<Int> = 0...Int.max, required isRequired: Bool = true,
        about: String? = nil, of element: (Value) throws -> Element
    ) -> [Element] {
        if !isRequired, !has(key) { return value(key, about: about).map { _ in [] } ?? [] }
        return required(key, about: about).list(count: count, of: element)
    }

    /// A mapping whose keys are free, in the order of the file: `file.entries("units") { unit, value in value.double() }`.
    package func entries<Element>(
        _ key: String, keys: Value.Keys = .any, required isRequired: Bool = true,
        about: String? = nil, of element: (String, Value) throws -> Element
    ) -> [(key: String, value: Element)] {
        if !isRequired, !has(key) { return value(key, about: about).map { _ in [] } ?? [] }
        return required(key, about: about).entries(keys: keys, of: element)
    }

    /// A mapping with known keys. Throws `Refused` only if `body` does.
    package func section<Result>(
        _ key: String, about: String? = nil, _ body: (Section) throws -> Result
    ) throws(Refused) -> Result {
        try required(key, about: about).section(body)
    }

    package func optionalSection<Result>(
        _ key: String, about: String? = nil, _ body: (Section) throws -> Result
    ) throws(Refused) -> Result? {
        try value(key, about: about)?.section(body)
    }

    /// A nested configuration type.
    package func section<Result: Configurable>(
        _ key: String, as type: Result.Type = Result.self, about: String? = nil
    ) throws(Refused) -> Result {
        try section(key, about: about) { try Result(from: $0) }
    }

    package func optionalSection<Result: Configurable>(
        _ key: String, as type: Result.Type = Result.self, about: String? = nil
    ) throws(Refused) -> Result? {
        try optionalSection(key, about: about) { try Result(from: $0) }
    }

    private func read<Result>(
        _ key: String, _ standard: Result?, _ about: String?, _ body: (Value) -> Result
    ) -> Result {
        if let standard { note(key, standard) }
        if let standard, !has(key) {
            _ = value(key, about: about)
            return standard
        }
        return body(required(key, about: about))
    }
}
