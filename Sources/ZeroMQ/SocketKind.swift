internal import CZeroMQ

package enum SocketKind: Sendable {
    case push, pull, xpub, sub, pub, rep, pair

    var number: Int32 {
        switch self {
        case .push: ZMQ_PUSH
        case .pull: ZMQ_PULL
        case .xpub: ZMQ_XPUB
        case .sub: ZMQ_SUB
        case .pub: ZMQ_PUB
        case .rep: ZMQ_REP
        case .pair: ZMQ_PAIR
        }
    }
}
