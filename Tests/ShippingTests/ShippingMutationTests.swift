import Federation
import SeededRandom
import Shipping
import Testing

@Suite("Spoiled notes and answers")
struct ShippingMutationTests {
    @Test("Three thousand spoiled forms of each seed are refused with a reason, or read")
    func spoiled() throws {
        for entry in ShippingDecoders.all {
            _ = try Spoiling.push(entry, count: 3_000) { error in
                if !(error is SinkFault) || "\(error)".isEmpty { Issue.record("\(entry.name): \(error)") }
            }
        }
    }

    private func answer(_ text: String) throws -> HTTPAnswer {
        var rest = Array(text.utf8)
        return try HTTPAnswer(from: "collector") {
            defer { rest = [] }
            return rest
        }
    }

    private static let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    @Test("An answer in chunks is read whole, with what follows it")
    func chunks() throws {
        let found = try answer(Self.head + "1\r\nx\r\n2;extension\r\nyz\r\n0\r\nTrailer: 1\r\n\r\n")
        #expect(found.body == Array("xyz".utf8) && found.status == 200 && found.keepsConnection)
    }

    @Test(
        "A length that cannot be, or what does not end, is refused",
        arguments: [
            "1\r\nx\r\n7fffffffffffffff\r\n", "1\r\nx\r\n-1\r\n", "40001\r\n", "ffffffffffffffffff\r\n",
            "0\r\n" + String(repeating: "a: b\r\n", count: 200),
        ])
    func endless(_ body: String) {
        #expect(throws: SinkFault.self) { try answer(Self.head + body) }
    }

    @Test("Answers that are none yet are waited out, and not for ever")
    func interim() throws {
        let interim = "HTTP/1.1 102 Processing\r\n\r\n"
        let last = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
        let found = try answer(String(repeating: interim, count: 8) + last)
        #expect(found.status == 204 && found.body.isEmpty && !found.keepsConnection)
        #expect(throws: SinkFault.self) { try answer(String(repeating: interim, count: 9) + last) }
    }
}
