internal import CZeroMQ

/// A libzmq socket. Not thread-safe, so neither copyable nor sendable: the thread that makes it keeps it, and the
/// compiler sees to that (no `nonisolated(unsafe)` here, ever).
package struct Socket: ~Copyable {
    let handle: UnsafeMutableRawPointer
    private let context: Context
    package let kind: SocketKind

    package init(_ kind: SocketKind, in context: Context) throws {
        guard let handle = zmq_socket(context.handle, kind.number) else { throw ZeroMQError("zmq_socket") }
        self.handle = handle
        self.context = context
        self.kind = kind
    }

    deinit { zmq_close(handle) }

    package borrowing func bind(_ endpoint: String) throws {
        guard zmq_bind(handle, endpoint) == 0 else { throw ZeroMQError("bind", on: endpoint) }
    }

    /// Gives a connection up, whether it stands or not; what is not there need not go.
    package borrowing func disconnect(_ endpoint: String) { zmq_disconnect(handle, endpoint) }

    package borrowing func connect(_ endpoint: String) throws {
        guard zmq_connect(handle, endpoint) == 0 else { throw ZeroMQError("connect", on: endpoint) }
    }

    /// Sends all frames as one message, or nothing: false when there is no room or no peer just now.
    package borrowing func send(_ frames: [[UInt8]]) throws -> Bool {
        for (index, frame) in frames.enumerated() {
            let flags = ZMQ_DONTWAIT | (index < frames.count - 1 ? ZMQ_SNDMORE : 0)
            let sent = frame.withUnsafeBytes { zmq_send(handle, $0.baseAddress, $0.count, flags) }
            if sent < 0 {
                let error = ZeroMQError("zmq_send")
                // Once the first frame is taken the rest of a message always is (zmq_send(3), "Multi-part messages").
                if index == 0, error.isRetryable { return false }
                throw error
            }
        }
        return true
    }

    /// The next message, or nil when there is none now. More than `maximumFrames` frames are read and thrown away.
    package borrowing func receive(maximumFrames: Int = 8) throws -> Message? {
        var frames: [[UInt8]] = []
        var userID: String?
        var descriptor: Int?
        var more = true
        var overlong = false
        while more {
            var message = zmq_msg_t()
            zmq_msg_init(&message)
            defer { zmq_msg_close(&message) }
            if zmq_msg_recv(&message, handle, ZMQ_DONTWAIT) < 0 {
                let error = ZeroMQError("zmq_msg_recv")
                if error.isRetryable, frames.isEmpty { return nil }
                throw error
            }
            if frames.isEmpty {
                if let id = zmq_msg_gets(&message, "User-Id") { userID = String(cString: id) }
                let number = zmq_msg_get(&message, ZMQ_SRCFD)
                if number >= 0 { descriptor = Int(number) }
            }
            if frames.count < maximumFrames {
                frames.append(
                    Array(UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message))))
            } else {
                overlong = true
            }
            more = zmq_msg_more(&message) != 0
        }
        return Message(frames: frames, userID: userID, descriptor: descriptor, isOverlong: overlong)
    }

    package borrowing func set(_ option: SocketOption) throws {
        let name = option.number
        let result =
            switch option.value {
            case .number(let number):
                withUnsafeBytes(of: number) { zmq_setsockopt(handle, name, $0.baseAddress, $0.count) }
            case .wide(let number):
                withUnsafeBytes(of: number) { zmq_setsockopt(handle, name, $0.baseAddress, $0.count) }
            case .bytes(let bytes):
                bytes.withUnsafeBytes { zmq_setsockopt(handle, name, $0.baseAddress, $0.count) }
            }
        guard result == 0 else { throw ZeroMQError("set", on: "\(option)") }
    }

    /// Makes this end the CURVE server with the 32-byte secret key that `secret` lends (zmq_curve(7)).
    package borrowing func serveCurve(secret: UnsafeRawBufferPointer) throws {
        try set(.curveServer)
        guard zmq_setsockopt(handle, ZMQ_CURVE_SECRETKEY, secret.baseAddress, secret.count) == 0 else {
            throw ZeroMQError("set", on: "CURVE secret key")
        }
    }

    /// Makes this end a CURVE client that will talk to the holder of `server` alone.
    package borrowing func dialCurve(server: [UInt8], publicKey: [UInt8], secret: UnsafeRawBufferPointer) throws {
        try set(.curveServerKey(server))
        try set(.curvePublicKey(publicKey))
        guard zmq_setsockopt(handle, ZMQ_CURVE_SECRETKEY, secret.baseAddress, secret.count) == 0 else {
            throw ZeroMQError("set", on: "CURVE secret key")
        }
    }

    /// Publishes this socket's events of `mask` on `endpoint` (inproc://...), to be read by a `pair` (zmq_socket_monitor(3)).
    package borrowing func monitor(on endpoint: String, events: Int32) throws {
        guard zmq_socket_monitor(handle, endpoint, events) == 0 else { throw ZeroMQError("monitor", on: endpoint) }
    }
}

extension Socket {
    /// Ends what `monitor` began. Before the reading end is closed: libzmq waits for somebody to read its last events, and every
    /// other socket of the context with it.
    package borrowing func stopMonitor() { zmq_socket_monitor(handle, nil, 0) }
}

/// A received message: its frames and, over CURVE, who the ZAP handler said the sender is.
package struct Message: Sendable {
    package let frames: [[UInt8]]
    package let userID: String?
    /// The file descriptor of the connection that it came by, which may be closed by now (ZMQ_SRCFD of zmq_msg_get(3)).
    package let descriptor: Int?
    /// It had more frames than were asked for; what is here is cut.
    package let isOverlong: Bool
}
