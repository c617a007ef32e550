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
                    RunReport.CloudRound(cloud: $1, wireBytes: 141_000 + $0 * 1_900, fp32Bytes: 196_608)
                },
                phases: [
                    .init(name: "train", seconds: 4.1 + Double(index % 3) * 0.4), .init(name: "encrypt", seconds: 2.2),
                    .init(name: "aggregate", seconds: 0.4), .init(name: "open", seconds: 0.9),
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
            ])
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
            { $0.rounds[0].clouds[0].wireBytes = -1 }, { $0.rounds.swapAt(0, 1) }, { $0.format = 2 },
            { $0.totalSeconds = .nan },
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
        #expect(page.components(separatedBy: "<table>").count == 6)
        #expect(page.contains("prefers-color-scheme: dark") && page.contains("width=device-width"))
        for (open, close) in [("<svg ", "</svg>"), ("<figure", "</figure>"), ("<tr>", "</tr>"), ("<text ", "</text>")] {
            #expect(page.components(separatedBy: open).count == page.components(separatedBy: close).count)
        }
    }

    @Test("Names that a user chose cannot become markup")
    func escapes() throws {
        let hostile = "<img onerror=x>\"'&"
        var report = try Self.sample(run: hostile, clouds: [hostile])
        report.commands[0].line = hostile
        report.aggregateSaw = [hostile]
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
