/// A cloud's weight as the others may see it: its count of training records, capped and bucketed, so that a contribution
/// does not tell exactly how many records lie behind it.
package enum Weight {
    package static let maximum = 1 << 24
    package static let range = 1...maximum

    /// Of a cloud that came after the statistics round, in which the others declared theirs: the smallest of those, so that it
    /// outweighs nobody, and everybody can tell that it is right.
    package static func ofLatecomer(among declared: some Collection<UInt32>) -> UInt32 { declared.min() ?? 1 }

    /// The largest number of the form 2^k or 3 * 2^k that is not above `count`: two significant bits, at least 1.
    package static func bucket(_ count: Int) -> UInt32 {
        let capped = UInt32(clamping: min(max(count, 1), maximum))
        let top = UInt32(1) << (31 - UInt32(capped.leadingZeroBitCount))
        let half = top + top / 2
        return top > 1 && capped >= half ? half : top
    }

    /// A loss to four significant bits, steps of a tenth or less: two would hide what clouds differ by.
    package static func bucket(loss: UInt32) -> UInt32 { toFourBits(loss) }

    /// A time in milliseconds, as it is measured.
    package static func milliseconds(_ time: Duration) -> UInt32 {
        UInt32(clamping: Int(min(max(time / .milliseconds(1), 1), Double(maximum))))
    }

    /// A time to four significant bits, in milliseconds.
    package static func bucket(time: Duration) -> UInt32 { bucket(milliseconds: milliseconds(time)) }
    package static func bucket(milliseconds: UInt32) -> UInt32 { toFourBits(milliseconds) }

    private static func toFourBits(_ value: UInt32) -> UInt32 {
        let capped = min(max(value, 1), UInt32(maximum))
        let excess = max(0, 28 - capped.leadingZeroBitCount)
        return (capped >> UInt32(excess)) << UInt32(excess)
    }
}
