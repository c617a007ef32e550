package import MessagePack

/// How an update's values are made fewer and shorter before they are sealed: the same at every cloud, so that encrypted slots stay
/// aligned (docs/compression.md).
package struct CompressionPlan: Hashable, Sendable {
    /// What the ranges of the layout's tensors come from.
    package enum Scales: String, Hashable, Sendable, CaseIterable {
        /// Publish's config: one range for all of them.
        case fixed
        /// Each tensor's largest value in the last released step.
        case released
    }

    package let scales: Scales
    /// Ranges are this times the largest step, under `released`.
    package let margin: Double
    /// And never larger than this.
    package let limit: Double
    /// The part of what a cloud could not send that it adds to its next update (Seide et al. 2014; Karimireddy et al. 2019, arXiv
    /// 1901.09847); 0 for none.
    package let feedback: Double
    /// The part of the values that is sent where not all are.
    package let fraction: Double
    /// The part of those that comes by turn.
    package let rotation: Double
    /// Which update of the run it is, from 1.
    package let turn: Int
    /// The adapter before the one that the round starts from; ranges and places come from what lies between the two. Nil where there
    /// is none: then ranges are `limit`, and all values are sent.
    package let since: RoundNumber?
    /// The values of the layout that are sent; nil for all.
    package let places: ValueMask?

    package static let margins = 0.01...1e6
    package static let limits = Double.leastNormalMagnitude...1e12

    package init(
        scales: Scales, margin: Double, limit: Double, feedback: Double, fraction: Double, rotation: Double, turn: Int,
        since: RoundNumber?, places: ValueMask?
    ) {
        self.scales = scales
        self.margin = margin
        self.limit = limit
        self.feedback = feedback
        self.fraction = fraction
        self.rotation = rotation
        self.turn = turn
        self.since = since
        self.places = places
    }

    /// In a few words, for whoever looks.
    package func summary(bits: Int, values: Int) -> String {
        var words = ["\(bits) bits"]
        if scales == .released { words.append("scales of the last step") }
        if let places { words.append("\(places.count) of \(values) values") }
        if feedback > 0 { words.append(feedback == 1 ? "error feedback" : "error feedback \(feedback)") }
        return words.joined(separator: ", ")
    }

    /// Why ranges or places are not what the step between two adapters makes of them; nil if they are.
    package func fault(in layout: VectorLayout, after step: ReleasedStep) throws(FederationError) -> String? {
        if scales == .released, since != nil {
            let expected = step.ranges(of: layout, margin: margin, limit: limit)
            if let index = layout.segments.indices.first(where: { layout.segments[$0].range != expected[$0] }) {
                let segment = layout.segments[index]
                return
                    "it gives \(segment.name) the range \(segment.range), the last released step makes it \(expected[index])"
            }
        }
        // All values are never too few.
        guard let places, try step.places(fraction: fraction, rotation: rotation, turn: turn) != places else {
            return nil
        }
        return "its places are not those that the last released step makes"
    }
}

extension CompressionPlan {
    package var value: Value {
        .map([
            ("scales", .text(scales.rawValue)), ("margin", .double(margin)), ("limit", .double(limit)),
            ("feedback", .double(feedback)), ("fraction", .double(fraction)), ("rotation", .double(rotation)),
            ("turn", .number(turn)), ("since", since.map(Value.round) ?? .none),
            ("places", places.map { .bytes($0.gaps) } ?? .none),
        ])
    }

    /// - Parameter layout: the opening's.
    package init(_ value: Value, layout: VectorLayout) throws {
        var fields = try Fields(value, at: "compression")
        scales = try fields.choice("scales")
        margin = try fields.real("margin", in: CompressionPlan.margins)
        limit = try fields.real("limit", in: CompressionPlan.limits)
        feedback = try fields.real("feedback", in: 0...1)
        fraction = try fields.real("fraction", in: Double.leastNormalMagnitude...1)
        rotation = try fields.real("rotation", in: 0...1)
        turn = try fields.integer("turn", in: 1...1_000_000)
        since = try fields.optionalCount("since", in: 0...Int(UInt32.max)).map { RoundNumber($0) }
        places = try fields.optional("places").map { value in
            guard case .bytes(let bytes) = value else {
                throw FederationError.malformed(place: "compression.places", "expected bytes, found \(value.kind)")
            }
            return try ValueMask(gaps: bytes, values: layout.count)
        }
        try fields.finish()
        guard places == nil || since != nil else {
            throw FederationError.malformed(
                place: "compression.places", "they come from a step, and `since` names none")
        }
    }
}
