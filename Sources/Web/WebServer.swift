internal import FlyingFox
internal import FlyingSocks
internal import Foundation
internal import JSONText
internal import Monitoring
internal import Sodium
internal import Synchronization
internal import View

/// Serves the page, its state and whatever else is added, over HTTP: to this host alone unless told otherwise.
///
/// Whoever can make a connection is not yet trusted. Other users of the host can, and so can a web page of anywhere that a browser on
/// it shows, by a name that is made to mean 127.0.0.1. So: the Host header must name this server (against DNS rebinding), nothing
/// but GET is answered, no other origin is let in (no CORS), and the page lies below a random token, which other users do not know.
package struct WebServer: Sendable {
    package struct Answer: Sendable {
        package let status: Int
        package let contentType: String
        package let body: [UInt8]

        package init(status: Int = 200, contentType: String, body: [UInt8]) {
            self.status = status
            self.contentType = contentType
            self.body = body
        }
    }

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// A path beside the page's, such as `/metrics`, and what answers it. It needs no token: what collectors scrape has a
    /// fixed address. The Host header is checked there too.
    package struct Route: Sendable {
        package let path: String
        package let answer: @Sendable () async -> Answer

        package init(_ path: String, answer: @escaping @Sendable () async -> Answer) {
            self.path = path
            self.answer = answer
        }
    }

    /// Pages that follow at once; each holds a connection.
    package static let maximumFollowers = 64

    package let live: LiveState
    /// What the page's address has in it; nil for none.
    package let token: String?
    private let server: HTTPServer
    private let gate: Gate

    /// - Parameters:
    ///   - address: IPv4 or IPv6 to listen on.
    ///   - port: 0 for any.
    ///   - names: host names by which it may be asked for, beside its address and, on loopback, `localhost`.
    package init(
        _ live: LiveState, address: String = "127.0.0.1", port: UInt16, token: String?, names: [String] = [],
        routes: [Route] = []
    ) throws(Failure) {
        self.live = live
        self.token = token
        gate = Gate(live: live, token: token, names: Gate.names(address, names), routes: routes)
        do {
            if address.contains(":") {
                server = HTTPServer(
                    address: try sockaddr_in6.inet6(ip6: address, port: port), logger: .disabled, handler: gate)
            } else {
                server = HTTPServer(
                    address: try sockaddr_in.inet(ip4: address, port: port), logger: .disabled, handler: gate)
            }
        } catch { throw Failure(description: "\"\(address)\" is no IPv4 or IPv6 address") }
    }

    /// 128 bits, in hexadecimal digits.
    package static func makeToken() throws -> String { Hex.encode(try SystemRandom.bytes(count: 16)) }

    /// Serves until the task is cancelled; throws where the port cannot be had.
    package func run() async throws(Failure) {
        do { try await server.run() } catch {
            guard !Task.isCancelled else { return }
            throw Failure(description: "the page cannot be served: \(error)")
        }
    }

    /// The page's address, once it is listened on.
    package func url() async throws(Failure) -> String {
        do { try await server.waitUntilListening(timeout: 10) } catch {
            throw Failure(description: "the page is not served: \(error)")
        }
        guard let listening = await server.listeningAddress else {
            throw Failure(description: "nothing is listened on")
        }
        let (host, port): (String, UInt16)
        switch listening {
        case .ip4(let address, port: let number): (host, port) = (address, number)
        case .ip6(let address, port: let number): (host, port) = ("[\(address)]", number)
        case .unix: throw Failure(description: "a page is served over TCP")
        }
        gate.serve(at: port)
        return "http://\(host):\(port)/" + (token.map { "\($0)/" } ?? "")
    }
}

/// What every request has to come through.
struct Gate: HTTPHandler {
    private let live: LiveState
    private let token: String?
    private let names: Set<String>
    private let routes: [String: @Sendable () async -> WebServer.Answer]
    private let port: Port

    /// Known once it is listened on.
    private final class Port: Sendable {
        let number = Mutex<UInt16?>(nil)
    }

    init(live: LiveState, token: String?, names: Set<String>, routes: [WebServer.Route]) {
        self.live = live
        self.token = token
        self.names = names
        self.routes = Dictionary(routes.map { ($0.path, $0.answer) }, uniquingKeysWith: { first, _ in first })
        port = Port()
    }

