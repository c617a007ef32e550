internal import CMontgomery
internal import Glibc

/// How residues are multiplied. Both ways give the same residues, bit for bit.
package enum Arithmetic: String, Hashable, Sendable, CaseIterable {
    /// GMP, one residue at a time, on any processor.
    case portable
    /// AVX-512 IFMA, eight residues at a time.
    case lanes

    /// The ways that this machine has.
    package static var supported: [Arithmetic] { hasLanes ? [.portable, .lanes] : [.portable] }

    /// The quickest of them. The environment's TRIBUTARY_ARITHMETIC=portable is for measuring and testing the other.
    package static let fastest: Arithmetic =
        hasLanes && getenv("TRIBUTARY_ARITHMETIC").map { strcmp($0, "portable") != 0 } ?? true ? .lanes : .portable

    private static let hasLanes = tributary_lanes_supported()
}
