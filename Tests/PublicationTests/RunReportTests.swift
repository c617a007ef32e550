import DocumentedKeys
import Foundation
import Publication
import Testing

struct RunReportTests {
    static func sample(
        run: String = "demo", clouds: [String] = ["north", "east", "west"], rounds count: Int = 12
    ) throws -> RunReport {
        let rounds = (0..<count).map { index -> RunReport.Round in
            let progress = 1 - exp(-Double(index) / 3)
            return RunReport.Round(
                round: index + 2, loss: 0.52 - 0.13 * progress, auroc: 0.64 + 0.17 * progress,
                auprc: 0.3 + 0.2 * progress,
                clouds: clouds.enumerated().map {
                    RunReport.CloudRound(
                        cloud: $1, wireBytes: 141_000 + $0 * 1_900, fp32Bytes: 196_608, shareBytes: 143_000,
                        evidenceBytes: 283_000, adapterBytes: index + 1 < count ? 61_000 : 0)
                },
                phases: [
                    .init(name: "train", seconds: 4.1 + Double(index % 3) * 0.4), .init(name: "seal", seconds: 2.2),
                    .init(name: "gather", seconds: 0.4), .init(name: "open", seconds: 0.9),
                    .init(name: "publish", seconds: 0.2),
                ])
        }
        let table: [RunReport.Row] = [
            .init(name: "base, no training", kind: .base, auroc: 0.512, aurocLow: 0.47, aurocHigh: 0.55, auprc: 0.18),
            .init(
                name: "north alone", kind: .alone, auroc: 0.741, aurocLow: 0.70, aurocHigh: 0.78, auprc: 0.41,
                logLoss: 0.43),
            .init(
                name: "east alone", kind: .alone, auroc: 0.728, aurocLow: 0.69, aurocHigh: 0.77, auprc: 0.39,
                logLoss: 0.44),
            .init(
                name: "west alone", kind: .alone, auroc: 0.702, aurocLow: 0.66, aurocHigh: 0.74, auprc: 0.36,
                logLoss: 0.46),
            .init(
                name: "federated", kind: .federated, auroc: 0.806, aurocLow: 0.77, aurocHigh: 0.84, auprc: 0.5,
                logLoss: 0.39),
            .init(name: "all data pooled", kind: .pooled, auroc: 0.811, aurocLow: 0.78, aurocHigh: 0.84, auprc: 0.51),
            .init(name: "logistic regression, pooled", kind: .other, auroc: 0.799),
            .init(name: "oracle (Bayes)", kind: .oracle, auroc: 0.842),
        ]
        return RunReport(
            run: run, createdAt: 1_700_000_000, baseModel: "tributary-base-1m",
            privacy: try Fixtures.draft(round: 1).privacy, totalSeconds: 187.3, rounds: rounds, table: table,
            aggregateSaw: [
                "36 contributions of 141 KiB, all ciphertexts; no key share", "who took part, and bucketed weights",
            ],
            commands: [
                .init(
                    purpose: "Verify the release", line: "tributary verify ~/.local/state/tributary/one-machine/latest"),
                .init(purpose: "Load it", line: "PeftModel.from_pretrained(base, \"latest\")"),
            ],
            adapter: "out/demo/state/release/publish/releases/round-0012",
            costs: [
                .init(cloud: "north", cpuSeconds: 61, gpuSeconds: 0, egressBytes: 3_400_000, amount: 0.0021),
                .init(cloud: "east", cpuSeconds: 58, gpuSeconds: 0, egressBytes: 3_300_000, amount: nil),
            ], currency: "EUR")
    }

    private static let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("docs/report.md").path

