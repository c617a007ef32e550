import BigInteger
import Encryption
import Federation
import Glibc
import Keys
import Publication
import Safetensors
import Sodium
import StageKit
import Testing
import Topology

extension PipelineSuite {
    /// A cloud whose ciphertexts are sound, and hold what no honest cloud's would (docs/threat-model.md, "A lying cloud").
    @Suite("A cloud that lies inside its ciphertexts")
    struct LyingCloudTests {
        /// What the cloud adds to an honest plaintext.
        enum Lie: CaseIterable {
            case counter, slot, above
            /// A value that no quantiser makes, in a sum that three clouds could have made.
            case withinRange

            func addition(_ slots: SlotLayout) -> Integer {
                switch self {
                case .counter: 1
                case .slot: Integer(2 << slots.bits) << slots.width
                case .above: Integer(1) << (3071 / slots.width * slots.width)
                case .withinRange: Integer(1 << slots.bits) << slots.width
                }
            }
        }

        /// `east`'s encrypt stage, with its keys: hears publish, contributes to aggregate.
        private func liar(in run: FederationRun) throws -> ScriptedStage {
            let east = run.stage(.encrypt, "east")
            let whole = try PostPlan(topology: run.topology, keys: run.keys, stage: east)
            return try ScriptedStage(
                east, in: run,
                plan: PostPlan(
                    stage: east, hub: nil, dials: whole.dials, curvePublic: whole.curvePublic,
                    curveSecret: whole.curveSecret))
        }

