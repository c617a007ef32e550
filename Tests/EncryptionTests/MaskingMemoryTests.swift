import Encryption
import Federation
import Sodium
import Testing

@Suite("Secrets of masked rounds in memory")
struct MaskingMemoryTests {
    /// Plays a whole round with a dropout, so that every secret is used, and shows that they are there meanwhile.
    @inline(never)
    private func play() throws -> MemorySearch {
        let round = try MaskedRound(clouds: 4)
        let slots = try SlotLayout(bits: 8, cohort: 4)
        let layout = try layout(count: 1000)
        for masking in round.maskings {
            let scheme = try masking.scheme(layout: layout, slots: slots)
            _ = try scheme.seal([UInt32](repeating: 1, count: 1000), threads: 1)
        }
        _ = try round.opener(of: Array(round.clouds.dropLast()), layout: layout, slots: slots)
        var search = MemorySearch()
        for secrets in round.secrets {
            try secrets.encoded().withUnsafeBytes { bytes in
                for (index, name) in ["mask key", "sharing key", "seed", "polynomials"].enumerated() {
                    search.add(
                        "\(name) of \(secrets.keys.stage)",
                        UnsafeRawBufferPointer(rebasing: bytes[index * 32..<(index + 1) * 32]))
                }
            }
        }
        #expect(try Set(search.found()).count == 16)
        withExtendedLifetime(round) {}
        return search
    }

    @Test("Every secret of a round is there while it is played, and gone from the process's memory afterwards")
    func wiped() throws {
        let search = try play()
        #expect(try search.found() == [])
    }
}
