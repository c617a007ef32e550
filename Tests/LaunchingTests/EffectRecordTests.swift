import Launching
import Testing

@Suite("What a start means where something has been in effect")
struct EffectRecordTests {
    private let old = EffectRecord.File(path: "/etc/old.yaml", digest: "00000000aa")
    private let moved = EffectRecord.File(path: "/etc/moved.yaml", digest: "11111111bb")
    private let swap = EffectRecord.Swapped(stage: "north/encrypt", binary: "/opt/new", config: nil)

    private func start(
        _ file: EffectRecord.File, after last: EffectRecord?, meant: Bool = false, run: String = "first"
    ) -> EffectRecord.Start { EffectRecord.start(by: file, of: run, after: last, isMeant: meant) }

    /// By a start, or by an apply; the launcher was killed, or asked to end.
    private func last(applied: Bool = false, pending: EffectRecord.File? = nil, stopped: Bool = false) -> EffectRecord {
        EffectRecord(
            run: "first", topology: applied ? moved : old, applied: applied, pending: pending, swaps: [swap],
            stopped: stopped)
    }

    @Test("the first start, and one of another run, have nothing before them")
    func first() {
        let fresh = EffectRecord(run: "first", topology: old)
        #expect(start(old, after: nil) == .goesOn(fresh))
        var other = last(applied: true)
        other = EffectRecord(run: "second", topology: other.topology, applied: true)
        #expect(start(old, after: other) == .goesOn(fresh))
    }

    @Test("the same file goes on, with what swaps have changed, wherever it lies now")
    func same() {
        guard case .goesOn(let next) = start(old, after: last(stopped: true)) else {
            Issue.record("the same file is another")
            return
        }
        #expect(next.swaps == [swap] && !next.stopped && !next.applied)
        let copy = EffectRecord.File(path: "/etc/copy.yaml", digest: moved.digest)
        guard case .goesOn(let applied) = start(copy, after: last(applied: true)) else {
            Issue.record("the same content is another")
            return
        }
        #expect(applied.applied && applied.topology == copy)
    }

    @Test("a file that was not applied gives way to another, and that is said")
    func started() {
        guard case .changes(let next, let note) = start(moved, after: last()) else {
            Issue.record("not told")
            return
        }
        #expect(next.topology == moved && next.swaps == [swap])
        #expect(note == "/etc/moved.yaml (11111111) takes the place of /etc/old.yaml (00000000)")
    }

    @Test(
        "what was applied is not taken back unless that is meant; both files are named, and what to do",
        arguments: [false, true])
    func applied(stopped: Bool) {
        guard case .refused(let reason) = start(old, after: last(applied: true, stopped: stopped)) else {
            Issue.record("an apply is taken back silently")
            return
        }
        #expect(reason.contains("/etc/moved.yaml (11111111)") && reason.contains("/etc/old.yaml (00000000)"))
        #expect(reason.contains("`tributary up /etc/moved.yaml`"))
        #expect(reason.contains("`tributary up --changed /etc/old.yaml`"))
        guard case .changes(let next, _) = start(old, after: last(applied: true), meant: true) else {
            Issue.record("not told")
            return
        }
        // Swaps go with it: by the file alone.
        #expect(next == EffectRecord(run: "first", topology: old))
    }

    @Test("an applied file that is edited in its place counts as meant after an end in order, and not after a crash")
    func edited() {
        let edited = EffectRecord.File(path: moved.path, digest: "22222222cc")
        guard case .changes(let next, _) = start(edited, after: last(applied: true, stopped: true)) else {
            Issue.record("an edited file cannot be started by")
            return
        }
        #expect(next.topology == edited && !next.applied)
        guard case .refused = start(edited, after: last(applied: true)) else {
            Issue.record("a file that changed under a crash is taken for what was applied")
            return
        }
    }

    @Test("an apply that was cut off is told, and can be taken up or brought to its end by a start")
    func pending() {
        let cut = last(pending: moved)
        guard case .changes(let before, let note) = start(old, after: cut) else {
            Issue.record("not told")
            return
        }
        #expect(before.topology == old && before.pending == moved && before.swaps == [swap])
        #expect(note.contains("`tributary apply /etc/moved.yaml` takes it up again"))
        guard case .changes(let after, let other) = start(moved, after: cut) else {
            Issue.record("not told")
            return
        }
        #expect(after == EffectRecord(run: "first", topology: moved, applied: true))
        #expect(other.contains("was being applied"))
        // Over one that was applied before, too.
        var third = last(applied: true, pending: old)
        guard case .changes(let back, _) = start(old, after: third) else {
            Issue.record("what was being applied cannot be brought to its end")
            return
        }
        #expect(back.applied && back.pending == nil)
        third.pending = nil
        guard case .refused = start(old, after: third) else {
            Issue.record("an apply is taken back silently")
            return
        }
    }
}
