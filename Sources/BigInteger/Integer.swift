internal import CGMP

/// An integer of any size, over GMP; a value, copied when written to while shared. Its memory is wiped on release.
///
/// It has no description: an integer may be a key, and must not reach a log by string interpolation (`hexadecimal`).
///
/// Unchecked Sendable: storage is written only inside this module, by the value that holds the only reference to it
/// (`make` before anyone else sees it, `mutate` after isKnownUniquelyReferenced); GMP reads operands without writing.
package struct Integer: @unchecked Sendable {
    final class Storage {
        let mpz: UnsafeMutablePointer<__mpz_struct>

        init() {
            _ = WipingAllocator.installed
            mpz = .allocate(capacity: 1)
            __gmpz_init(mpz)
        }

        deinit {
            __gmpz_clear(mpz)
            mpz.deallocate()
        }
    }

    private(set) var storage: Storage

    private init(storage: Storage) { self.storage = storage }

    package init(_ value: Int) {
        self = Integer.make { __gmpz_set_si($0, value) }
    }

    package init(_ value: UInt) {
        self = Integer.make { __gmpz_set_ui($0, value) }
    }

    /// A new integer that `body` writes.
    static func make(_ body: (UnsafeMutablePointer<__mpz_struct>) -> Void) -> Integer {
        let storage = Storage()
        body(storage.mpz)
        return Integer(storage: storage)
    }

    /// Writes in place where no other value shares the storage.
    mutating func mutate(_ body: (UnsafeMutablePointer<__mpz_struct>) -> Void) {
        if !isKnownUniquelyReferenced(&storage) {
            let copy = Storage()
            __gmpz_set(copy.mpz, storage.mpz)
            storage = copy
        }
        body(storage.mpz)
    }

    var mpz: UnsafeMutablePointer<__mpz_struct> { storage.mpz }

    /// -1, 0 or 1.
    package var signum: Int { Int(mpz.pointee._mp_size.signum()) }
    package var isZero: Bool { mpz.pointee._mp_size == 0 }
    package var isOdd: Bool { __gmpz_tstbit(mpz, 0) == 1 }

    /// The number of bits of the magnitude; 0 for 0.
    package var bitWidth: Int { isZero ? 0 : Int(__gmpz_sizeinbase(mpz, 2)) }

    /// Bit `index` of a non-negative integer.
    package func bit(_ index: Int) -> Bool { __gmpz_tstbit(mpz, UInt(index)) == 1 }
}

extension Integer: ExpressibleByIntegerLiteral {
    package init(integerLiteral value: Int) { self.init(value) }
}

extension Integer: Comparable, Hashable {
    package static func == (left: Integer, right: Integer) -> Bool { __gmpz_cmp(left.mpz, right.mpz) == 0 }
    package static func < (left: Integer, right: Integer) -> Bool { __gmpz_cmp(left.mpz, right.mpz) < 0 }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(signum)
        for index in 0..<__gmpz_size(mpz) { hasher.combine(UInt(__gmpz_getlimbn(mpz, index))) }
    }
}
