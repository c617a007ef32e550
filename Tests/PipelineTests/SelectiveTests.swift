import Aggregation
import Encryption
import Federation
import Foundation
import Keys
import MessagePack
import Publication
import Safetensors
import Sodium
import StageKit
import Testing
import Topology

extension PipelineSuite {
    /// Runs whose updates are encrypted in part, over real stages and with keys that the clouds share.
    @Suite("What is not encrypted")
    struct SelectiveTests {
        /// Noise of 0.2 clip norms: over these adapters some 0.005 a value, in a range of 0.024.
        static func plan(
            _ encryption: String, limits: String, evaluates: Bool = true, more: String = ""
        ) -> FederationRun.Plan {
            .init(
                updates: 1, plant: Canaries.plant,
                configs: [
                    .publish: """
                    base: \(FederationRun.baseModel)
                    base-name: tributary-base
                    variables: \(FederationRun.repository)/configs/variables.yaml
                    seed: 3
                    rounds: 1
                    local-steps: 4
                    batch-size: 8
                    clip-norm: 1
                    adapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj]}
                    minimum-cohort: 3
                    deadline: 5m
                    validate-every: 0
                    test: \(evaluates)
                    threads: 1
                    encryption: \(encryption)
                    \(more)
                    """,
                    .encrypt: "threads: 1\nlimits: {minimum-cohort: 3, \(limits)}\n",
                    .localTrain:
                        "trainer: lora\nbase: \(FederationRun.baseModel)\nthreads: 1\nsensitivity-records: 16\n",
                    .aggregate: "threads: 1\nevidence-rounds: 10\n",
                ])
        }

        private func evidence(_ round: Int, of run: FederationRun) -> EvidenceFolder {
            EvidenceFolder("\(run.topology.stateFolder(of: run.topology.aggregate))/evidence/\(round)")
        }

        /// The same opening with everything encrypted.
        private func whole(_ opening: Opening) throws -> Opening {
            guard case .map(let pairs) = opening.value else { return opening }
            return try Opening(.map(pairs.map { ($0.key, $0.key == "encryption" ? .none : $0.value) }))
        }

