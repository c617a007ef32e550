import Encryption
import Federation
import Foundation
import Keys
import Sodium
import Testing
import Topology

extension PipelineSuite {
    /// What aggregate and publish hold after CURVE: journal, write-ahead log, spool, log and memory. Aggregate is searched
    /// while it holds received contributions and again with the sum; publish before the sum and, its files, at the end.
    @Suite("What leaves a cloud")
    struct ConfidentialityTests {
        @Test("Under Paillier neither aggregate nor publish holds a record, a token id or a slice of an update")
        func encrypted() async throws {
            let watched = try await SharedRuns.paillier()
            #expect(watched.aggregate.found == [])
            #expect(watched.publish.found == [])
            // It was a search: this much was read, and each needle is found where it lies.
            #expect(watched.aggregate.bytes > 4 << 20)
            #expect(watched.publish.bytes > 4 << 20)
            #expect(watched.control.whats == Set(watched.needles.map(\.what)))
        }

        @Test("Under masks neither holds any of it either, though both have what aggregate added")
        func masked() async throws {
            let masked = try await SharedRuns.secagg()
            #expect(masked.aggregate.found == [])
            #expect(masked.publish.found == [])
            #expect(masked.secrets.found == [])
            #expect(masked.aggregate.bytes > 4 << 20)
            #expect(masked.publish.bytes > 4 << 20)
            // The needles are those of the same run in clear, where they were found.
            #expect(try await SharedRuns.clear().aggregate.whats.contains("quantised u16"))
        }

        @Test("In clear the same search finds the updates at aggregate, and still no record or token id")
        func clear() async throws {
            let watched = try await SharedRuns.clear()
            let places = watched.aggregate.found
            #expect(watched.aggregate.whats.contains("quantised u16"))
            #expect(places.contains { $0.contains("quantised u16") && $0.contains("memory") }, "\(places)")
            #expect(places.contains { $0.contains("quantised u16") && $0.contains("journal") }, "\(places)")
            #expect(watched.aggregate.whats.isSubset(of: Set(Canaries.updateForms)))
            #expect(watched.publish.whats.isSubset(of: Set(Canaries.updateForms)))
        }

        @Test(
            "Neither aggregate nor publish has another stage's keys or a share of the key of sums, and a cloud has its own share alone"
        )
        func secrets() async throws {
            let watched = try await SharedRuns.paillier()
            let own = [watched.run.topology.aggregate, watched.run.topology.publish].map {
                Set(["CURVE secret of \($0)", "signing seed of \($0)"])
            }
            #expect(watched.secretsInAggregate.whats.isSubset(of: own[0]))
            #expect(watched.secretsInPublish.whats.isSubset(of: own[1]))
            #expect(watched.secretsInAggregate.whats.contains("CURVE secret of \(watched.run.topology.aggregate)"))
            #expect(watched.secretsInPublish.whats.contains("CURVE secret of \(watched.run.topology.publish)"))
            let encrypt = watched.run.stage(.encrypt, watched.run.plan.clouds[0])
            let held: Set = [
                "CURVE secret of \(encrypt)", "signing seed of \(encrypt)", "rounding secret of \(encrypt.cloud)",
                "share of \(encrypt.cloud)",
            ]
            #expect(watched.secretsInEncrypt.whats.isSubset(of: held))
            // Whether its own is found there is luck: guarded pages cannot be read but while they are used. That the search
            // does see shares, a file with one in it shows.
            let decoy = "\(watched.run.root)/share"
            try FileManager.default.createDirectory(atPath: decoy, withIntermediateDirectories: true)
            try watched.run.share(of: encrypt.cloud).encoded().withUnsafeBytes {
                try watched.run.write([0, 7, 9] + Array($0), "\(decoy)/decoy")
            }
            let shown = try ByteSearch(Canaries.keyNeedles(watched.run)).files(below: decoy)
            #expect(shown.whats == ["share of \(encrypt.cloud)"])
            // Every needle is one: each but the shares, which are sealed, is found in the folder of the keys.
            let needles = try Canaries.keyNeedles(watched.run)
            let plain = Set(needles.map(\.what).filter { !$0.hasPrefix("share of") })
            #expect(try ByteSearch(needles).files(below: watched.run.keys.root).whats == plain)
        }

        @Test("No command line, environment, log, journal or spool holds a secret key, and no stage can dump its core")
        func logs() async throws {
            let watched = try await SharedRuns.paillier()
            #expect(watched.secretsInLogs.found == [])
            #expect(watched.secretsInLogs.bytes > 10_000)
            #expect(watched.coreLimits.count == watched.run.stages.count)
            for limit in watched.coreLimits {
                #expect(limit.split(separator: " ").dropFirst(4).prefix(2) == ["0", "0"], "\(limit)")
            }
        }
    }
}
