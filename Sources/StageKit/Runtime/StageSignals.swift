internal import Dispatch
internal import Glibc

/// What the outside asks of a stage's process by signals: SIGTERM and SIGINT to stop in order (the second one is obeyed at
/// once), SIGUSR1 to hand over to a successor that stands by, SIGUSR2 to stay after all. SIGPIPE means nothing here.
final class StageSignals: Sendable {
    // The sources live as long as the process; they are only made and never read.
    nonisolated(unsafe) private var sources: [any DispatchSourceSignal] = []

    init() { for number in [SIGPIPE, SIGUSR1, SIGUSR2] { signal(number, SIG_IGN) } }

    func on(stop: @escaping @Sendable () -> Void, handOver: @escaping @Sendable (_ isAsked: Bool) -> Void) {
        let asked = DispatchQueue(label: "signals")
        nonisolated(unsafe) var count = 0  // only the serial queue above touches it
        for number in [SIGTERM, SIGINT] {
            watch(number, on: asked) {
                count += 1
                if count > 1 { _exit(128 + number) }
                stop()
            }
        }
        watch(SIGUSR1, on: asked) { handOver(true) }
        watch(SIGUSR2, on: asked) { handOver(false) }
    }

    private func watch(_ number: Int32, on queue: DispatchQueue, _ body: @escaping @Sendable () -> Void) {
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
        source.setEventHandler(handler: body)
        source.resume()
        sources.append(source)
    }
}
