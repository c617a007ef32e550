import Collectors
import Foundation
import FoundationNetworking
import JSONText

/// A Prometheus server on loopback that scrapes a federation's `/metrics` each second.
final class PrometheusServer: Sendable {
    private let url: String
    private let path: String
    private let arguments: [String]
    private let folder: String

    /// - Parameters:
    ///   - page: the address that `tributary web` has printed.
    ///   - rules: files of alerting rules.
    init(scraping page: String, rules: [String], port: Int, folder: String) throws {
        guard let path = Equipment.prometheus, let target = URL(string: page), let host = target.host,
            let targetPort = target.port
        else { throw CollectorFault("no server, or no page: \(page)") }
        self.path = path
        self.folder = folder
        url = "http://127.0.0.1:\(port)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let text = """
            global: {scrape_interval: 1s, evaluation_interval: 1s}
            rule_files: [\(rules.map { "\"\($0)\"" }.joined(separator: ", "))]
            scrape_configs:
              - job_name: tributary
                static_configs: [{targets: ["\(host):\(targetPort)"]}]

            """
        let file = "\(folder)/prometheus.yml"
        try Data(text.utf8).write(to: URL(filePath: file))
        arguments = [
            "--config.file=\(file)", "--storage.tsdb.path=\(folder)/data", "--web.listen-address=127.0.0.1:\(port)",
            "--log.level=warn",
        ]
    }

    /// A process of it; a later one goes on with what the earlier has kept.
    func process() -> Collector { Collector([path] + arguments, folder: folder, output: "\(folder)/none") }

    func isReady() async -> Bool {
        do { return try await fetch("\(url)/-/ready").status == 200 } catch { return false }  // not there yet
    }

    /// What its HTTP API answers.
    func ask(_ path: String, _ query: [String: String] = [:]) async throws -> JSON {
        var components = URLComponents()
        components.queryItems = query.isEmpty ? nil : query.map { URLQueryItem(name: $0.key, value: $0.value) }
        // A plus sign would be read as a blank.
        let text = components.percentEncodedQuery?.replacingOccurrences(of: "+", with: "%2B")
        let (status, body) = try await fetch("\(url)/api/v1/\(path)" + (text.map { "?\($0)" } ?? ""))
        let answer = try JSON(body).members
        guard status == 200, answer["status"]?.text == "success", let data = answer["data"] else {
            throw CollectorFault("\(path): HTTP status \(status), \(String(decoding: body, as: UTF8.self))")
        }
        return data
    }

    /// The series that an expression has now, each with its labels and value.
    func query(_ expression: String) async throws -> [(labels: [String: String], value: String)] {
        try await ask("query", ["query": expression]).members["result"]?.elements.map { series in
            let value = series.members["value"]?.elements.last?.text ?? ""
            return (series.members["metric"]?.members.compactMapValues(\.text) ?? [:], value)
        } ?? []
    }

    func fetch(_ address: String) async throws -> (status: Int, body: [UInt8]) {
        guard let address = URL(string: address) else { throw CollectorFault("no address: \(address)") }
        let (data, response) = try await URLSession.shared.data(from: address)
        return ((response as? HTTPURLResponse)?.statusCode ?? 0, Array(data))
    }
}

/// Waits for something that other processes bring about, a minute and a half at most.
func eventually(_ what: String, _ body: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(90)
    while ContinuousClock.now < end {
        if try await body() { return }
        try await Task.sleep(for: .milliseconds(100))
    }
    throw CollectorFault("in 90 seconds not: \(what)")
}
