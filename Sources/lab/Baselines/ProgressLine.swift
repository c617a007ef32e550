import Glibc

/// A line on standard error, whole in one write(2), so that lines of several tasks do not mix.
enum ProgressLine {
    static func write(_ text: String) {
        let bytes = Array("\(text)\n".utf8)
        // Where nobody reads it there is nobody left to tell.
        _ = Glibc.write(2, bytes, bytes.count)
    }
}
