internal import StageKit
internal import Topology

extension LifeSign {
    /// Of a stage's process, as the kernel and the lock on its state tell it. A stage written in another language may say nothing there:
    /// then nothing but a signal that stops it is seen.
    init(of pid: Int32, stateFolder: String) {
        var beat: Int64?
        // What cannot be read is no sign.
        do {
            let word = try StageProbe.word(at: StageProbe.lock(in: stateFolder))
            if word.process == pid, word.phase == .ready { beat = word.time }
        } catch { beat = nil }
        self.init(state: ProcessState.letter(of: pid), beat: beat)
    }
}
