internal import CZeroMQ
internal import Glibc

/// What libzmq refused: which call, on what, and why in words (zmq_strerror(3)).
package struct ZeroMQError: Error, Equatable, CustomStringConvertible {
    package let operation: String
    package let subject: String
    package let code: Int32

    /// Takes the calling thread's errno.
    init(_ operation: String, on subject: String = "") {
        self.operation = operation
        self.subject = subject
        code = zmq_errno()
    }

    /// Nothing to receive or no room to send just now (EAGAIN), or a signal came between (EINTR): try again.
    package var isRetryable: Bool { code == EAGAIN || code == EINTR }
    /// The context was shut down (ETERM): close the socket.
    package var isTermination: Bool { code == Int32(ETERM) }
    package var isAddressInUse: Bool { code == EADDRINUSE }

    package var description: String {
        let reason = String(cString: zmq_strerror(code))
        return subject.isEmpty ? "\(operation): \(reason)" : "\(operation) \(subject): \(reason)"
    }
}
