internal import ArgumentParser
internal import Dispatch
internal import Glibc
internal import Synchronization
internal import Topology
internal import View
internal import Web

/// Where a page is served, and for whom.
struct PageOptions {
    var address = "127.0.0.1"
    /// 0 for any.
    var port: UInt16 = 0
    /// Host names by which it may be asked for, beside its address.
    var names: [String] = []
    /// Nil for one that is made up.
    var token: String?
    var hasToken = true

    static func port(_ text: String) throws -> UInt16 {
        guard let port = UInt16(text) else {
            throw LauncherError.arguments("expected a port from 0 to 65535, found \"\(text)\"")
        }
        return port
    }
}

/// Serves the page of a federation while something else goes on: a thread follows the spools, tasks answer requests.
struct PageService {
    /// Listens; returns the page's address when it is there. Call when signals are blocked already: threads inherit that.
    ///
    /// - parameter routes: what is served beside the page, its metrics and its health.
    static func start(_ topology: Topology, _ options: PageOptions, routes: [WebServer.Route] = []) throws -> String {
        signal(SIGPIPE, SIG_IGN)  // a browser that has gone is no reason to end
        let live = LiveState(FederationView(FederationPlan(topology)))
        let server: WebServer
        do {
            server = try WebServer(
                live, address: options.address, port: options.port,
                token: options.hasToken ? try options.token ?? WebServer.makeToken() : nil, names: options.names,
                routes: routes + HealthRoutes.all(topology))
        } catch let failure as WebServer.Failure { throw LauncherError.arguments("\(failure)") }
        let outcome = Outcome()
        Task.detached {
            do { try await server.run() } catch {
                if !outcome.settle(.failure(error)) { Terminal.warn("\(error)") }
            }
        }
        Task.detached {
            do { _ = outcome.settle(.success(try await server.url())) } catch { _ = outcome.settle(.failure(error)) }
        }
        let url: String
        do { url = try outcome.wait() } catch {
            throw LauncherError.runFailed("\(error); is port \(options.port) taken? Another one, or 0 for any, is free")
        }
        // A queue of its own: it never gives its thread back.
        DispatchQueue(label: "tributary.page").async {
            do { follow(topology, try SpoolWatch(topology), live) } catch { Terminal.warn("page: \(error)") }
        }
        return url
    }

    /// Reads what comes for as long as the process lives.
    private static func follow(_ topology: Topology, _ watch: SpoolWatch, _ live: LiveState) {
        var watching = Watching(topology)
        var complaint = ""
        while true {
            var isMore = false
            do {
                watch.refresh()
                try watch.drain()
                isMore = try watching.read()
                complaint = ""
            } catch {
                // It may be mended while this goes on: said once.
                if complaint != "\(error)" { Terminal.warn("page: \(error)") }
                complaint = "\(error)"
            }
            live.set(watching.view)
            guard !isMore else { continue }
            // What comes in a burst is shown together; without news once a second, for what the launcher alone knows.
            usleep(100_000)
            var item = pollfd(fd: watch.descriptor.number, events: Int16(POLLIN), revents: 0)
            _ = poll(&item, 1, 900)
        }
    }

    /// What a task says to the thread that started it: the first word counts.
    private final class Outcome: Sendable {
        private let result = Mutex<Result<String, any Error>?>(nil)
        private let isSettled = DispatchSemaphore(value: 0)

        /// False where it had been settled before.
        func settle(_ new: Result<String, any Error>) -> Bool {
            let isFirst = result.withLock { known in
                guard known == nil else { return false }
                known = new
                return true
            }
            if isFirst { isSettled.signal() }
            return isFirst
        }

        func wait() throws -> String {
            isSettled.wait()
            guard let result = result.withLock({ $0 }) else { return "" }
            return try result.get()
        }
    }
}
