import Glibc

extension Generator {
    /// Who has which patients.
    package enum Split: Sendable, Hashable {
        /// Every cloud seldom measures something of its own (docs/generator.md).
        case bySchema
        /// Every cloud measures alike, and patients fall to clouds by chance.
        case even
        /// Every cloud measures alike; of those who died, and of those who did not, the clouds have shares drawn from a symmetric
        /// Dirichlet distribution (Hsu, Qi and Brown 2019, arXiv 1909.06335). The smaller alpha, the more clouds differ in size and
        /// outcome. Drawn again until none has less than a tenth of an even share.
        case dirichlet(alpha: Double)
    }

    /// One population drawn as a whole and dealt to the clouds; empty where each cloud draws its own.
    func deal() -> [String: [GeneratedStay]] {
        let alpha: Double?
        switch split {
        case .bySchema: return [:]
        case .even: alpha = nil
        case .dirichlet(let stated): alpha = stated
        }
        var random = SeededRandom(seed: seed, label: "generator population")
        var patients: [[Visit]] = []
        var count = 0
        while count < staysPerCloud * Generator.clouds.count {
            var fixed: [String: Double] = [:]
            var visits: [Visit] = []
            repeat {
                visits.append(Visit(&random, &fixed, seldom: []))
            } while visits[visits.count - 1].comesBack(&random, visits: visits.count)
            patients.append(visits)
            count += visits.count
        }
        var dealt: [[[Visit]]]
        repeat {
            dealt = alpha.map { Generator.deal(patients, alpha: $0, &random) } ?? Generator.dealEvenly(patients)
        } while dealt.contains { $0.count * Generator.clouds.count * 10 < patients.count }
        return Dictionary(
            uniqueKeysWithValues: zip(Generator.clouds, dealt).map { cloud, own in
                var stays: [GeneratedStay] = []
                for (patient, visits) in own.enumerated() {
                    for (number, visit) in visits.enumerated() {
                        stays.append(
                            visit.stay(index: stays.count, patient: patient + 1, visit: number, schema: cloud.schema))
                    }
                }
                return (cloud.name, stays)
            })
    }

    private static func dealEvenly(_ patients: [[Visit]]) -> [[[Visit]]] {
        clouds.indices.map { cloud in
            patients.indices.filter { $0 % clouds.count == cloud }.map { patients[$0] }
        }
    }

    private static func deal(_ patients: [[Visit]], alpha: Double, _ random: inout SeededRandom) -> [[[Visit]]] {
        var dealt = clouds.map { _ in [[Visit]]() }
        for outcome in [true, false] {
            let those = patients.filter { $0.contains(where: \.died) == outcome }
            let draws = clouds.map { _ in random.gamma(shape: alpha) }
            let total = draws.reduce(0, +)
            // All of them below the least number that there is: as good as one cloud having everything.
            let shares = total > 0 ? draws.map { $0 / total } : draws.indices.map { $0 == 0 ? 1 : 0 }
            var (from, sum) = (0, 0.0)
            for (cloud, share) in shares.enumerated() {
                sum += share
                let to = cloud == clouds.count - 1 ? those.count : Int((sum * Double(those.count)).rounded())
                dealt[cloud] += those[from..<max(from, to)]
                from = max(from, to)
            }
        }
        return dealt
    }
}

extension SeededRandom {
    /// Of scale 1 (Marsaglia and Tsang, ACM TOMS 26:363, 2000; below 1 by their section 6).
    package mutating func gamma(shape: Double) -> Double {
        guard shape >= 1 else { return gamma(shape: shape + 1) * pow(1 - uniform(), 1 / shape) }
        let d = shape - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = normal()
            let v = pow(1 + c * x, 3)
            if v > 0, log(1 - uniform()) < 0.5 * x * x + d - d * v + d * log(v) { return d * v }
        }
    }
}
