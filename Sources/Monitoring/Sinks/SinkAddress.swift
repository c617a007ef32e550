/// Where a collector listens: `udp://HOST:PORT`, `tcp://HOST:PORT` or `unix:///PATH`.
package enum SinkAddress: Sendable, Hashable, CustomStringConvertible {
    case udp(host: String, port: Int)
    case tcp(host: String, port: Int)
    case unix(path: String)

    package enum Scheme: String, Sendable, CaseIterable {
        case udp, tcp, unix
    }

    package var scheme: Scheme {
        switch self {
        case .udp: .udp
        case .tcp: .tcp
        case .unix: .unix
        }
    }

    /// Why an address is none, as a sentence.
    package struct Fault: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    package init(_ text: String, among schemes: [Scheme] = Scheme.allCases) throws(Fault) {
        let shapes = schemes.map { $0 == .unix ? "unix:///PATH" : "\($0.rawValue)://HOST:PORT" }
        let expected = "expected \(shapes.joined(separator: " or ")), found \"\(text.prefix(120))\""
        guard let mark = text.firstRange(of: "://"), let scheme = Scheme(rawValue: String(text[..<mark.lowerBound])),
            schemes.contains(scheme)
        else { throw Fault(description: expected) }
        let rest = text[mark.upperBound...]
        if scheme == .unix {
            guard rest.hasPrefix("/"), rest.utf8.count > 1, rest.utf8.count <= 107, !rest.utf8.contains(0) else {
                throw Fault(description: "\(expected): a socket's path is whole, and at most 107 bytes long (unix(7))")
            }
            self = .unix(path: String(rest))
            return
        }
        guard let (host, port) = SinkAddress.hostAndPort(rest) else { throw Fault(description: expected) }
        self = scheme == .udp ? .udp(host: host, port: port) : .tcp(host: host, port: port)
    }

    /// `HOST:PORT`; an IPv6 address stands in brackets.
    static func hostAndPort(_ text: Substring, standard: Int? = nil) -> (host: String, port: Int)? {
        var host = text
        var port = standard
        let hasPort = text.lastIndex(of: ":").map { colon in text[colon...].contains("]") == false } ?? false
        if hasPort, let colon = text.lastIndex(of: ":") {
            let digits = text[text.index(after: colon)...]
            guard digits.allSatisfy(\.isASCII), let number = Int(digits), (1...65_535).contains(number) else {
                return nil
            }
            host = text[..<colon]
            port = number
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        let isSound = host.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                || [0x2d, 0x2e, 0x3a, 0x5f].contains(byte)
        }
        guard !host.isEmpty, host.utf8.count <= 253, isSound, let port else { return nil }
        return (String(host), port)
    }

    package var description: String {
        func shown(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }
        return switch self {
        case .udp(let host, let port): "udp://\(shown(host)):\(port)"
        case .tcp(let host, let port): "tcp://\(shown(host)):\(port)"
        case .unix(let path): "unix://\(path)"
        }
    }
}

extension OTLPTarget {
    /// Reads `http://HOST[:PORT][/PREFIX]`.
    package init(_ text: String, signals: [Signal]) throws(SinkAddress.Fault) {
        let expected = "expected http://HOST:4318, found \"\(text.prefix(120))\""
        guard !text.hasPrefix("https://") else {
            throw SinkAddress.Fault(
                description:
                    "TLS is not spoken here: let a collector on this host take events over http:// and send them on")
        }
        guard text.hasPrefix("http://") else { throw SinkAddress.Fault(description: expected) }
        let rest = text.dropFirst("http://".count)
        let place = rest.prefix { $0 != "/" }
        var prefix = String(rest.dropFirst(place.count))
        while prefix.hasSuffix("/") { prefix.removeLast() }
        let isSound = prefix.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != 0x3f && $0 != 0x23 }
        guard isSound, prefix.utf8.count <= 256, let (host, port) = SinkAddress.hostAndPort(place, standard: 4318)
        else { throw SinkAddress.Fault(description: expected) }
        self.init(host: host, port: port, prefix: prefix, signals: signals)
    }
}