    func serve(at number: UInt16) { port.number.withLock { $0 = number } }

    /// By what names a Host header may call an address.
    static func names(_ address: String, _ others: [String]) -> Set<String> {
        var names = Set(others.map { $0.lowercased() })
        names.insert(address.contains(":") ? "[\(address)]" : address)
        if address.hasPrefix("127.") || address == "::1" { names.formUnion(["localhost", "127.0.0.1", "[::1]"]) }
        return names
    }

    /// Whether a Host header names this server: one of its names, with the port that it listens on.
    func admits(host: String?) -> Bool {
        guard let host = host?.lowercased(), let number = port.number.withLock({ $0 }) else { return false }
        // Without a port it is 80 (RFC 9110, 4.2.1); the brackets of an IPv6 address hold colons too.
        let colon = host.hasSuffix("]") ? nil : host.lastIndex(of: ":")
        let name = colon.map { String(host[..<$0]) } ?? host
        let said = colon.map { String(host[host.index(after: $0)...]) } ?? "80"
        return names.contains(name) && said == String(number)
    }

    func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
        guard request.headers.values(for: .host).count == 1, admits(host: request.headers[.host]) else {
            return Gate.refusal(
                .misdirectedRequest, "this address is not served here; ask for it by the name that was printed")
        }
        guard request.method == .GET else { return Gate.refusal(.methodNotAllowed, "GET alone is answered") }
        if let answer = routes[request.path] { return Gate.response(await answer()) }
        guard let path = pagePath(request.path) else { return Gate.refusal(.notFound, "there is nothing here") }
        switch path {
        case "":
            let nonce = try WebServer.makeToken()
            var response = Gate.response(
                WebServer.Answer(
                    contentType: "text/html; charset=utf-8",
                    body: Array(Page.document(federation: live.view.plan.federation, base: base, nonce: nonce).utf8)))
            response.headers[HTTPHeader("Content-Security-Policy")] = Page.policy(nonce: nonce)
            return response
        case "state":
            let state = try live.view.document(at: Timestamp.nanoseconds()).encoded()
            return Gate.response(WebServer.Answer(contentType: "application/json", body: state))
        case "stream":
            guard let wakes = live.follow(atMost: WebServer.maximumFollowers) else {
                return Gate.refusal(.serviceUnavailable, "too many pages follow already")
            }
            return HTTPResponse(
                statusCode: .ok, headers: Gate.headers("text/event-stream"),
                body: HTTPBodySequence(from: EventStream(live: live, wakes: wakes)))
        default: return Gate.refusal(.notFound, "there is nothing here")
        }
    }

    /// What follows the page's own folder; nil outside it.
    private func pagePath(_ path: String) -> String? {
        // The server leaves a slash at the end of a path out.
        let given = Array((path.hasSuffix("/") ? path : "\(path)/").utf8)
        let expected = Array(base.utf8)
        guard given.count >= expected.count else { return nil }
        // Compared as a whole, so that the time tells nothing of how much is right.
        var difference: UInt8 = 0
        for (left, right) in zip(expected, given) { difference |= left ^ right }
        return difference == 0 ? String(decoding: given[expected.count...].dropLast(), as: UTF8.self) : nil
    }

    /// The page's own folder.
    private var base: String { token.map { "/\($0)/" } ?? "/" }

    private static func response(_ answer: WebServer.Answer) -> HTTPResponse {
        HTTPResponse(
            statusCode: HTTPStatusCode(answer.status, phrase: answer.status == 200 ? "OK" : ""),
            headers: headers(answer.contentType), body: Data(answer.body))
    }

    private static func refusal(_ status: HTTPStatusCode, _ text: String) -> HTTPResponse {
        HTTPResponse(statusCode: status, headers: headers("text/plain; charset=utf-8"), body: Data("\(text)\n".utf8))
    }

    private static func headers(_ contentType: String) -> HTTPHeaders {
        [
            .contentType: contentType, HTTPHeader("Cache-Control"): "no-store",
            HTTPHeader("X-Content-Type-Options"): "nosniff", HTTPHeader("Referrer-Policy"): "no-referrer",
            HTTPHeader("Cross-Origin-Opener-Policy"): "same-origin",
            HTTPHeader("Cross-Origin-Resource-Policy"): "same-origin", HTTPHeader("X-Frame-Options"): "DENY",
        ]
    }
}
