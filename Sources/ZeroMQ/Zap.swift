/// ZAP, the authentication protocol between libzmq and its application (RFC 27). The handler is a REP socket on this
/// endpoint, bound before any other socket is made; without one CURVE lets every key in.
package enum Zap {
    package static let endpoint = "inproc://zeromq.zap.01"

    /// A question of libzmq: may this key come in?
    package struct Request: Sendable, Equatable {
        package let identifier: [UInt8]
        package let domain: String
        package let address: String
        package let mechanism: String
        /// The client's CURVE public key, 32 bytes, if the mechanism is CURVE.
        package let key: [UInt8]?

        /// Nil if the frames are not a ZAP 1.0 request.
        package init?(_ message: Message) {
            let frames = message.frames
            guard frames.count >= 6, frames[0] == Array("1.0".utf8) else { return nil }
            identifier = frames[1]
            domain = String(decoding: frames[2], as: UTF8.self)
            address = String(decoding: frames[3], as: UTF8.self)
            mechanism = String(decoding: frames[5], as: UTF8.self)
            key = mechanism == "CURVE" && frames.count == 7 && frames[6].count == 32 ? frames[6] : nil
        }

        /// Lets the key in under the name that its messages will carry as User-Id.
        package func admitted(as userID: String) -> [[UInt8]] {
            [Array("1.0".utf8), identifier, Array("200".utf8), Array("OK".utf8), Array(userID.utf8), []]
        }

        package func refused() -> [[UInt8]] {
            [Array("1.0".utf8), identifier, Array("400".utf8), Array("not allowed".utf8), [], []]
        }
    }
}
