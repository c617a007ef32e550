internal import CGMP

extension Integer {
    /// The remainder in 0..<divisor; the divisor must not be 0.
    package func remainder(dividingBy divisor: UInt) -> UInt {
        precondition(divisor > 0, "division by zero")
        return UInt(__gmpz_fdiv_ui(mpz, divisor))
    }

    /// The Jacobi symbol (self / modulus) for an odd modulus: 1, -1, or 0 where the two share a factor.
    package func jacobiSymbol(over modulus: Integer) -> Int {
        precondition(modulus.isOdd, "an odd modulus")
        return Int(__gmpz_jacobi(mpz, modulus.mpz))
    }
}
