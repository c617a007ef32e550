/// How the last update moved the adapter: known to everyone who holds the adapters before and after it, so that ranges and places
/// made of it are the same numbers everywhere, and nobody has to be believed.
///
/// Maxima, comparisons and single products of IEEE 754 numbers alone: no sum whose order could change a bit.
package struct ReleasedStep: Sendable {
    /// |after - before|, value by value, in f32.
    private let magnitudes: [Float]

    /// Of two adapters of one length.
    package init(from before: [Float], to after: [Float]) {
        magnitudes = zip(before, after).map { ($1 - $0).magnitude }
    }

    /// A range for each segment of `layout`: `margin` times the largest step of its values, `limit` at most, and where nothing moved
    /// `limit` itself.
    package func ranges(of layout: VectorLayout, margin: Double, limit: Double) -> [Double] {
        var first = 0
        return layout.segments.map { segment in
            defer { first += segment.count }
            let largest = magnitudes[first..<first + segment.count].max() ?? 0
            return largest > 0 ? min(limit, max(margin * Double(largest), Double(Float.leastNormalMagnitude))) : limit
        }
    }

    /// The places that are sent next: of a share `fraction` of all the largest part moved most in the step, and the share `rotation`
    /// of them comes in by turn, whatever it did, so that each value is sent now and then.
    ///
    /// - Parameter turn: counts updates from 1.
    /// - Returns: nil where that is all of them.
    package func places(fraction: Double, rotation: Double, turn: Int) throws(FederationError) -> ValueMask? {
        let values = magnitudes.count
        let wanted = min(values, max(1, Int((fraction * Double(values)).rounded(.up))))
        guard wanted < values else { return nil }
        let fresh = Int((rotation * Double(wanted)).rounded())
        var chosen = [Bool](repeating: false, count: values)
        var count = 0
        for place in largest(wanted - fresh) {
            chosen[place] = true
            count += 1
        }
        // A walk over all places in steps of about their golden section: what comes by turn lies all over the adapter.
        let stride = ReleasedStep.stride(over: values)
        var place = ReleasedStep.product(ReleasedStep.product(turn, max(fresh, 1), values), stride, values)
        while count < wanted {
            if !chosen[place] {
                chosen[place] = true
                count += 1
            }
            place = (place + stride) % values
        }
        return try ValueMask(places: chosen.indices.lazy.filter { chosen[$0] }, of: values)
    }

    /// Those of the `count` largest steps, of equal ones the first; none that did not move.
    private func largest(_ count: Int) -> [Int] {
        let moved = magnitudes.indices.filter { magnitudes[$0] > 0 }
        guard moved.count > count else { return moved }
        return Array(
            moved.sorted { left, right in
                let (a, b) = (magnitudes[left], magnitudes[right])
                return a != b ? a > b : left < right
            }.prefix(count))
    }

    /// Coprime to `values`, so that the walk visits each place before it comes back.
    private static func stride(over values: Int) -> Int {
        var stride = max(1, Int(Double(values) * 0.618_033_988_749_894_9))
        while gcd(stride, values) != 1 { stride += 1 }
        return stride % max(values, 1)
    }

    private static func gcd(_ a: Int, _ b: Int) -> Int { b == 0 ? a : gcd(b, a % b) }

    private static func product(_ a: Int, _ b: Int, _ modulus: Int) -> Int {
        modulus.dividingFullWidth((a % modulus).multipliedFullWidth(by: b % modulus)).remainder
    }
}
