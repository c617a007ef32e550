internal import Yams

extension Value {
    /// The elements of a sequence; one that throws is left out, its problem noted.
    package func list<Element>(
        count: ClosedRange<Int> = 0...Int.max, of element: (Value) throws -> Element
    ) -> [Element] {
        if let recording {
            recording.shape.note(.list(count))
            var result: [Element] = []
            imagined("\(name)[]", recording.shape.element).take(into: &result, element)
            return result
        }
        guard let node else { return [] }
        guard let sequence = node.sequence else {
            refuse("expected a list, found \(found)")
            return []
        }
        if !count.contains(sequence.count) {
            refuse("expected \(Bounds.words(count)) elements, found \(sequence.count)")
        }
        var result: [Element] = []
        for (index, node) in sequence.enumerated() {
            let value = Value(
                node, name: "\(name)[\(index)]", place: node.place ?? place, folder: folder, problems: problems)
            value.take(into: &result, element)
        }
        return result
    }

    /// The pairs of a mapping whose keys are free, in the order of the file.
    package func entries<Element>(
        keys: Keys = .any, of element: (String, Value) throws -> Element
    ) -> [(key: String, value: Element)] {
        if let recording {
            recording.shape.note(.entries(keys))
            var result: [(key: String, value: Element)] = []
            for word in keys.samples {
                imagined("\(name).\(word)", recording.shape.entry(word)).take(into: &result) {
                    (word, try element(word, $0))
                }
            }
            return result
        }
        guard let node else { return [] }
        guard let mapping = node.mapping else {
            refuse("expected a mapping, found \(found)")
            return []
        }
        var result: [(key: String, value: Element)] = []
        for (key, node) in mapping {
            guard let text = key.scalar?.string else {
                problems.note("a key must be plain text", at: key.place ?? place)
                continue
            }
            let value = Value(
                node, name: name.isEmpty ? text : "\(name).\(text)", place: node.place ?? place,
                keyPlace: key.place, folder: folder, problems: problems)
            value.take(into: &result) { (text, try element(text, $0)) }
        }
        return result
    }

    /// A mapping with known keys; what `body` does not ask for is a problem. Throws `Refused` only if `body` throws, and
    /// then notes the error unless that was `Refused` itself.
    package func section<Result>(_ body: (Section) throws -> Result) throws(Refused) -> Result {
        let section: Section
        if let recording {
            recording.shape.note(.section)
            section = Section.imagined(recording.shape.section, name: name, in: recording.file)
        } else if let mapping = node?.mapping {
            section = Section(mapping, name: name, place: place, folder: folder, problems: problems)
        } else {
            if node != nil { refuse("expected a mapping, found \(found)") }
            section = Section.standIn(folder: folder)
        }
        do {
            let result = try body(section)
            section.finish()
            return result
        } catch {
            if recording != nil { section.finish() }
            if !(error is Refused) { refuse("\(error)") }
            throw Refused()
        }
    }

    package func section<Result: Configurable>(as type: Result.Type = Result.self) throws(Refused) -> Result {
        try section { try Result(from: $0) }
    }

    private func imagined(_ name: String, _ shape: ValueRecording) -> Value {
        Value(
            nil, name: name, place: place, folder: folder, problems: problems,
            recording: recording.map { (shape, $0.file) })
    }

    /// False for the stand-in of a required key that is missing.
    package var isThere: Bool { node != nil }

    /// True for a mapping; for values that may be written short or long.
    package var isMapping: Bool { node?.mapping != nil }
    package var isList: Bool { node?.sequence != nil }

    private func take<Element>(into result: inout [Element], _ element: (Value) throws -> Element) {
        do { result.append(try element(self)) } catch {
            if !(error is Refused) { refuse("\(error)") }
        }
    }
}
