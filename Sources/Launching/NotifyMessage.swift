/// What a stage's process says of itself to its launcher, as sd_notify(3) has it.
package struct NotifyMessage: Equatable, Sendable {
    package let pid: Int32
    package let isReady: Bool
    /// X_TRIBUTARY_STANDBY=1: a successor is ready to take over.
    package let standsBy: Bool
    /// As it came, at most 200 characters of it.
    package let status: String?
    /// X_TRIBUTARY_RUN=over: a variable of our own.
    package let saysRunIsOver: Bool

    /// - Parameter pid: who sent it, as the kernel tells.
    package init(_ datagram: some Collection<UInt8>, from pid: Int32) {
        var isReady = false
        var standsBy = false
        var status: String?
        var saysRunIsOver = false
        for line in String(decoding: datagram, as: UTF8.self).split(separator: "\n") {
            if line == "READY=1" { isReady = true }
            if line == "X_TRIBUTARY_STANDBY=1" { standsBy = true }
            if line == "X_TRIBUTARY_RUN=over" { saysRunIsOver = true }
            if line.hasPrefix("STATUS=") { status = Self.printable(line.dropFirst("STATUS=".count).prefix(200)) }
        }
        self.pid = pid
        self.isReady = isReady
        self.standsBy = standsBy
        self.status = status
        self.saysRunIsOver = saysRunIsOver
    }

    /// Control characters would speak to the terminal that shows it.
    private static func printable(_ text: Substring) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(800) {
            result.append(scalar.value < 32 || (127...159).contains(scalar.value) ? "\u{FFFD}" : scalar)
        }
        return String(result)
    }
}