        @Test("At 30 % the sensitive values do not leave a cloud, the rest goes with noise, and the release says so")
        func selective() async throws {
            let run = try FederationRun(
                Self.plan(
                    "{formula: selective, fraction: 0.3, noise: 0.2}",
                    limits: "minimum-fraction: 0.3, minimum-noise: 0.2"),
                keys: try await OpeningStand.keys.value)
            var needles: [Needle] = []
            var found = ByteSearch.Result()
            var control = ByteSearch.Result()
            let round = try await ObservedRound(
                run, round: 3,
                whileHolding: { clear in
                    needles = try Canaries.needles(clear, of: run) + sensitive(clear)
                    found = try ByteSearch(needles).holdings(of: run.topology.aggregate, in: run)
                    run.resume(run.topology.aggregate)
                    control = try ByteSearch(needles).control(below: "\(run.root)/decoy")
                },
                whenClosed: { _ in
                    found = found + (try ByteSearch(needles).holdings(of: run.topology.aggregate, in: run))
                    found = found + (try ByteSearch(needles).holdings(of: run.topology.publish, in: run))
                })
            #expect(found.found == [])
            #expect(found.bytes > 4 << 20)
            #expect(control.whats == Set(needles.map(\.what)))
            let opening = round.opening.content
            guard case .selective(let mask, let noise) = opening.encryption else {
                Issue.record("round 3 encrypts everything")
                return
            }
            let count = opening.layout.count
            #expect(noise == 0.2 && mask.count == Int((0.3 * Double(count)).rounded(.up)))

            // What is sent is smaller, and is what was announced.
            let key = try run.sharedKey().paillier
            let (part, all) = (try RoundScheme(opening, key: key), try RoundScheme(whole(opening), key: key))
            #expect(part.byteCount < all.byteCount)
            for cloud in run.topology.dataClouds {
                let sealed = try await run.event(
                    "contribution_sealed", of: StageName(cloud: cloud, kind: .encrypt), round: 3)
                #expect(sealed.fields["bytes"] == "\(part.byteCount)")
            }

            // The release is the exact sum where values were encrypted, and has the noise of three clouds elsewhere.
            let clear = try ObservedRound.Clear(opening: opening, deltas: round.deltas, run: run)
            let total = opening.cohort.reduce(0.0) { $0 + opening.foldedWeight(of: $1.cloud) }
            let range = opening.layout.segments.first?.range ?? 0
            let step = range / Double((1 << (opening.bits - 1)) - 1)
            let released = try SafetensorsFile(path: "\(run.releases)/round-0003/adapter_model.safetensors")
            var (squares, place) = (0.0, 0)
            for segment in opening.layout.segments {
                for value in try released.floats(segment.name) {
                    let sum = clear.quantised.values.reduce(0.0) {
                        $0 + Double($1[place]) - Double(1 << (opening.bits - 1))
                    }
                    let off = Double(value) - step * sum / total
                    if mask.contains(place) {
                        #expect(abs(off) <= 1e-6 * max(1e-3, abs(Double(value))))
                    } else {
                        squares += off * off
                    }
                    place += 1
                }
            }
            let deviation = (squares / Double(count - mask.count)).squareRoot() * total
            #expect(abs(deviation / (3.0.squareRoot() * opening.noiseDeviation) - 1) < 0.1)

            // Anybody can add it up again, clear part and all.
            func audit() throws -> Audit {
                try Audit(
                    evidence(3, of: run), publisher: run.topology.publish,
                    keys: { try run.keys.card(of: $0).verifying },
                    publicKey: { _ in key }, arePartsProved: true, threads: 1)
            }
            #expect(try audit().isSound)
            let path = evidence(3, of: run).contributionPath(try CloudName("west"))
            var contribution = try run.read(path)
            contribution[contribution.count - 2] ^= 1
            try FileManager.default.removeItem(atPath: path)
            try run.write(contribution, path)
            #expect(try !audit().isSound)

            let verification = ReleaseVerification.verify("\(run.releases)/latest")
            #expect(verification.isSound, "\(verification.problems)")
            let manifest = try ReleaseManifest(run.read("\(run.releases)/latest/manifest.json"))
            let stamped = try #require(manifest.privacy.encryption)
            #expect(stamped.formula == "selective" && stamped.noise == 0.2 && stamped.warning == nil)
            #expect(stamped.fraction == Double(mask.count) / Double(count))
            #expect(stamped.noiseDeviation == opening.noiseDeviation)
            #expect(stamped.epsilon ?? 0 > 1000)
            #expect(manifest.privacy.bits == 12 && manifest.privacy.clipNorm == 1)
            #expect(manifest.privacy.whoCouldOpen.contains("the part that is not encrypted was seen by"))
            #expect(
                try ReleaseManifest.Round.listed(in: run.releases).map(\.purpose) == [
                    .statistics, .sensitivity, .update, .evaluation,
                ])
            let card = String(decoding: try run.read("\(run.releases)/latest/README.md"), as: UTF8.self)
            #expect(card.contains("Gaussian noise"))
        }

        /// The values inside the mask as they lie one behind the other, in the forms in which they could be sent.
        private func sensitive(_ clear: ObservedRound.Clear) throws -> [Needle] {
            guard case .selective(let mask, _) = clear.opening.encryption else { return [] }
            let places = (0..<mask.values).filter(mask.contains)
            return try clear.quantised.keys.sorted().flatMap { cloud -> [Needle] in
                let codes = places.map { clear.quantised[cloud]?[$0] ?? 0 }
                let floats = places.map { clear.deltas[cloud]?[$0] ?? 0 }
                let middle = codes.count / 2
                let window = middle..<middle + 16
                try #require(Set(codes[window]).count > 8)
                let forms: [(String, [UInt8])] = [
                    ("sensitive f32", floats[window].flatMap { bytes($0.bitPattern) }),
                    ("sensitive u32", codes[window].flatMap { bytes($0) }),
                    ("sensitive u16", codes[window].flatMap { bytes(UInt16($0)) }),
                ]
                // Without gaps, from any bit of a byte on.
                return forms.map { Needle(what: $0, bytes: $1) }
                    + (0..<8).map {
                        Needle(what: "sensitive packed", bytes: packed(Array(codes[window]), 14, from: $0))
                    }
            }
        }

