internal import Glibc

/// A row of limbs at a fixed address, zero at first and wiped on release.
package struct LimbBuffer: ~Copyable {
    package let base: UnsafeMutablePointer<Limb>
    package let count: Int

    package init(count: Int) {
        self.count = count
        base = .allocate(capacity: count)
        base.initialize(repeating: 0, count: count)
    }

    deinit {
        explicit_bzero(base, count * MemoryLayout<Limb>.stride)
        base.deallocate()
    }
}
