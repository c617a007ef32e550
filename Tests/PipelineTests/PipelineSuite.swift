import Foundation
import Testing

/// Runs that were asked for by `make long` take hours.
private let limit: TimeLimitTrait.Duration =
    ["TRIBUTARY_SOAK", "TRIBUTARY_SWAPS", "TRIBUTARY_AWAY"].contains { ProcessInfo.processInfo.environment[$0] != nil }
    ? .minutes(240) : .minutes(10)

/// Everything here starts real stages, several processes for each test: one after the other, or they would wait for each
/// other's cores.
@Suite("The pipeline, from tables to a signed adapter", .serialized, .timeLimit(limit))
enum PipelineSuite {}
