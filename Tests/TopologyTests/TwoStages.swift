import Federation
import Topology

/// A launcher's two stages, for tests of what becomes of them.
struct TwoStages {
    let encrypt: StageName
    let publish: StageName

    init() throws {
        encrypt = try StageName("north/encrypt")
        publish = try StageName("release/publish")
    }

    /// publish is process 1, encrypt 2; both ready.
    func ready() -> Supervision {
        var supervision = Supervision(stages: [encrypt, publish], grace: .seconds(5))
        _ = supervision.handle(.start, at: .zero)
        for (pid, stage) in [(Int32(1), publish), (2, encrypt)] {
            _ = supervision.handle(.spawned(stage, pid: pid), at: .zero)
            _ = supervision.handle(.ready(pid: pid), at: .milliseconds(10))
        }
        return supervision
    }
}
