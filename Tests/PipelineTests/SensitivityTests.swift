import Aggregation
import Encryption
import Federation
import Foundation
import Keys
import StageKit
import Testing
import Topology

extension PipelineSuite {
    /// The round that chooses what is encrypted.
    @Suite("Whose sensitivities choose what is encrypted")
    struct SensitivityTests {
        private static let round = 2
        private static let fraction = 0.3

        @Test("The mask is the top of the sum of all clouds' sensitivities, and aggregate has no cloud's own")
        func mask() async throws {
            let run = try FederationRun(
                SelectiveTests.plan(
                    "{formula: selective, fraction: \(Self.fraction), noise: 0.2}",
                    limits: "minimum-fraction: \(Self.fraction), minimum-noise: 0.2", evaluates: false),
                keys: try await OpeningStand.keys.value)
            let (aggregate, publish) = (run.topology.aggregate, run.topology.publish)
            let encrypts = run.topology.dataClouds.sorted().map { StageName(cloud: $0, kind: .encrypt) }
            let maps = try await maps(encrypts, run)
            let codes = maps.mapValues { $0.map(Self.code) }

            // What a cloud has is found in the cloud; what it would send in clear is found where that lies.
            let needles = try codes.keys.sorted().flatMap { try self.needles($0, maps, codes) }
            let search = ByteSearch(needles)
            for cloud in maps.keys {
                let trainer = StageName(cloud: cloud, kind: .localTrain)
                #expect(try search.holdings(of: trainer, in: run).whats.contains("f64 of \(cloud)"))
                run.resume(trainer)
            }
            #expect(try search.control(below: "\(run.root)/decoy").whats == Set(needles.map(\.what)))
            #expect(try sentInClear(codes, search, run).whats == Set(maps.keys.map { "words of \($0)" }))

            for encrypt in encrypts.dropLast() {
                run.resume(encrypt)
                _ = try await run.event("contribution_counted", of: aggregate) {
                    $0.round == Self.round && $0.fields["from"] == encrypt.cloud.description
                }
            }
            var found = try search.holdings(of: aggregate, in: run)
            run.resume(aggregate)
            run.resume(encrypts[encrypts.count - 1])
            _ = try await run.event("round_closed", of: aggregate, round: Self.round)
            found = found + (try search.holdings(of: aggregate, in: run))
            run.resume(aggregate)
            #expect(found.found == [])
            #expect(found.bytes > 4 << 20)
            let statuses = try await run.finish()
            #expect(statuses.values.allSatisfy { $0 == 0 }, "\(statuses)")

            let key = try run.keys.card(of: publish).verifying
            let opening = try EvidenceFolder("\(run.topology.stateFolder(of: aggregate))/evidence/\(Self.round + 1)")
                .opening(key: key, signer: publish).content
            guard case .selective(let mask, _) = opening.encryption else {
                Issue.record("the update encrypts everything")
                return
            }
            let sums = (0..<mask.values).map { place in codes.values.reduce(0) { $0 + $1[place] } }
            let expected = Self.top(sums)
            #expect(Set((0..<mask.values).filter(mask.contains)) == expected)
            // No cloud alone has chosen it.
            for (cloud, own) in codes { #expect(Self.top(own) != expected, "\(cloud)") }
        }

        /// What each cloud's trainer has to send, while the encrypt stages stand still.
        private func maps(_ encrypts: [StageName], _ run: FederationRun) async throws -> [CloudName: [Double]] {
            for encrypt in encrypts { run.pause(encrypt, at: "round_joined", round: Self.round) }
            try run.startAll()
            for encrypt in encrypts { _ = try await run.event("round_joined", of: encrypt, round: Self.round) }
            var maps: [CloudName: [Double]] = [:]
            for cloud in encrypts.map(\.cloud) {
                let trainer = StageName(cloud: cloud, kind: .localTrain)
                _ = try await run.event("sensitivities_measured", of: trainer, round: Self.round)
                let vector = try await ObservedRound.departure(of: trainer, .vector, Self.round, in: run)
                maps[cloud] = try ClearVector.doubles(vector.payload.read())
            }
            return maps
        }

        /// In steps of 64 / (2^15 - 1), to the nearest, from 2^15 on (docs/architecture.md, "Selective encryption").
        private static func code(_ value: Double) -> Int { Int((value * 32_767 / 64 + 0.5).rounded(.down)) + 32_768 }

        /// The places of the largest, of equal ones the first.
        private static func top(_ values: [Int]) -> Set<Int> {
            let order = values.indices.sorted { (-values[$0], $0) < (-values[$1], $1) }
            return Set(order.prefix(Int((fraction * Double(values.count)).rounded(.up))))
        }

        /// Sixteen sensitivities of a cloud, which are not all alike, in the forms in which they could be sent.
        private func needles(
            _ cloud: CloudName, _ maps: [CloudName: [Double]], _ codes: [CloudName: [Int]]
        ) throws -> [Needle] {
            let (map, codes) = (maps[cloud] ?? [], codes[cloud] ?? [])
            let width = 16
            let start = try #require(
                stride(from: map.count / 2 / width * width, to: map.count - width, by: width).first {
                    Set(codes[$0..<$0 + width]).count > width / 2
                })
            let window = start..<start + width
            func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
                withUnsafeBytes(of: number.littleEndian) { Array($0) }
            }
            return [
                Needle(what: "f64 of \(cloud)", bytes: map[window].flatMap { bytes($0.bitPattern) }),
                Needle(what: "f32 of \(cloud)", bytes: map[window].flatMap { bytes(Float($0).bitPattern) }),
                Needle(what: "u32 of \(cloud)", bytes: codes[window].flatMap { bytes(UInt32($0)) }),
                Needle(what: "u16 of \(cloud)", bytes: codes[window].flatMap { bytes(UInt16($0)) }),
                // 16 bits and room for three clouds: three bytes.
                Needle(
                    what: "words of \(cloud)",
                    bytes: codes[window].flatMap { [UInt8($0 >> 16), UInt8($0 >> 8 & 255), UInt8($0 & 255)] }),
            ]
        }

        /// What `suite: clear` makes of every cloud's map; a run under it has no such round.
        private func sentInClear(
            _ codes: [CloudName: [Int]], _ search: ByteSearch, _ run: FederationRun
        ) throws -> ByteSearch.Result {
            let count = codes.values.first?.count ?? 0
            let scheme = ClearScheme(
                layout: try VectorLayout([.init(name: "map", shape: [count], range: 64)]),
                slots: try SlotLayout(bits: 16, cohort: codes.count))
            let sent = try codes.keys.sorted().flatMap {
                try scheme.seal((codes[$0] ?? []).map { UInt32($0) }, threads: 1)
            }
            let folder = "\(run.root)/clear"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try run.write(sent, "\(folder)/sent")
            return try search.files(below: folder)
        }
    }
}
