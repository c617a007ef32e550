/// A vector of a round before it is sealed: little-endian floats in layout order. Updates are f32, as they are trained;
/// statistics and histograms f64, so that counts stay exact.
package enum ClearVector {
    /// Bytes of one value.
    package static func width(for purpose: Purpose) -> Int { purpose == .update ? 4 : 8 }

    package static func bytes(_ values: [Float]) -> [UInt8] {
        values.withUnsafeBytes { Array($0) }  // this platform is little-endian
    }

    package static func bytes(_ values: [Double]) -> [UInt8] {
        values.withUnsafeBytes { Array($0) }
    }

    package static func floats(_ bytes: [UInt8]) throws(FederationError) -> [Float] {
        guard bytes.count.isMultiple(of: 4) else {
            throw .malformed(place: "vector", "\(bytes.count) bytes are not a whole number of f32 values")
        }
        return [Float](unsafeUninitializedCapacity: bytes.count / 4) { target, count in
            UnsafeMutableRawBufferPointer(target).copyBytes(from: bytes)
            count = bytes.count / 4
        }
    }

    package static func doubles(_ bytes: [UInt8]) throws(FederationError) -> [Double] {
        guard bytes.count.isMultiple(of: 8) else {
            throw .malformed(place: "vector", "\(bytes.count) bytes are not a whole number of f64 values")
        }
        return [Double](unsafeUninitializedCapacity: bytes.count / 8) { target, count in
            UnsafeMutableRawBufferPointer(target).copyBytes(from: bytes)
            count = bytes.count / 8
        }
    }
}
