internal import Glibc

/// What people read: colour only on a terminal that wants it (https://no-color.org), and never what a log could smuggle in.
struct Terminal {
    enum Colour: String {
        case red = "31"
        case green = "32"
        case yellow = "33"
        case blue = "34"
        case grey = "90"
    }

    let hasColour: Bool

    init() {
        let refused = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        let isDumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? false
        hasColour = isatty(1) == 1 && !refused && !isDumb
    }

    func paint(_ text: String, _ colour: Colour) -> String {
        hasColour ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Writes a line at once: standard output may be a pipe that someone waits at.
    func line(_ text: String) {
        print(text)
        fflush(nil)
    }

    static func warn(_ text: String) { complain("tributary: \(text)") }

    /// A line on standard error, in one write(2). Where nobody reads it there is nobody left to tell.
    static func complain(_ text: String) {
        let bytes = Array("\(text)\n".utf8)
        _ = write(2, bytes, bytes.count)
    }

    /// Without control characters, which a terminal would obey.
    static func printable(_ text: some StringProtocol) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            result.append(scalar.value < 32 || (127...159).contains(scalar.value) ? "\u{FFFD}" : scalar)
        }
        return String(result)
    }

    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// `0.021 s`
    static func seconds(_ duration: Duration) -> String { seconds(duration.inSeconds) }

    static func seconds(_ value: Double) -> String {
        let milliseconds = Int((max(0, min(value, 1e12)) * 1000).rounded())
        let fraction = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction + " s"
    }
}
