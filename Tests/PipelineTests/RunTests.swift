import Adapter
import Encryption
import Federation
import Keys
import Publication
import Safetensors
import StageKit
import Testing
import Topology

extension PipelineSuite {
    @Suite("Whole runs")
    struct RunTests {
        @Test("One cloud in clear trains an adapter and publishes it as a sound release")
        func oneCloud() async throws {
            // Large enough that vectors and adapters take more than one chunk, and a spool file.
            let run = try FederationRun(
                .init(clouds: ["north"], suite: .clear, rank: 48, targets: "[q_proj, v_proj, down_proj, up_proj]"))
            try run.startAll()
            let statuses = try await run.finish()
            #expect(statuses.count == 5)
            #expect(statuses.values.allSatisfy { $0 == 0 })
            let found = ReleaseVerification.verify("\(run.releases)/latest")
            #expect(found.isSound, "\(found.problems)")
            #expect(try run.adapter().values.allSatisfy { !$0.isEmpty })
            let sealed = try await run.event("contribution_sealed", round: 2)
            #expect(sealed.fields["values"].flatMap { Int($0) } ?? 0 > Payload.inlineLimit / 4)
        }

        @Test("Three clouds under Paillier and CURVE end with a sound release, every stage in order")
        func threeClouds() async throws {
            let watched = try await SharedRuns.paillier()
            #expect(watched.statuses.count == 11)
            #expect(watched.statuses.values.allSatisfy { $0 == 0 }, "\(watched.statuses)")
            let found = ReleaseVerification.verify("\(watched.run.releases)/latest")
            #expect(found.isSound, "\(found.problems)")
            let opening = watched.round.opening.content
            #expect(opening.suite == .paillier)
            #expect(opening.keyID.count == 16)
            #expect(watched.round.parts.parts.map(\.cloud.description) == ["east", "north", "west"])
            // A changed byte of the adapter is seen.
            let weights = "\(watched.run.releases)/latest/adapter_model.safetensors"
            let sound = try watched.run.read(weights)
            var spoiled = sound
            spoiled[spoiled.count - 1] ^= 1
            try watched.run.write(spoiled, weights)
            #expect(!ReleaseVerification.verify("\(watched.run.releases)/latest").isSound)
            try watched.run.write(sound, weights)
        }

        @Test("The opened sum is the sum of the quantised deltas bit for bit, under Paillier and in clear")
        func exactSum() async throws {
            for watched in [try await SharedRuns.paillier(), try await SharedRuns.clear()] {
                let opening = watched.round.opening.content
                let clear = try ObservedRound.Clear(opening: opening, deltas: watched.round.deltas, run: watched.run)
                var expected = [UInt64](repeating: 0, count: opening.layout.count)
                for values in clear.quantised.values {
                    for (index, value) in values.enumerated() { expected[index] += UInt64(value) }
                }
                #expect(clear.quantised.count == 3)
                let opened = try watched.openedSum()
                #expect(opened == expected)
                // The quantised values stand for what was trained: no further off than one step of the grid.
                for (cloud, values) in clear.quantised {
                    let delta = watched.round.deltas[cloud] ?? []
                    let weight = opening.foldedWeight(of: cloud)
                    let step = (opening.layout.segments.first?.range ?? 0) / Double((1 << (opening.bits - 1)) - 1)
                    let offset = Double(1 << (opening.bits - 1))
                    // What lies beyond the range is clipped to it before it is rounded.
                    let range = opening.layout.segments.first?.range ?? 0
                    let worst =
                        zip(values, delta).map { value, delta in
                            abs((Double(value) - offset) * step - min(max(Double(delta) * weight, -range), range))
                        }.max() ?? .infinity
                    #expect(worst <= step * 1.001)
                    #expect(delta.contains { $0 != 0 })
                }
                // And the release is what that sum makes of the untrained adapter, whose B is zero.
                let total = opening.cohort.reduce(0.0) { $0 + opening.foldedWeight(of: $1.cloud) }
                let step = (opening.layout.segments.first?.range ?? 0) / Double((1 << (opening.bits - 1)) - 1)
                let offset = Double(3 << (opening.bits - 1))
                let mean = expected.map { Float(step * (Double($0) - offset) / total) }
                let released = try SafetensorsFile(path: "\(watched.run.releases)/round-0002/adapter_model.safetensors")
                var at = 0
                for segment in opening.layout.segments {
                    let values = try released.floats(segment.name)
                    let wanted = Array(mean[at..<(at + segment.count)])
                    #expect(zip(values, wanted).allSatisfy { abs($0 - $1) <= 1e-6 * max(1e-3, abs($1)) })
                    at += segment.count
                }
            }
        }

