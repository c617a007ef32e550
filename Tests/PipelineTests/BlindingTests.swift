import Encryption
import Federation
import Testing
import Topology

extension PipelineSuite {
    /// The pool of blinding in a stage that runs.
    @Suite("Blinding made in advance")
    struct BlindingTests {
        @Test(
            "A stage fills its pool while its cloud trains, and after a kill with a full pool blinds with none of what it had"
        )
        func pool() async throws {
            let stand = try await OpeningStand()
            var sealed: [(payload: [UInt8], opening: Opening)] = []
            for round in 1...3 as ClosedRange<UInt32> {
                let opening = try await stand.open(round)
                var epoch = 1
                // The trainer has sent nothing: what is in the pool was made before there was anything to seal.
                var filled = try await self.filled(stand, round, epoch)
                if round == 3 {
                    try await stand.killAndRestart()
                    epoch = 2
                    filled = try await self.filled(stand, round, epoch)
                }
                sealed.append((try await stand.contributionOfNorth(to: opening).payload, opening.content))
                let last = try await event("contribution_sealed", stand, round, epoch)
                #expect(try number(filled) < number(last))
                #expect(stand.run.count("contribution_sealed", of: stand.encrypt, round: Int(round)) == 1)
            }
            // The same values each time, in one ciphertext: where two of those differ, their blinding does.
            let values = try sealed.map { try opened($0.payload, $0.opening, stand) }
            #expect(values == Array(repeating: [UInt64](repeating: 2048, count: OpeningStand.values), count: 3))
            #expect(Set(sealed.map(\.payload)).count == 3)
        }

        /// An event's place in what its stage has told since it was started.
        private func number(_ event: StageEvent) throws -> Int {
            try #require(event.fields["sequence"].flatMap { Int($0) })
        }

        private func event(_ name: String, _ stand: OpeningStand, _ round: UInt32, _ epoch: Int) async throws
            -> StageEvent
        {
            try await stand.run.event(name, of: stand.encrypt) {
                $0.round == Int(round) && $0.fields["epoch"] == "\(epoch)"
            }
        }

        /// The first filling after a round was joined: there is enough for the round's one ciphertext.
        private func filled(_ stand: OpeningStand, _ round: UInt32, _ epoch: Int) async throws -> StageEvent {
            let joined = try number(try await event("round_joined", stand, round, epoch))
            let filled = try await stand.run.event("blinding_pool_filled", of: stand.encrypt) {
                $0.fields["epoch"] == "\(epoch)" && ($0.fields["sequence"].flatMap { Int($0) } ?? 0) > joined
            }
            #expect(filled.fields["ciphertexts"].flatMap { Int($0) } ?? 0 >= 1, "\(filled.line)")
            return filled
        }

        /// What two clouds' shares open of one contribution.
        private func opened(_ payload: [UInt8], _ opening: Opening, _ stand: OpeningStand) throws -> [UInt64] {
            let slots = try SlotLayout(bits: opening.bits, cohort: opening.cohort.count)
            let verifier = OpeningVerifier(key: stand.key, layout: opening.layout, slots: slots)
            let rows = try ["east", "north"].map { name in
                let part = try PartialOpener(
                    share: stand.run.share(of: CloudName(name)), key: stand.key, layout: opening.layout, slots: slots)
                let row = try part.row(of: payload, units: 0..<part.shape.units, sealing: part.sealing, threads: 1)
                return try verifier.verify(
                    row, proof: part.proof(of: row, sum: payload, context: [], threads: 1), party: part.party,
                    sum: payload, context: [], threads: 1)
            }
            return try ThresholdOpener(key: stand.key, layout: opening.layout, slots: slots).open(
                rows, contributions: 1, threads: 1)
        }
    }
}