        /// Contributes to a round zeros and a lie.
        private func contribute(_ lie: Lie, to round: Int, as liar: ScriptedStage, in run: FederationRun) async throws
            -> Opening
        {
            let (publish, aggregate) = (run.topology.publish, run.topology.aggregate)
            let verifying = try run.keys.card(of: publish).verifying
            func opening(_ message: WireMessage) -> Signed<Opening>? {
                guard message.kind == .opening else { return nil }
                let opening = try? Signed<Opening>(
                    bytes: message.document, signature: message.signature, key: verifying, signer: "\(publish)")
                return opening.flatMap { Int($0.content.round.value) == round ? $0 : nil }
            }
            let message = try await liar.message("opening of round \(round)") { opening($0) != nil }
            let asked = try #require(opening(message))
            _ = try await run.event("round_joined", of: aggregate, round: round)

            let content = asked.content
            let key = try PaillierPrivateKey(decoding: run.keys.paillierSecret(of: publish.cloud)).publicKey
            let scheme = try RoundScheme(content, key: key)
            let shape = scheme.scheme.shape
            var payload = try scheme.scheme.seal(
                [UInt32](repeating: 1 << UInt32(content.bits - 1), count: shape.values), threads: 1)
            let honest = Integer(bigEndian: Array(payload.prefix(shape.bytesPerUnit)))
            let spoiled = key.nSquared.multiply(honest, key.n.value * lie.addition(scheme.slots) + 1)
            payload.replaceSubrange(
                0..<shape.bytesPerUnit, with: try #require(spoiled.bigEndianBytes(count: shape.bytesPerUnit)))
            let weight = try #require(content.member(liar.stage.cloud)).weight
            let offer = Signed(
                Offer(
                    name: TransferName(
                        run: run.topology.run, kind: .contribution, round: content.round, cloud: liar.stage.cloud),
                    maker: liar.stage, byteCount: payload.count, digest: Digest(ofContent: payload),
                    about: ContributionAbout(answering: asked, weight: weight).value), by: liar.signing)
            #expect(offer.content.chunkCount == 1)
            liar.post.push(
                WireMessage(
                    .offer, from: liar.stage, epoch: 100, document: offer.bytes, signature: offer.signature.bytes,
                    bulk: payload), to: aggregate)
            // Nothing is wrong with the ciphertexts: aggregate counts them.
            _ = try await run.event("contribution_counted", of: aggregate) {
                $0.round == round && $0.fields["from"] == "\(liar.stage.cloud)"
            }
            return content
        }

        /// Up to the first update round, which is open; `east` has no encrypt stage any more.
        private func start() async throws -> FederationRun {
            var plan = FederationRun.Plan(keys: .publisher)
            // Honest values are 0 in the middle of their range: the one step that is trained is too small for the grid.
            plan.configs[.publish] = """
                base: \(FederationRun.baseModel)
                base-name: tributary-base
                variables: \(FederationRun.repository)/configs/variables.yaml
                rounds: 2
                local-steps: 1
                learning-rate: 1.0e-12
                range: 0.01
                batch-size: 8
                adapter: {rank: 4, alpha: 8, targets: [q_proj, v_proj]}
                minimum-cohort: 3
                deadline: 5m
                attempts: 3
                validate-every: 0
                test: false
                threads: 1
                """
            let run = try FederationRun(plan)
            let east = run.stage(.encrypt, "east")
            run.pause(east, at: "round_joined", round: 2)
            try run.startAll()
            _ = try await run.event("round_joined", of: east, round: 2)
            let pid = run.pid(of: east)
            run.signal(SIGKILL, to: east)
            _ = try await run.event("killed", of: east) { $0.fields["pid"] == "\(pid)" }
            return run
        }

        private func reason(_ round: Int, _ run: FederationRun) async throws -> String {
            let event = try await run.event("round_abandoned", of: run.topology.publish, round: round)
            return try #require(event.fields["reason"])
        }

        @Test("An impossible sum is abandoned with what is wrong with it; a cloud that goes on lying ends the run")
        func impossible() async throws {
            let run = try await start()
            let liar = try liar(in: run)
            defer { liar.post.stop() }
            _ = try await contribute(.counter, to: 2, as: liar, in: run)
            #expect(try await reason(2, run).contains("ciphertext 0 does not count 3 contributions"))
            _ = try await contribute(.slot, to: 3, as: liar, in: run)
            #expect(try await reason(3, run).contains("value 0 is not a sum of 3 quantised values"))
            _ = try await contribute(.above, to: 4, as: liar, in: run)
            let publish = run.topology.publish
            let end = await run.book.first(within: 120) { $0.name == "exited" && $0.stage == publish }
            #expect(end?.fields["status"] == "1")
            #expect(try await reason(4, run).contains("ciphertext 0 has bits beyond its last slot"))
            // The user is told which round, of what, and why; nobody can say whose fault it was.
            let last = run.book.all.last { $0.stage == publish && $0.fields["reason"]?.contains("3 times") ?? false }
            let words = "round 4 (update) was abandoned 3 times"
            #expect(last?.line.contains(words) ?? false, "\(last?.line ?? "nothing")")
            #expect(!run.book.all.contains { $0.name == "round_released" && ($0.round ?? 0) > 1 })
        }

        @Test("After one lie the next round is opened; a lie within the range goes into the adapter unseen")
        func possible() async throws {
            let run = try await start()
            let publish = run.topology.publish
            let liar = try liar(in: run)
            _ = try await contribute(.counter, to: 2, as: liar, in: run)
            _ = try await reason(2, run)
            let opening = try await contribute(.withinRange, to: 3, as: liar, in: run)
            _ = try await run.event("round_released", of: publish, round: 3)
            liar.post.stop()
            try run.start(liar.stage)
            let statuses = try await run.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")
            #expect(ReleaseVerification.verify("\(run.releases)/latest").isSound)
            // All others contributed zeros: what is there is the lie, more steps than an honest cloud has.
            let segment = try #require(opening.layout.segments.first)
            let step = segment.range / Double((1 << (opening.bits - 1)) - 1)
            let total = opening.cohort.reduce(0.0) { $0 + opening.foldedWeight(of: $1.cloud) }
            let lie = Float(step * Double(1 << opening.bits) / total)
            let values = try SafetensorsFile(path: "\(run.releases)/latest/adapter_model.safetensors")
                .floats(segment.name)
            #expect(values[0] == lie && lie > Float(segment.range / total))
            #expect(values.dropFirst().allSatisfy { $0 == 0 })
        }
    }
}
