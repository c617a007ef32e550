package import Federation
internal import Glibc

/// A quantiser's steps and the clouds' discrete Gaussians, so that the tails fit into the slots' values.
extension PrivacyPlan.SumNoise {
    /// - Parameters:
    ///   - noise: the deviation of all honest shares together, in the length of the longest quantised update.
    ///   - range: of a value; `clip`: of an update's L2 norm. Both above 0.
    ///   - bits: of a slot's value.
    /// - Returns: nil where the bits have no room for as much as one step and the tails.
    package static func fitting(
        noise: Double, honest: Int, range: Double, clip: Double, dimension: Int, bits: Int
    ) -> PrivacyPlan.SumNoise? {
        let room = UInt64(1 << (bits - 1)) - 1
        func made(_ steps: Int) -> PrivacyPlan.SumNoise? {
            let share = noise * sensitivity(steps: steps, range: range, clip: clip, dimension: dimension)
            let variance = max(1, (share * share / Double(honest)).rounded(.up))
            guard variance <= Double(DiscreteGaussian.variances.upperBound) else { return nil }
            let whole = UInt64(variance)
            guard UInt64(steps) + DiscreteGaussian.bound(whole) <= room else { return nil }
            return PrivacyPlan.SumNoise(noise: noise, honest: honest, steps: steps, variance: whole)
        }
        guard made(1) != nil else { return nil }
        // More steps want more room, so halving finds the most.
        var (low, high) = (1, Int(min(room, UInt64(Int32.max))) + 1)
        while high - low > 1 {
            let middle = (low + high) / 2
            if made(middle) == nil { high = middle } else { low = middle }
        }
        return made(low)
    }

    /// The length, in steps, of the longest update once it is rounded: clouds fold weights of 1 at most into theirs.
    package static func sensitivity(steps: Int, range: Double, clip: Double, dimension: Int) -> Double {
        DistributedGaussian.rounded(norm: clip / range * Double(steps), dimension: dimension)
    }

    /// What a sum under it tells of one cloud, whose update is there or zeros in its place.
    package func mechanism(range: Double, clip: Double, dimension: Int) -> DistributedGaussian {
        DistributedGaussian(
            shares: honest, variance: Double(variance),
            sensitivity: Self.sensitivity(steps: steps, range: range, clip: clip, dimension: dimension),
            dimension: dimension)
    }
}

extension Opening {
    /// What its sum tells of one cloud; nil without noise in the sum.
    package var sumMechanism: DistributedGaussian? {
        privacy?.sum?.mechanism(range: layout.segments[0].range, clip: clipNorm, dimension: layout.count)
    }

    /// Why the noise in its sum is less than it says, or does not fit; nil if it holds, or there is none.
    package var sumNoiseFault: String? {
        guard let sum = privacy?.sum, let mechanism = sumMechanism else { return nil }
        let together = (Double(sum.honest) * Double(sum.variance)).squareRoot()
        guard together >= sum.noise * mechanism.sensitivity * (1 - 1e-9) else {
            return
                "its shares of variance \(sum.variance) make \(together / mechanism.sensitivity) of the longest update's length, and it says \(sum.noise)"
        }
        guard mechanism.variance >= DistributedGaussian.leastVariance,
            UInt64(sum.steps) + DiscreteGaussian.bound(sum.variance) < 1 << UInt64(bits - 1)
        else { return "\(bits) bits have no room for its \(sum.steps) steps and the noise's tails" }
        return nil
    }
}
