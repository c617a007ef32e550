internal import CZeroMQ

/// What a socket's monitor tells of its connections (zmq_socket_monitor(3)).
package enum SocketEvent: Equatable, Sendable {
    case handshakeSucceeded
    /// The ZAP handler said no; the code is its status (RFC 27).
    case handshakeRefused(status: Int)
    case handshakeFailed(reason: String)
    /// A connection is over, for whatever reason: libzmq does not tell which. The descriptor was its socket's.
    case disconnected(descriptor: Int)
    /// The connection stands; its handshake is still to come.
    case connected(descriptor: Int)
    /// A peer has dialled; its handshake is still to come.
    case accepted(descriptor: Int)
    case other

    package static let mask = Int32(
        ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
            | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECTED
            | ZMQ_EVENT_ACCEPTED)

    /// Reads a monitor message: frame one is a 16-bit event and a 32-bit value in host order, frame two the endpoint.
    package init(_ message: Message) {
        guard let first = message.frames.first, first.count == 6 else {
            self = .other
            return
        }
        let event = Int32(UInt16(first[0]) | UInt16(first[1]) << 8)
        let value = Int(first[2]) | Int(first[3]) << 8 | Int(first[4]) << 16 | Int(first[5]) << 24
        switch event {
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: self = .handshakeSucceeded
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: self = .handshakeRefused(status: value)
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: self = .handshakeFailed(reason: "no detail")
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
            self = .handshakeFailed(reason: "protocol 0x" + String(value, radix: 16))
        case ZMQ_EVENT_DISCONNECTED: self = .disconnected(descriptor: value)
        case ZMQ_EVENT_ACCEPTED: self = .accepted(descriptor: value)
        case ZMQ_EVENT_CONNECTED: self = .connected(descriptor: value)
        default: self = .other
        }
    }
}