        @Test("A second run with the same seed, keys and cohorts publishes the same bytes, and so does one in clear")
        func sameBytes() async throws {
            let first = try await SharedRuns.paillier()
            let again = try FederationRun(SharedRuns.plan, keys: first.run)
            try await again.run()
            let files = try first.run.adapter()
            #expect(files.values.allSatisfy { !$0.isEmpty })
            #expect(try again.adapter() == files)
            #expect(try await SharedRuns.clear().run.adapter() == files)
            // Who opens the sums makes no difference to them.
            var plan = SharedRuns.plan
            plan.keys = .publisher
            let alone = try FederationRun(plan, keys: first.run)
            try await alone.run()
            #expect(try alone.adapter() == files)
        }

        @Test(
            "With plaintexts mod n^s the same bytes are published, for three quarters and two thirds of the upload",
            arguments: [2, 3])
        func longerPlaintexts(degree: Int) async throws {
            let first = try await SharedRuns.paillier()
            var plan = SharedRuns.plan
            (plan.keys, plan.degree) = (.publisher, degree)
            let run = try FederationRun(plan, keys: first.run)
            try await run.run()
            #expect(try run.adapter() == first.run.adapter())
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
            func bytes(_ run: FederationRun) async throws -> Int {
                try #require(Int(try await run.event("contribution_sealed", round: 2).fields["bytes"] ?? ""))
            }
            let manifest = try ReleaseManifest(try run.read("\(run.releases)/latest/manifest.json"))
            #expect(manifest.privacy.damgardJurik == degree)
            // 12 bits, 3 clouds: slots of 14 bits, of which the lowest counts.
            let values = first.round.opening.content.layout.count
            let (short, long) = (3071 / 14 - 1, degree * 3071 / 14 - 1)
            #expect(try await bytes(first.run) == (values + short - 1) / short * 768)
            #expect(try await bytes(run) == (values + long - 1) / long * (degree + 1) * 384)
            let share = Double(try await bytes(run)) / Double(try await bytes(first.run))
            // Three quarters and two thirds of many ciphertexts; here are few, and the last is part-filled.
            #expect(share < 0.85, "\(share)")
        }

        @Test("Another seed publishes other bytes")
        func otherSeed() async throws {
            let first = try await SharedRuns.clear()
            var plan = first.run.plan
            plan.seed = 4
            let other = try FederationRun(plan, keys: first.run)
            try await other.run()
            #expect(try other.adapter() != first.run.adapter())
        }
    }
}

extension WatchedRun {
    /// What aggregate sent, opened here as the suite and the keys ask.
    func openedSum() throws -> [UInt64] {
        let opening = round.opening.content
        let slots = try SlotLayout(bits: opening.bits, cohort: opening.cohort.count)
        let contributions = round.parts.parts.count
        guard opening.suite == .paillier else {
            let opener = ClearScheme(layout: opening.layout, slots: slots)
            return try opener.open(round.sum, sealing: opener.sealing, contributions: contributions, threads: 1)
        }
        let key = try run.sharedKey()
        let verifier = OpeningVerifier(key: key, layout: opening.layout, slots: slots)
        // Others than those that publish took.
        let openings = try ["north", "west"].map { cloud in
            let helper = try PartialOpener(
                share: try run.share(of: try CloudName(cloud)), key: key, layout: opening.layout, slots: slots)
            let row = try helper.row(
                of: round.sum, units: 0..<helper.shape.units, sealing: helper.sealing, threads: 1)
            let proof = try helper.proof(of: row, sum: round.sum, context: [], threads: 1)
            return try verifier.verify(
                row, proof: proof, party: helper.party, sum: round.sum, context: [], threads: 1)
        }
        return try ThresholdOpener(key: key, layout: opening.layout, slots: slots).open(
            openings, contributions: contributions, threads: 1)
    }
}
