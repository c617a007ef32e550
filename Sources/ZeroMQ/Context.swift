internal import CZeroMQ
internal import Synchronization

/// libzmq's context: its I/O threads and the sockets made in it. Thread-safe (zmq(7), "Contexts").
package final class Context: Sendable {
    // zmq_ctx handles may be used from any thread; this one is only made and ended here.
    nonisolated(unsafe) let handle: UnsafeMutableRawPointer

    private let isTerminated = Atomic<Bool>(false)

    package init() throws {
        guard let handle = zmq_ctx_new() else { throw ZeroMQError("zmq_ctx_new") }
        self.handle = handle
    }

    /// Makes every blocking call on its sockets end with `isTermination`; the owners then close them.
    package func shutdown() { zmq_ctx_shutdown(handle) }

    /// Waits until every socket that was closed is gone, its address free. None may be open, and none be made after.
    package func terminate() {
        guard !isTerminated.exchange(true, ordering: .relaxed) else { return }
        zmq_ctx_term(handle)
    }

    // Sockets keep their context alive, so none is left here.
    deinit { terminate() }
}
