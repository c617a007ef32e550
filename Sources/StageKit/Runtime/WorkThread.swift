internal import Glibc
internal import Monitoring

/// A thread for one piece of work that may block; Foundation's would bring a run loop and much of its library into memory.
enum WorkThread {
    /// Runs `body` on a new thread with a stack of `stackBytes`, which ends with it. Throws where the system has no thread left.
    static func start(stackBytes: Int, _ body: @escaping @Sendable () -> Void) throws {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackBytes)
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(body))
        let status = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                // The one balance of passRetained: the new thread owns its work from here.
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        guard status == 0 else {
            work.release()
            throw StageError.system("pthread_create", status)
        }
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}

/// Writes a line to standard error, whole as far as write(2) takes it; where nobody reads it there is nobody to tell.
func complain(_ text: String) { writeToStandardError(Array("\(text)\n".utf8)) }
