import Federation
import Foundation
import Keys
import Monitoring
import Testing
import Topology

extension PipelineSuite {
    /// What the stages of a whole run told.
    @Suite("Events of a run")
    struct EventTests {
        private func events(_ run: FederationRun) throws -> [Event] {
            try run.book.all.filter { $0.fields["event"] != nil }.map { try EventLine.event(Array($0.line.utf8)) }
        }

        @Test(
            "Nothing private is in any stage's events, metrics or audit trail; the same search finds each needle where it lies"
        )
        func nothingPrivate() async throws {
            let watched = try await SharedRuns.paillier()
            #expect(watched.told.found == [])
            #expect(watched.told.bytes > 100_000)
            #expect(watched.control.whats == Set(watched.needles.map(\.what)))
        }

        @Test("Every event is as the catalogue says, under either suite and under masks")
        func followsCatalogue() async throws {
            for run in [try await SharedRuns.paillier().run, try await SharedRuns.clear().run] {
                let events = try events(run)
                #expect(Set(events.map(\.stage)) == Set(run.stages) && events.count > 50)
                for event in events { #expect(Catalogue.faults(of: event) == []) }
            }
        }

        @Test("Each stage's spool holds what it logged, numbered without a gap")
        func keepsAll() async throws {
            let run = try await SharedRuns.paillier().run
            let logged = Dictionary(grouping: try events(run), by: \.stage)
            for stage in run.stages {
                let kept = try run.spooled(stage)
                #expect(kept == logged[stage, default: []])
                for (_, epoch) in Dictionary(grouping: kept, by: \.epoch) {
                    #expect(epoch.map(\.sequence) == Array(1...UInt64(epoch.count)), "\(stage)")
                }
            }
        }

        @Test("A round is one trace over all clouds, and no two rounds share one")
        func traces() async throws {
            let run = try await SharedRuns.paillier().run
            let released = try events(run).filter { $0.name == EventKind.roundReleased.name }
            #expect(released.count > 2)
            var traces: Set<[UInt8]> = []
            for release in released {
                let ofRound = try events(run).filter {
                    $0.round == release.round && $0.trace.trace == release.trace.trace
                }
                let sealed = ofRound.filter { $0.name == EventKind.contributionSealed.name }
                #expect(Set(sealed.map(\.stage.cloud)) == Set(run.topology.dataClouds))
                #expect(ofRound.contains { $0.name == EventKind.roundClosed.name })
                #expect(traces.insert(release.trace.trace).inserted)
            }
        }

        @Test(
            "Each stage's audit trail is sound and tells of openings, contributions, sums and releases by their digests"
        )
        func auditTrails() async throws {
            let run = try await SharedRuns.paillier().run
            var entries: [Event] = []
            for stage in run.stages {
                let keys = try run.keys.cards(of: stage).map(\.verifying)
                let trail = try AuditReading(of: stage, at: run.topology.auditTrail(of: stage), keys: keys)
                #expect(trail.isSound && !trail.entries.isEmpty, "\(stage): \(trail.findings)")
                entries += trail.entries.map(\.event)
            }
            func digests(_ kind: EventKind) -> [String] {
                entries.filter { $0.name == kind.name }.compactMap { $0.fields[.digest]?.shown }
            }
            let sealed = digests(.contributionSealed)
            #expect(!sealed.isEmpty && Set(sealed) == Set(digests(.contributionCounted)))
            let openings = entries.filter { $0.name == EventKind.roundOpened.name }.compactMap {
                $0.fields[.opening]?.shown
            }
            let closed = entries.filter { $0.name == EventKind.roundClosed.name }.compactMap {
                $0.fields[.opening]?.shown
            }
            #expect(!openings.isEmpty && openings == closed)
        }

        @Test("What a stage counts lies beside its journal as Prometheus reads it, and says when it has ended")
        func metrics() async throws {
            let run = try await SharedRuns.paillier().run
            for stage in run.stages {
                let text = String(decoding: try run.read(run.topology.metricsPath(of: stage)), as: UTF8.self)
                let lines = text.split(separator: "\n")
                #expect(lines.contains { $0.hasPrefix("tributary_stage_ready{") && $0.hasSuffix(" 0") })
                #expect(lines.contains { $0.hasPrefix("process_resident_memory_bytes{") })
                if stage.kind != .publish {
                    #expect(lines.contains { $0.hasPrefix("tributary_link_bytes_total{") && $0.contains("sent") })
                }
            }
        }
    }
}
