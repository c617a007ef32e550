import Launching
import SeededRandom

/// The ways in for what is said to a launcher, and for its record: what the mutation tests and the fuzzer (`scripts/fuzz`) both
/// push bytes through.
enum LaunchingDecoders {
    static let all = Result { try [request(), reply(), record(), effect(), notice] }

    private static func check(_ isSame: Bool, _ what: String) {
        precondition(isSame, "\(what) reads otherwise than it was written")
    }

    private static func request() throws -> Spoiling.Entry {
        (
            "control-request",
            try [
                ControlRequest(
                    command: .swap, stage: "north/encrypt", binary: "/opt/b", config: "/etc/c", drainSeconds: 1.5),
                ControlRequest(command: .apply, topology: "/etc/t.yaml", standbySeconds: 60),
            ].map { try ControlLine.encode($0).dropLast() },
            { bytes in
                let request = try ControlLine.decode(ControlRequest.self, bytes)
                check(try ControlLine.decode(ControlRequest.self, ControlLine.encode(request)) == request, "a request")
            }
        )
    }

    private static func reply() throws -> Spoiling.Entry {
        let plan = PlanReport(
            running: "/a", file: "/b", refusals: ["no"],
            steps: [
                .init(stage: "north/encrypt", change: "changed", reasons: ["dials"], here: true, command: ["x", "y"])
            ],
            missing: [.init(what: "key", remedy: "tributary keys")], notes: [])
        return (
            "control-reply",
            try [
                ControlReply(event: .rolledBack, reason: "it \"died\"", seconds: 0.25, pid: 12, log: ["a", "b"]),
                ControlReply(event: .plan, plan: plan),
            ].map { try ControlLine.encode($0).dropLast() },
            { bytes in
                let reply = try ControlLine.decode(ControlReply.self, bytes)
                check(try ControlLine.decode(ControlReply.self, ControlLine.encode(reply)) == reply, "a reply")
            }
        )
    }

    private static func record() throws -> Spoiling.Entry {
        let stage = LauncherRecord.Stage(
            stage: "north/encrypt", state: "ready", pid: 12, started: "2026-01-31T08:00:00Z", readySeconds: 0.5,
            restarts: 1, status: "waiting", statusSince: 1.5, lastEnd: "signal 9", lastLine: "{}",
            troubles: [
                StageTrouble(kind: .clock, about: "office/publish", text: "ahead", remedy: "chrony", since: 2.5)
            ])
        let record = LauncherRecord(
            topology: "/t.yaml", federation: "demo", run: "demo", pid: 3, started: "2026-01-31T08:00:00Z", ready: true,
            readySeconds: 1, stages: [stage])
        return (
            "launcher-record", [try record.encoded()],
            { bytes in
                let record = try LauncherRecord(bytes)
                check(try LauncherRecord(record.encoded()) == record, "a launcher's record")
            }
        )
    }

    private static func effect() throws -> Spoiling.Entry {
        let record = EffectRecord(
            run: "demo", topology: .init(path: "/t.yaml", digest: "00ff"), applied: true,
            pending: .init(path: "/u.yaml", digest: "01"),
            swaps: [.init(stage: "north/encrypt", binary: "/opt/b", config: nil)], stopped: true)
        return (
            "effect-record", [try record.encoded()],
            { bytes in
                let record = try EffectRecord(bytes)
                check(try EffectRecord(record.encoded()) == record, "what is in effect")
            }
        )
    }

    private static let notice: Spoiling.Entry = (
        "notify",
        [
            Array("READY=1\nX_TRIBUTARY_STANDBY=1\nX_TRIBUTARY_RUN=over\nSTATUS=waiting for ümlaut \u{1b}[31m".utf8),
            Array("X_TRIBUTARY_STATUS=at work\nSTATUS=at work; clock: off\n".utf8),
            Array("X_TRIBUTARY_TROUBLE=clock office/publish ahead\nX_TRIBUTARY_TROUBLE=version ipc other\n".utf8),
        ],
        { bytes in
            let message = NotifyMessage(bytes, from: 1)
            let troubles = message.troubles ?? []
            precondition(troubles.count <= 8, "more troubles than anybody reads")
            for text in [message.status ?? ""] + troubles.flatMap({ [$0.about, $0.text] }) {
                let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 32 && !(127...159).contains($0.value) }
                precondition(isPlain && text.unicodeScalars.count <= 200, "a text that a terminal obeys")
            }
        }
    )
}
