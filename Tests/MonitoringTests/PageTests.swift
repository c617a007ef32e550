import Foundation
import Monitoring
import Testing

@Suite("docs/events.md")
struct PageTests {
    private static let path = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../docs/events.md")

    @Test("It is what the catalogue says")
    func isTheCatalogues() throws {
        if ProcessInfo.processInfo.environment["TRIBUTARY_WRITE_DOCS"] != nil {
            try Catalogue.page.write(to: Self.path, atomically: true, encoding: .utf8)
        }
        let page = try String(contentsOf: Self.path, encoding: .utf8)
        #expect(
            page == Catalogue.page,
            "write it anew: TRIBUTARY_WRITE_DOCS=1 make test TESTFLAGS='--filter MonitoringTests'")
    }
}