    @Test("docs/report.md has a row for every key of report.json, and none for another")
    func isDocumented() throws {
        var report = try Self.sample()
        report.encrypted = "everything"
        let written = try DocumentedKeys.paths(in: report.encoded())
        let documented = try DocumentedKeys.rows(of: Self.page, under: "Fields")
        #expect(written.subtracting(documented) == [], "give docs/report.md, \"Fields\", a row for these")
        #expect(documented.subtracting(written) == [], "docs/report.md, \"Fields\", has rows for what is not written")
        let kinds = try DocumentedKeys.items(of: Self.page, under: "Kinds of rows")
        #expect(kinds == Set(RunReport.Kind.allCases.map(\.rawValue)))
    }

    @Test("A report reads back, and the same report gives the same bytes")
    func roundTrips() throws {
        let report = try Self.sample()
        let bytes = try report.encoded()
        #expect(try RunReport(bytes) == report)
        #expect(try report.encoded() == bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        for name in [
            "wire_bytes", "fp32_bytes", "who_could_open", "auroc_low", "aggregate_saw", "2023-11-14T22:13:20Z",
        ] {
            #expect(text.contains(name), "docs/report.md promises \(name)")
        }
    }

    @Test("Figures that nobody measured are refused, in the file and on the page")
    func refusesFigures() throws {
        let good = try Self.sample()
        #expect(throws: Never.self) { try ReportPage(good) }
        let changes: [(inout RunReport) -> Void] = [
            { $0.table[0].auroc = 1.2 }, { $0.table[0].auroc = .nan }, { $0.rounds[0].auroc = -0.1 },
            { $0.rounds[0].loss = .infinity }, { $0.rounds[0].phases[0].seconds = -1 },
            { $0.rounds[0].clouds[0].wireBytes = -1 }, { $0.rounds[0].clouds[0].shareBytes = -1 },
            { $0.rounds[0].clouds[0].evidenceBytes = -1 }, { $0.rounds[0].clouds[0].adapterBytes = -1 },
            { $0.rounds.swapAt(0, 1) }, { $0.format = 2 }, { $0.totalSeconds = .nan },
        ]
        for change in changes {
            var spoiled = good
            change(&spoiled)
            #expect(throws: PublicationError.self) { try spoiled.encoded() }
            #expect(throws: PublicationError.self) { try ReportPage(spoiled) }
        }
        #expect(throws: PublicationError.self) { try RunReport(Array("{}".utf8)) }
        #expect(throws: PublicationError.self) { try RunReport(Array("not json".utf8)) }
    }

    @Test(
        "What the clouds used stands in the file by its names, and on the page with its sum; figures that cannot be are refused"
    )
    func costs() throws {
        var report = try Self.sample()
        (report.costs, report.currency) = (nil, nil)
        #expect(try !String(decoding: report.encoded(), as: UTF8.self).contains("costs"))
        #expect(try !ReportPage(report).html.contains("What it used"))
        report.costs = [
            .init(cloud: "north", cpuSeconds: 120.25, gpuSeconds: 60, egressBytes: 2_097_152, amount: 1.25),
            .init(cloud: "east", cpuSeconds: 80, gpuSeconds: 0, egressBytes: 512, amount: 0.5),
            .init(cloud: "west", cpuSeconds: 7, gpuSeconds: 0, egressBytes: 0, amount: nil),
        ]
        report.currency = "CHF"
        let bytes = try report.encoded()
        #expect(try RunReport(bytes) == report)
        let text = String(decoding: bytes, as: UTF8.self)
        for name in [
            "\"costs\"", "\"cpu_seconds\" : 120.25", "\"gpu_seconds\" : 60", "egress_bytes", "\"amount\" : 1.25",
            "\"currency\" : \"CHF\"",
        ] {
            #expect(text.contains(name), "docs/report.md promises \(name)")
        }
        let page = try ReportPage(report).html
        #expect(page.contains("1.7500 CHF in all, to AUROC 0.806."))
        #expect(page.contains("<th scope=\"row\">north</th><td>120.3 s</td><td>60.0 s</td>"), "\(page)")
        #expect(page.contains("<td>1.2500 CHF</td>") && page.contains("<th scope=\"row\">west</th>"))
        for row in report.costs?.indices ?? 0..<0 { report.costs?[row].amount = nil }
        #expect(try ReportPage(report).html.contains("The topology has no prices."))
        report.costs?[0].cpuSeconds = -1
        #expect(throws: PublicationError.self) { try report.encoded() }
    }

    @Test("The page needs nothing else, and every plot has a title, a description and a table")
    func isSelfContained() throws {
        let page = try ReportPage(Self.sample()).html
        for outside in ["http:", "https:", "src=", "url(", "@import", "<script", "<link"] {
            #expect(!page.contains(outside), "\(outside)")
        }
        let plots = page.components(separatedBy: "<svg ").dropFirst()
        #expect(plots.count == 5)
        for plot in plots {
            #expect(plot.contains("role=\"img\"") && plot.contains("<title id=") && plot.contains("<desc id="))
        }
        // One for each plot, and what the run used.
        #expect(page.components(separatedBy: "<table>").count == 7)
        #expect(page.contains("prefers-color-scheme: dark") && page.contains("width=device-width"))
        for (open, close) in [("<svg ", "</svg>"), ("<figure", "</figure>"), ("<tr>", "</tr>"), ("<text ", "</text>")] {
            #expect(page.components(separatedBy: open).count == page.components(separatedBy: close).count)
        }
    }

    @Test("The page tells what was sent and what crossed in all, in its tile, its plot and its table")
    func tellsAllBytes() throws {
        var report = try Self.sample(clouds: ["north", "east"], rounds: 2)
        for (round, adapter) in [(0, 1024), (1, 0)] {
            for cloud in 0..<2 {
                report.rounds[round].clouds[cloud] = .init(
                    cloud: cloud == 0 ? "north" : "east", wireBytes: 2048, fp32Bytes: 4096, shareBytes: 3072,
                    evidenceBytes: 5120, adapterBytes: adapter)
            }
        }
        let page = try ReportPage(report).html
        // Four parts of 2 + 3 sent and 5 got, half of them 1 more, beside 4.
        #expect(page.contains(">1.25 ×<"))
        #expect(page.contains("2.63 × in all: 5.0 KiB sent and 5.5 KiB got per cloud and round"))
        for title in [
            "sent: contributions, round 2: 4.0 KiB", "sent: to open sums, round 2: 6.0 KiB",
            "got: to open sums, round 2: 10.0 KiB", "got: the new adapter, round 2: 2.0 KiB",
        ] {
            #expect(page.contains(title), "\(title)")
        }
        // The table's row of a cloud and round: its parts, all of them, fp32, and both ratios.
        let cells = ["2.0 KiB", "3.0 KiB", "5.0 KiB", "1.0 KiB", "11.0 KiB", "4.0 KiB", "1.25", "2.75"]
        #expect(page.contains(cells.map { "<td class=\"n\">\($0)</td>" }.joined()), "the row of round 2 and north")
    }

    @Test("Names that a user chose cannot become markup")
    func escapes() throws {
        let hostile = "<img onerror=x>\"'&"
        var report = try Self.sample(run: hostile, clouds: [hostile])
        report.commands[0].line = hostile
        report.aggregateSaw = [hostile]
        (report.adapter, report.currency) = (hostile, hostile)
        report.table[0].name = hostile
        report.rounds[0].phases[0].name = hostile
        let page = try ReportPage(report).html
        #expect(!page.contains("<img"))
        #expect(page.contains("&lt;img onerror=x&gt;&quot;&#39;&amp;"))
    }

    @Test("A run with one round, and one with none, still make a page")
    func drawsSmallRuns() throws {
        #expect(try ReportPage(Self.sample(rounds: 1)).html.contains("<polyline"))
        var empty = try Self.sample(rounds: 0)
        empty.table = []
        let page = try ReportPage(empty).html
        #expect(!page.contains("<svg") && !page.lowercased().contains("nan"))
    }
}
