/// A row of limbs at a fixed address, zero at first and wiped on release.
package struct LimbBuffer: ~Copyable {
    package let base: UnsafeMutablePointer<Limb>
    package let count: Int

    package init(count: Int) {
        self.count = count
        base = NumberMemory.obtain(count * MemoryLayout<Limb>.stride).bindMemory(to: Limb.self, capacity: count)
        base.initialize(repeating: 0, count: count)
    }

    deinit {
        NumberMemory.release(base, count * MemoryLayout<Limb>.stride)
    }
}
