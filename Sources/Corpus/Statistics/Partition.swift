package import Configuration
import Sodium
package import Tokenization

/// Which split a patient's stays go to: decided by a hash of the patient's identifier under the run's salt, so that all
/// stays of a patient go the same way, whatever the order of rows, and so that another salt draws another split.
package struct Partition: Sendable, Hashable {
    package enum Scheme: Sendable, Hashable {
        /// Shares of patients; the rest are for training.
        case shares(validation: Double, test: Double)
        /// Cross-validation: fold `index` of `count` is for testing; `validation` is a share of the others.
        case fold(index: Int, count: Int, validation: Double)
    }

    package let salt: String
    package let scheme: Scheme

    package init(salt: String, scheme: Scheme) {
        self.salt = salt
        self.scheme = scheme
    }

    package func split(of patient: String) -> TokenShard.Split {
        let (first, second) = uniform(patient)
        switch scheme {
        case .shares(let validation, let test):
            return first < test ? .test : first < test + validation ? .validation : .train
        case .fold(let index, let count, let validation):
            if min(Int(first * Double(count)), count - 1) == index { return .test }
            return second < validation ? .validation : .train
        }
    }

    /// Where a patient stands among the others: 32 bytes of BLAKE2b, compared byte by byte. The lengths keep (salt, patient) pairs apart.
    package func rank(of patient: String) -> [UInt8] {
        Digest(of: Array("tributary split\n\(salt.utf8.count) \(salt)\n\(patient.utf8.count) \(patient)".utf8)).bytes
    }

    /// Two numbers in [0, 1), 53 bits each, of the rank.
    private func uniform(_ patient: String) -> (Double, Double) {
        let bytes = rank(of: patient)
        func number(_ start: Int) -> Double {
            let bits = bytes[start..<(start + 8)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return Double(bits >> 11) * 0x1p-53
        }
        return (number(0), number(8))
    }
}

extension Partition: Configurable {
    package init(from file: Section) throws {
        salt = file.string("salt", about: "a text; another one draws another split")
        let validation = file.double(
            "validation", in: 0...0.5, default: 0.1,
            about: "share of patients for validation; with folds of those not in the fold")
        if file.has("folds") || file.has("fold") {
            let count = file.int("folds", in: 2...20, about: "instead of `test`: into how many folds patients are put")
            let index = file.int("fold", in: 0...(count - 1), about: "the fold that is for testing, from 0")
            scheme = .fold(index: index, count: count, validation: validation)
        } else {
            let test = file.double("test", in: 0...0.5, default: 0.2, about: "share of patients for testing")
            if validation + test >= 0.9 { file.refuse("test", "leaves less than a tenth for training") }
            scheme = .shares(validation: validation, test: test)
        }
    }
}
