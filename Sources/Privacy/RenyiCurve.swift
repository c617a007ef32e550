internal import Glibc

/// What a release tells of one unit at most: Rényi divergences between its outputs with and without the unit, in nats, at a fixed
/// list of orders (Mironov 2017, arXiv 1702.07476). Releases compose by adding their curves, however each was chosen after the others.
package struct RenyiCurve: Hashable, Sendable {
    /// Those of Google's dp-accounting, so that figures can be held against its: 1.1 to 10.9 by tenths, 11 to 63, and powers of 2 to 1024.
    package static let orders: [Double] =
        (1..<100).map { 1 + Double($0) / 10 } + (11..<64).map(Double.init) + [128, 256, 512, 1024]

    /// One value an order, none below 0; infinity where nothing is promised.
    package let values: [Double]

    /// Of nothing said.
    package static let none = RenyiCurve { _ in 0 }

    package init(_ divergence: (Double) -> Double) { values = RenyiCurve.orders.map(divergence) }

    private init(values: [Double]) { self.values = values }

    package static func + (left: RenyiCurve, right: RenyiCurve) -> RenyiCurve {
        RenyiCurve(values: zip(left.values, right.values).map(+))
    }

    /// Of so many such releases.
    package static func * (curve: RenyiCurve, count: Int) -> RenyiCurve {
        precondition(count >= 0, "a number of releases")
        return count == 0 ? .none : RenyiCurve(values: curve.values.map { $0 * Double(count) })
    }

    /// The smallest epsilon that the curve shows for a delta: over the orders the least of
    ///
    ///     divergence + log(1 - 1/order) - log(delta order) / (order - 1)
    ///
    /// (Canonne, Kamath and Steinke 2020, arXiv 2004.00010, proposition 12), and 0 where the divergence alone bounds the total variation
    /// by delta (Bretagnolle and Huber). Infinity where no order promises anything.
    package func epsilon(delta: Double) -> Double {
        precondition(delta > 0 && delta < 1, "a probability")
        var least = Double.infinity
        for (order, value) in zip(RenyiCurve.orders, values) where value.isFinite {
            if delta * delta + expm1(-value) > 0 { return 0 }
            least = min(least, value + log1p(-1 / order) - log(delta * order) / (order - 1))
        }
        return max(0, least)
    }
}
