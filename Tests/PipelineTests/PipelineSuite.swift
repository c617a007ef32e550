import Testing

/// Everything here starts real stages, several processes for each test: one after the other, or they would wait for each
/// other's cores.
@Suite("The pipeline, from tables to a signed adapter", .serialized, .timeLimit(.minutes(10)))
enum PipelineSuite {}
