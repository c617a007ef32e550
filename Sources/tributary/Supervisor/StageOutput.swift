internal import Federation

/// What one process of a stage says on its pipe, line by line: two processes of a stage may speak at once, while one takes the
/// other's place.
final class StageOutput {
    let stage: StageName
    let pid: Int32
    /// The last line that was whole.
    private(set) var lastLine = ""
    private let reading: Descriptor
    private var partial: [UInt8] = []

    init(of stage: StageName, pid: Int32, _ reading: Descriptor) {
        self.stage = stage
        self.pid = pid
        self.reading = reading
    }

    var descriptor: Int32 { reading.number }

    /// Gives whole lines, each with its end, as far as they have come; false once the pipe has ended. A line of over 64 KiB is
    /// broken, and one that its process's death left without an end gets one.
    func read(into buffer: inout [UInt8], _ body: (ArraySlice<UInt8>) -> Void) throws -> Bool {
        while true {
            switch try reading.read(into: &buffer) {
            case .bytes(let bytes):
                partial += bytes
                if let last = partial.lastIndex(of: StageOutput.newline) {
                    give(partial[...last], body)
                    partial.removeSubrange(...last)
                }
                if partial.count > 65_536 { flush(body) }
            case .nothingNow: return true
            case .end:
                flush(body)
                return false
            }
        }
    }

    private static let newline = UInt8(ascii: "\n")

    private func flush(_ body: (ArraySlice<UInt8>) -> Void) {
        guard !partial.isEmpty else { return }
        give((partial + [StageOutput.newline])[...], body)
        partial = []
    }

    private func give(_ lines: ArraySlice<UInt8>, _ body: (ArraySlice<UInt8>) -> Void) {
        let text = lines.dropLast()
        let start = text.lastIndex(of: StageOutput.newline).map { $0 + 1 } ?? text.startIndex
        lastLine = String(decoding: text[start...].prefix(2000), as: UTF8.self)
        body(lines)
    }
}
