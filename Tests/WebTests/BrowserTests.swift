import Federation
import Foundation
import Monitoring
import Testing
import View
import Web

/// What a real browser needs: Debian's chromium and chromium-driver, and a Python with selenium.
enum Browser {
    static let python = ProcessInfo.processInfo.environment["TRIBUTARY_PYTHON"] ?? "/usr/bin/python3"

    static let isThere: Bool = {
        let manager = FileManager.default
        guard manager.isExecutableFile(atPath: "/usr/bin/chromium"),
            manager.isExecutableFile(atPath: "/usr/bin/chromedriver")
        else { return false }
        let probe = Process()
        probe.executableURL = URL(filePath: python)
        probe.arguments = ["-c", "import selenium"]
        probe.standardError = FileHandle.nullDevice
        do { try probe.run() } catch { return false }
        probe.waitUntilExit()
        return probe.terminationStatus == 0
    }()
}

@Suite("The page in a browser")
struct BrowserTests {
    @Test(
        "shows a run as it goes on, to the keyboard and to a screen reader too, and takes no event's text for markup",
        .enabled(
            if: Browser.isThere,
            "install chromium and chromium-driver, and set TRIBUTARY_PYTHON to a Python with selenium (`make reference`)"
        ))
    func browser() async throws {
        var view = FederationView(Served.plan)
        for stage in Served.plan.stages { view.take(try Served.event(.stageReady, "\(stage)", at: 0)) }
        view.take(try Served.opened(1, at: 1))
        for event in try Served.spent(at: 1, round: 1) { view.take(event) }
        view.take(
            try Served.event(.roundJoined, "north/encrypt", at: 2, round: 1, sequence: 2, [.purpose: .text("update")]))
        try await Served.page(view) { served in
            let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Reference/page.py")
            let process = Process()
            let (input, output) = (Pipe(), Pipe())
            process.executableURL = URL(filePath: Browser.python)
            process.arguments = [script.path, served.url]
            (process.standardInput, process.standardOutput) = (input, output)
            try process.run()
            var said = ""
            // Between what it prints there may be minutes on a slow machine: it has limits of its own.
            while !said.contains("ready\n") {
                let data = output.fileHandleForReading.availableData
                guard !data.isEmpty else { break }
                said += String(decoding: data, as: UTF8.self)
            }
            #expect(said.contains("ready\n"), "\(said)")
            view.take(try Served.released(1, at: 9))
            view.take(
                try Served.event(
                    .stageFailed, "west/encrypt", at: 9, round: 1, sequence: 2,
                    [.reason: .text(#"<img src=x onerror="window.owned=1"><script>window.owned=1</script>"#)]))
            view.take(Served.hindered, of: try StageName("west/local-train"))
            view.take(try Served.opened(2, at: 10))
            served.live.set(view)
            input.fileHandleForWriting.write(Data("go\n".utf8))
            said += String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0, "\(said)")
        }
    }
}
