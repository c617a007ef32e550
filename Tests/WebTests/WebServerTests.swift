import Federation
import JSONText
import Monitoring
import Testing
import View
import Web

@Suite("The page's server")
struct WebServerTests {
    @Test("the page is one document that may load nothing else, and run only its own script")
    func page() async throws {
        try await Served.page { (served: Served) async throws in
            let answer = try served.get("/\(served.token)/")
            #expect(answer.status == 200)
            #expect(answer.header("Content-Type") == "text/html; charset=utf-8")
            let policy = try #require(answer.header("Content-Security-Policy"))
            #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
            #expect(!policy.contains("unsafe"))
            let nonce = try #require(policy.split(separator: "'nonce-").last?.split(separator: "'").first)
            #expect(answer.body.contains("<script nonce=\"\(nonce)\">"))
            #expect(
                !answer.body.contains("http://")
                    || answer.body.components("http://").dropFirst().allSatisfy { $0.hasPrefix("www.w3.org/") })
            for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
                #expect(!answer.body.contains(sink))
            }
            #expect(answer.header("X-Content-Type-Options") == "nosniff")
            #expect(answer.header("Referrer-Policy") == "no-referrer")
            #expect(answer.header("Access-Control-Allow-Origin") == nil)
            let again = try served.get("/\(served.token)/")
            #expect(again.header("Content-Security-Policy") != policy)
        }
    }

    @Test("a Host header that names another server is refused, whatever is asked for")
    func hosts() async throws {
        let route = WebServer.Route("/metrics") {
            WebServer.Answer(contentType: "text/plain", body: Array("up 1\n".utf8))
        }
        try await Served.page(routes: [route]) { (served: Served) async throws in
            for path in ["/\(served.token)/", "/\(served.token)/state", "/metrics"] {
                for host in [
                    served.host, "localhost:\(served.port)", "LOCALHOST:\(served.port)", "[::1]:\(served.port)",
                ] {
                    #expect(try served.get(path, hosts: [host]).status == 200, "\(host)\(path)")
                }
                for host in [
                    "evil.example:\(served.port)", "evil.example", "127.0.0.1", "127.0.0.1:1", "",
                    "localhost.evil.example:\(served.port)",
                    "127.0.0.1:\(served.port):\(served.port)", "evil.example@127.0.0.1:\(served.port)",
                ] {
                    let answer = try served.get(path, hosts: [host])
                    #expect(answer.status == 421, "\(host)\(path)")
                    #expect(!answer.body.contains("north") && !answer.body.contains("up 1"))
                }
                #expect(try served.get(path, hosts: []).status == 421)
                #expect(try served.get(path, hosts: [served.host, "evil.example"]).status == 421)
            }
        }
    }

    @Test("without the token there is no page; nothing but GET is answered")
    func tokens() async throws {
        try await Served.page { (served: Served) async throws in
            #expect(try served.get("/\(served.token)/state").status == 200)
            let wrong = String(served.token.reversed())
            for path in [
                "/", "/state", "/stream", "/\(wrong)/", "/\(wrong)/state", "/\(served.token.dropLast())/",
                "/\(served.token)/other",
            ] {
                #expect(try served.get(path).status == 404, "\(path)")
            }
            for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"] {
                #expect(try served.get("/\(served.token)/", method: method).status == 405, "\(method)")
            }
        }
    }

    @Test("what is added is served at its own address, without the token")
    func routes() async throws {
        let route = WebServer.Route("/metrics") {
            WebServer.Answer(contentType: "text/plain", body: Array("up 1\n".utf8))
        }
        try await Served.page(routes: [route]) { (served: Served) async throws in
            let answer = try served.get("/metrics")
            #expect(answer.status == 200 && answer.body == "up 1\n")
        }
        try await Served.page { (served: Served) async throws in #expect(try served.get("/metrics").status == 404) }
    }

    @Test("the stream sends the state when it changes, with the events that are new")
    func stream() async throws {
        try await Served.page { (served: Served) async throws in
            let first = try Served.opened(1, at: 0)
            var view = FederationView(Served.plan)
            view.take(first)
            served.live.set(view)
            let request = PlainRequest(path: "/\(served.token)/stream", hosts: [served.host])
            var told = false
            let answer = try request.send(to: served.port) { text in
                if !told, text.contains("data: ") {
                    told = true
                    do { view.take(try Served.released(1, at: 5)) } catch { return true }
                    served.live.set(view)
                }
                return text.components("data: ").count > 2 && text.hasSuffix("\n\n\r\n")
            }
            #expect(answer.header("Content-Type") == "text/event-stream")
            let messages = answer.body.components("data: ").dropFirst().map { $0.components("\n\n")[0] }
            let states = try messages.map { JSONField(try JSON(Array($0.utf8))) }
            #expect(states.count == 2)
            let events = try states.map {
                try $0.member("events").elements(atMost: 10).map { try $0.member("n").integer(in: 0...99) }
            }
            #expect(events == [[1], [2]])
            let outcomes = try states.map { try $0.member("rounds").elements(atMost: 9)[0].member("outcome").string() }
            #expect(outcomes == ["open", "released"])
        }
    }

    @Test(
        "the state has what hinders a stage, with since when and what to do, and nothing for one that nothing hinders")
    func troubles() async throws {
        var view = FederationView(Served.plan)
        view.take(Served.hindered, of: try StageName("west/encrypt"))
        try await Served.page(view) { (served: Served) async throws in
            let answer = try served.get("/\(served.token)/state")
            let state = JSONField(try JSON(Array(answer.body.utf8)))
            let stages = try state.member("stages").elements(atMost: 20)
            for stage in stages {
                let troubles = try stage.member("troubles").elements(atMost: 20)
                guard try stage.member("name").string() == "west/encrypt" else {
                    #expect(troubles.isEmpty)
                    continue
                }
                let told = try #require(troubles.first)
                #expect(try told.member("kind").string() == "disk")
                #expect(try told.member("finding").string() == "disk: /state/<b>west</b>: its disk is full")
                #expect(try told.member("remedy").string() == "make room there")
                #expect(try told.member("since").integer(in: 0...(.max)) == 1_769_846_401_500)
            }
            #expect(stages.count == 8)
            #expect(try state.member("headline").string().hasSuffix("west/encrypt is hindered by a full disk."))
        }
    }

    @Test(
        "the state has how updates come about, what has been spent, what is expected and what it costs, and the page a place for each"
    )
    func method() async throws {
        var view = FederationView(Served.plan)
        view.take(try Served.opened(1, at: 1))
        for event in try Served.spent(at: 1, round: 1) { view.take(event) }
        view.take(
            RunCost(
                currency: "CHF",
                clouds: [
                    .init(name: try CloudName("north"), cpuSeconds: 1, gpuSeconds: 0, egressBytes: 2, amount: 0.25)
                ]))
        try await Served.page(view) { (served: Served) async throws in
            let answer = try served.get("/\(served.token)/state")
            let state = JSONField(try JSON(Array(answer.body.utf8)))
            #expect(try state.member("method").string() == Served.method)
            #expect(
                try state.member("privacy").member("words").string()
                    == "epsilon 3.2 of 8 (patient), 12.5 (cloud), delta 1e-05")
            let round = try #require(try state.member("rounds").elements(atMost: 9).first)
            #expect(try round.member("predicted_seconds").number(in: 0...1e6) == 12.5)
            #expect(try state.member("cost").member("total").number(in: 0...1e6) == 0.25)
            let page = try served.get("/\(served.token)/").body
            for part in [
                "id=\"method\"", "id=\"privacy\"", "state.method", "state.privacy", "state.cost.total",
                "round.predicted_seconds",
            ] {
                #expect(page.contains(part), "\(part)")
            }
        }
    }

    @Test("an address that is none is refused by name")
    func addresses() throws {
        #expect(throws: WebServer.Failure.self) {
            _ = try WebServer(LiveState(FederationView(Served.plan)), address: "somewhere", port: 0, token: nil)
        }
    }
}

extension StringProtocol {
    fileprivate func components(_ separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
