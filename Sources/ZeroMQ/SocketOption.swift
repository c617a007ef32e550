internal import CZeroMQ

/// The socket options that we use (zmq_setsockopt(3)), typed and with units.
package enum SocketOption: Sendable, CustomStringConvertible {
    case lingerMilliseconds(Int32)
    case sendHighWaterMark(messages: Int32)
    case receiveHighWaterMark(messages: Int32)
    case maximumMessageSize(bytes: Int64)
    case immediate(Bool)
    case handshakeMilliseconds(Int32)
    /// How long a dial over tcp may take before it is given up and made again; the kernel's own first retries come after 1, 3 and
    /// 7 s.
    case connectMilliseconds(Int32)
    case heartbeatMilliseconds(Int32)
    case heartbeatTimeoutMilliseconds(Int32)
    case reconnectMilliseconds(Int32)
    case reconnectMaximumMilliseconds(Int32)
    case verboseSubscriptions
    case subscribe([UInt8])
    case zapDomain(String)
    case enforceZapDomain
    case curveServer
    case curveServerKey([UInt8])
    case curvePublicKey([UInt8])
    case backlog(Int32)

    enum Value {
        case number(Int32)
        case wide(Int64)
        case bytes([UInt8])
    }

    var number: Int32 {
        switch self {
        case .lingerMilliseconds: ZMQ_LINGER
        case .sendHighWaterMark: ZMQ_SNDHWM
        case .receiveHighWaterMark: ZMQ_RCVHWM
        case .maximumMessageSize: ZMQ_MAXMSGSIZE
        case .immediate: ZMQ_IMMEDIATE
        case .handshakeMilliseconds: ZMQ_HANDSHAKE_IVL
        case .connectMilliseconds: ZMQ_CONNECT_TIMEOUT
        case .heartbeatMilliseconds: ZMQ_HEARTBEAT_IVL
        case .heartbeatTimeoutMilliseconds: ZMQ_HEARTBEAT_TIMEOUT
        case .reconnectMilliseconds: ZMQ_RECONNECT_IVL
        case .reconnectMaximumMilliseconds: ZMQ_RECONNECT_IVL_MAX
        case .verboseSubscriptions: ZMQ_XPUB_VERBOSE
        case .subscribe: ZMQ_SUBSCRIBE
        case .zapDomain: ZMQ_ZAP_DOMAIN
        case .enforceZapDomain: ZMQ_ZAP_ENFORCE_DOMAIN
        case .curveServer: ZMQ_CURVE_SERVER
        case .curveServerKey: ZMQ_CURVE_SERVERKEY
        case .curvePublicKey: ZMQ_CURVE_PUBLICKEY
        case .backlog: ZMQ_BACKLOG
        }
    }

    var value: Value {
        switch self {
        case .lingerMilliseconds(let n), .handshakeMilliseconds(let n), .heartbeatMilliseconds(let n),
            .heartbeatTimeoutMilliseconds(let n), .reconnectMilliseconds(let n), .reconnectMaximumMilliseconds(let n),
            .connectMilliseconds(let n), .backlog(let n):
            .number(n)
        case .sendHighWaterMark(let n), .receiveHighWaterMark(let n): .number(n)
        case .maximumMessageSize(let n): .wide(n)
        case .immediate(let on): .number(on ? 1 : 0)
        case .verboseSubscriptions, .enforceZapDomain, .curveServer: .number(1)
        case .subscribe(let prefix): .bytes(prefix)
        case .zapDomain(let domain): .bytes(Array(domain.utf8))
        case .curveServerKey(let key), .curvePublicKey(let key): .bytes(key)
        }
    }

    package var description: String {
        switch self {
        case .lingerMilliseconds: "linger"
        case .sendHighWaterMark: "send high-water mark"
        case .receiveHighWaterMark: "receive high-water mark"
        case .maximumMessageSize: "maximum message size"
        case .immediate: "immediate"
        case .handshakeMilliseconds: "handshake interval"
        case .connectMilliseconds: "longest dial"
        case .heartbeatMilliseconds: "heartbeat interval"
        case .heartbeatTimeoutMilliseconds: "heartbeat timeout"
        case .reconnectMilliseconds: "reconnect interval"
        case .reconnectMaximumMilliseconds: "longest reconnect interval"
        case .verboseSubscriptions: "verbose subscriptions"
        case .subscribe: "subscription"
        case .zapDomain: "ZAP domain"
        case .enforceZapDomain: "enforced ZAP domain"
        case .curveServer: "CURVE server"
        case .curveServerKey: "CURVE server key"
        case .curvePublicKey: "CURVE public key"
        case .backlog: "backlog"
        }
    }
}
