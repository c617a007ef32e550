internal import Glibc

/// Turns signals into bytes on a pipe, so that one poll(2) sees them with everything else.
///
/// The signals are blocked in every thread and taken by one that waits for them alone (sigwait(3)): no code runs inside a
/// signal handler.
final class SignalWatch {
    let readable: Descriptor

    /// Call before any other thread is made: blocked signals are inherited.
    init(_ numbers: [Int32]) throws {
        let (reading, writing) = try Descriptor.pipe()
        readable = reading
        var mask = sigset_t()
        sigemptyset(&mask)
        for number in numbers { sigaddset(&mask, number) }
        guard pthread_sigmask(SIG_BLOCK, &mask, nil) == 0 else { throw LauncherError.system("pthread_sigmask") }
        let task = Unmanaged.passRetained(Task(mask: mask, writing: writing))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { raw in
                guard let raw else { return nil }
                let task = Unmanaged<Task>.fromOpaque(raw).takeRetainedValue()
                var number: Int32 = 0
                while sigwait(&task.mask, &number) == 0 {
                    var byte = UInt8(truncatingIfNeeded: number)
                    // The pipe holds 65 536 of them: it is full only if the launcher hangs, and then this may wait too.
                    _ = write(task.writing.number, &byte, 1)
                }
                return nil
            }, task.toOpaque())
        guard result == 0 else {
            task.release()
            throw LauncherError.runFailed("pthread_create: \(String(cString: strerror(result)))")
        }
        pthread_detach(thread)
    }

    /// The signals that came since.
    func take() throws -> [Int32] {
        var buffer = [UInt8](repeating: 0, count: 256)
        var numbers: [Int32] = []
        while case .bytes(let bytes) = try readable.read(into: &buffer) { numbers += bytes.map(Int32.init) }
        return numbers
    }

    private final class Task {
        var mask: sigset_t
        let writing: Descriptor
        init(mask: sigset_t, writing: Descriptor) {
            self.mask = mask
            self.writing = writing
        }
    }
}
