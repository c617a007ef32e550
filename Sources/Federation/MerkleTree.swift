package import Sodium

/// A hash tree over an ordered list, after RFC 9162, section 2.1.1: leaves and nodes are hashed apart, so that no node can pass
/// for a leaf, and the left half of n leaves has the largest power of 2 below n.
package enum MerkleTree {
    /// The digest of a leaf's contents.
    package static func leaf(_ contents: [UInt8]) -> Digest { Digest(of: [0] + contents) }

    /// The root over leaves; of none, the digest of nothing.
    package static func root(_ leaves: [Digest]) -> Digest { root(leaves[...]) }

    private static func root(_ leaves: ArraySlice<Digest>) -> Digest {
        guard let first = leaves.first else { return Digest(of: [UInt8]()) }
        guard leaves.count > 1 else { return first }
        var half = 1
        while half * 2 < leaves.count { half *= 2 }
        let middle = leaves.startIndex + half
        return Digest(of: [1] + root(leaves[..<middle]).bytes + root(leaves[middle...]).bytes)
    }
}
