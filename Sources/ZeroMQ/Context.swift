internal import CZeroMQ

/// libzmq's context: its I/O threads and the sockets made in it. Thread-safe (zmq(7), "Contexts").
package final class Context: Sendable {
    // zmq_ctx handles may be used from any thread; this one is only made and ended here.
    nonisolated(unsafe) let handle: UnsafeMutableRawPointer

    package init() throws {
        guard let handle = zmq_ctx_new() else { throw ZeroMQError("zmq_ctx_new") }
        self.handle = handle
    }

    /// Makes every blocking call on its sockets end with `isTermination`; the owners then close them.
    package func shutdown() { zmq_ctx_shutdown(handle) }

    // Waits for every socket to be closed first: sockets keep their context alive, so none is left here.
    deinit { zmq_ctx_term(handle) }
}
