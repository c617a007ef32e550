/// What a stage's process says of itself to its launcher, as sd_notify(3) has it.
package struct NotifyMessage: Equatable, Sendable {
    package let pid: Int32
    package let isReady: Bool
    /// X_TRIBUTARY_STANDBY=1: a successor is ready to take over.
    package let standsBy: Bool
    /// What it does or waits for, at most 200 scalars of it: X_TRIBUTARY_STATUS where it says that, for its STATUS then has its
    /// troubles too; otherwise STATUS.
    package let status: String?
    /// X_TRIBUTARY_RUN=over: a variable of our own.
    package let saysRunIsOver: Bool
    /// X_TRIBUTARY_TROUBLE=KIND ABOUT TEXT, a line for each: all that there is now; nil where the message is not about that.
    package let troubles: [Trouble]?

    /// - Parameter pid: who sent it, as the kernel tells.
    package init(_ datagram: some Collection<UInt8>, from pid: Int32) {
        var isReady = false
        var standsBy = false
        var status: String?
        var ownStatus: String?
        var saysRunIsOver = false
        var troubles: [Trouble]?
        // By bytes: a carriage return and a line feed are one character.
        for line in datagram.split(separator: UInt8(ascii: "\n")).map({ String(decoding: $0, as: UTF8.self) }) {
            if line == "READY=1" { isReady = true }
            if line == "X_TRIBUTARY_STANDBY=1" { standsBy = true }
            if line == "X_TRIBUTARY_RUN=over" { saysRunIsOver = true }
            if line.hasPrefix("STATUS=") { status = Self.printable(line.dropFirst("STATUS=".count)) }
            if line.hasPrefix("X_TRIBUTARY_STATUS=") {
                ownStatus = Self.printable(line.dropFirst("X_TRIBUTARY_STATUS=".count))
            }
            if line.hasPrefix("X_TRIBUTARY_TROUBLE=") {
                let text = Self.printable(line.dropFirst("X_TRIBUTARY_TROUBLE=".count))
                troubles =
                    (troubles ?? [])
                    + [Trouble(text)].compactMap(\.self).prefix(Self.mostTroubles - (troubles?.count ?? 0))
            }
        }
        self.pid = pid
        self.isReady = isReady
        self.standsBy = standsBy
        self.status = ownStatus ?? status
        self.saysRunIsOver = saysRunIsOver
        self.troubles = troubles
    }

    /// Control characters would speak to the terminal that shows it.
    private static func printable(_ text: Substring) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(200) {
            result.append(scalar.value < 32 || (127...159).contains(scalar.value) ? "\u{FFFD}" : scalar)
        }
        return String(result)
    }
}