        private func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
            withUnsafeBytes(of: number.littleEndian) { Array($0) }
        }

        /// Values of `width` bits one behind the other, the first from bit `start` on; whole bytes of them alone.
        private func packed(_ values: [UInt32], _ width: Int, from start: Int) -> [UInt8] {
            var bits = [Bool](repeating: false, count: start)
            for value in values { for bit in 0..<width { bits.append(value >> UInt32(bit) & 1 == 1) } }
            let bytes = stride(from: 0, to: bits.count - 7, by: 8).map { first in
                (0..<8).reduce(UInt8(0)) { $0 | (bits[first + $1] ? 1 << UInt8($1) : 0) }
            }
            return Array(bytes.dropFirst())
        }

        @Test(
            "Under equation 4 to the letter the same search finds every cloud's update at aggregate, as all were told")
        func literal() async throws {
            let run = try FederationRun(
                Self.plan(
                    "{formula: literal-eq4, fraction: 0.5}", limits: "literal: true", more: "weights: {mode: uniform}"),
                keys: try await OpeningStand.keys.value)
            var found = ByteSearch.Result()
            var needles: [Needle] = []
            let round = try await ObservedRound(
                run,
                whenClosed: { clear in
                    needles = try clear.deltas.keys.sorted().map { cloud in
                        Needle(what: "update of \(cloud)", bytes: try secondTerm(of: cloud, clear, run))
                    }
                    found = try ByteSearch(needles).holdings(of: run.topology.aggregate, in: run)
                })
            #expect(found.whats == Set(needles.map(\.what)) && needles.count == 3)
            #expect(round.opening.content.encryption == .literal(omega: 0.5))
            for stage in [run.topology.publish, run.stage(.encrypt, "north")] {
                let told = try await run.event("literal_formula", of: stage, round: 2)
                #expect(told.fields["reason"]?.contains("hides nothing") == true)
            }
            let atStart = try await run.event("literal_formula_allowed", of: run.stage(.encrypt, "north"))
            #expect(atStart.fields["reason"]?.contains("hides nothing") == true)
            #expect(run.book.all.contains { $0.name == "literal_formula" && $0.round == 0 })
            let manifest = try ReleaseManifest(run.read("\(run.releases)/latest/manifest.json"))
            #expect(manifest.privacy.encryption?.formula == "literal-eq4")
            #expect(manifest.privacy.encryption?.warning?.contains("hides nothing") == true)
            // omega cancels: what is released is the plain mean of the updates.
            let opening = round.opening.content
            let step = (opening.layout.segments.first?.range ?? 0) / Double((1 << (opening.bits - 1)) - 1)
            let released = try SafetensorsFile(path: "\(run.releases)/round-0002/adapter_model.safetensors")
            var place = 0
            for segment in opening.layout.segments {
                for value in try released.floats(segment.name) {
                    let mean = round.deltas.values.reduce(0.0) { $0 + Double($1[place]) } / 3
                    #expect(abs(Double(value) - mean) <= 2 * step)
                    place += 1
                }
            }
        }

        /// A slice of (1 - omega) w as its cloud quantised and packed it: made here with the formula, the cloud's rounding and nothing
        /// of the pipeline's own packing.
        private func secondTerm(of cloud: CloudName, _ clear: ObservedRound.Clear, _ run: FederationRun) throws
            -> [UInt8]
        {
            let opening = clear.opening
            let delta = clear.deltas[cloud] ?? []
            let segments = opening.layout.segments
            let twice = try VectorLayout(
                segments
                    + segments.enumerated().map {
                        .init(name: "clear/\($0)", shape: $1.shape, range: $1.range)
                    })
            let rounding = StochasticRounding(
                secret: try run.keys.roundingSecret(of: cloud), run: opening.run, round: opening.round, cloud: cloud)
            let codes = try Quantiser(layout: twice, bits: opening.bits).quantise(
                delta.map { $0 * 0.5 } + delta.map { $0 * 0.5 }, rounding: .stochastic(rounding)
            ).values.dropFirst(delta.count)
            // Sixteen values from a multiple of four on begin with a byte: 14 bits each.
            let start = codes.startIndex + delta.count / 2 / 4 * 4
            let window = Array(codes[start..<start + 16])
            try #require(Set(window).count > 8)
            return packed([0, 0, 0, 0] + window, 14, from: 0).dropFirst(6).map { $0 }
        }
    }
}
