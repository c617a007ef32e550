// Products of many public powers: prod c_j^(r_j), for weights r_j of a few bytes. By buckets (Pippenger, "On the
// evaluation of powers and related problems", FOCS 1976; Bernstein, Doumen, Lange, Oosterwijk, "Faster batch forgery
// identification", INDOCRYPT 2012): for each place of a weight's digits, all values with the same digit there are
// multiplied together first. Nothing here takes the same time for all operands: values and weights are public.

extension Modulus {
    /// The product of value(j)^(weight j) over j in 0..<count.
    ///
    /// - Parameters:
    ///   - weights: `weightBytes` for each, least significant first.
    ///   - value: the j-th value, most significant byte first, below the modulus.
    package func weightedProduct(
        of count: Int, weights: UnsafeRawBufferPointer, weightBytes: Int, _ value: (Int) -> UnsafeRawBufferPointer
    ) -> Integer {
        precondition(weights.count == count * weightBytes, "a weight for each value")
        // Half bytes where whole ones would leave most buckets empty.
        let digitBits = count < 400 ? 4 : 8
        let digits = weightBytes * 8 / digitBits
        let buckets = 1 << digitBits
        let products = ProductRow(count: digits * buckets, modulus: self)
        let factor = LimbBuffer(count: limbCount)
        for index in 0..<count {
            ResidueBytes.read(value(index), into: factor.base, count: limbCount)
            for digit in 0..<digits {
                let byte = Int(weights[index * weightBytes + digit * digitBits / 8])
                let bucket = byte >> (digit * digitBits % 8) & (buckets - 1)
                if bucket > 0 { products.multiply(digit * buckets + bucket, by: factor.base) }
            }
        }
        var result: Integer = 1
        for digit in (0..<digits).reversed() {
            for _ in 0..<digitBits { result = multiply(result, result) }
            // prod B_k^k = B_top * (B_top B_(top-1)) * ...: each running product once into the sum of them.
            let sums = ProductRow(count: 2, modulus: self)
            for bucket in (1..<buckets).reversed() {
                sums.multiply(0, by: products, digit * buckets + bucket)
                sums.multiply(1, by: sums, 0)
            }
            result = multiply(result, sums.integer(1))
        }
        return result
    }
}

/// Products in a row, each empty at first.
private struct ProductRow: ~Copyable {
    private let multiplier: ModularMultiplier
    private let limbs: LimbBuffer
    private let isEmpty: UnsafeMutablePointer<Bool>
    private let width: Int

    init(count: Int, modulus: Modulus) {
        multiplier = ModularMultiplier(modulus)
        width = modulus.limbCount
        limbs = LimbBuffer(count: count * modulus.limbCount)
        isEmpty = .allocate(capacity: count)
        isEmpty.initialize(repeating: true, count: count)
    }

    deinit { isEmpty.deallocate() }

    borrowing func multiply(_ index: Int, by factor: UnsafePointer<Limb>) {
        let product = limbs.base + index * width
        if isEmpty[index] {
            product.update(from: factor, count: width)
        } else {
            multiplier.multiply(product, by: factor)
        }
        isEmpty[index] = false
    }

    /// By a product of another row, unless that is empty.
    borrowing func multiply(_ index: Int, by other: borrowing ProductRow, _ place: Int) {
        if !other.isEmpty[place] { multiply(index, by: other.limbs.base + place * width) }
    }

    borrowing func integer(_ index: Int) -> Integer {
        isEmpty[index] ? 1 : Integer(limbs: limbs.base + index * width, count: width)
    }
}
