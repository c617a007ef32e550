import Federation
import SeededRandom
import Shipping

/// The ways in for a monitor's own notes and for what collectors answer over HTTP: what the mutation tests and the fuzzer
/// (`scripts/fuzz`) both push bytes through.
enum ShippingDecoders {
    static let all: [Spoiling.Entry] = [places, answer]

    private static let places: Spoiling.Entry = (
        "sink-places", [Array("north/encrypt 12 3 4567\noffice/publish 9999999999999999 0 0\n".utf8)],
        { bytes in
            let places = Places.places(in: String(decoding: bytes, as: UTF8.self))
            precondition(
                Places.places(in: Places.text(places)) == places, "places read otherwise than they were written")
        }
    )

    /// It comes in pieces, of a length that the first byte chooses.
    private static let answer: Spoiling.Entry = (
        "http-answer",
        [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nRetry-After: 3\r\n\r\nhello",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "HTTP/1.0 400 Bad Request\nConnection: close\n\nuntil the end",
        ].flatMap { text in [[0], [200]].map { $0 + text.utf8 } },
        { bytes in
            guard let first = bytes.first else { return }
            var rest = bytes.dropFirst()
            let answer = try HTTPAnswer(from: "collector") {
                let piece = rest.prefix(Int(first) + 1)
                rest = rest.dropFirst(piece.count)
                return Array(piece)
            }
            precondition(
                answer.status >= 200 && answer.body.count < bytes.count, "an answer of \(answer.body.count) bytes")
        }
    )
}
