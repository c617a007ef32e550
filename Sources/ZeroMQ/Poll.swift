internal import CZeroMQ

/// One thing to wait for: a socket (lent for the length of the call) or a file descriptor.
package struct PollItem {
    var item: zmq_pollitem_t

    /// The socket must outlive the call to `poll`.
    package init(_ socket: borrowing Socket, forInput: Bool, forOutput: Bool) {
        item = zmq_pollitem_t(
            socket: socket.handle, fd: 0,
            events: Int16(forInput ? ZMQ_POLLIN : 0) | Int16(forOutput ? ZMQ_POLLOUT : 0), revents: 0)
    }

    package init(descriptor: Int32) {
        item = zmq_pollitem_t(socket: nil, fd: descriptor, events: Int16(ZMQ_POLLIN), revents: 0)
    }

    package var canReceive: Bool { item.revents & Int16(ZMQ_POLLIN) != 0 }
    package var canSend: Bool { item.revents & Int16(ZMQ_POLLOUT) != 0 }
}

/// Waits until one of `items` is ready or the time is over; nil waits for ever (zmq_poll(3)).
package func poll(_ items: inout [PollItem], milliseconds: Int?) throws {
    var raw = items.map(\.item)
    let count = Int32(raw.count)
    guard zmq_poll(&raw, count, milliseconds.map { Int($0) } ?? -1) >= 0 else {
        let error = ZeroMQError("zmq_poll")
        if error.isRetryable {
            for index in items.indices { items[index].item.revents = 0 }
            return
        }
        throw error
    }
    for index in items.indices { items[index].item.revents = raw[index].revents }
}
