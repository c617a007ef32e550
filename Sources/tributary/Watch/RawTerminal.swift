internal import Glibc

/// A terminal that is drawn on as a whole: raw keys, the alternate screen, no cursor; as it was before when this ends, however it ends.
final class RawTerminal {
    private static let enter = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[2J"
    private static let leave = "\u{1B}[?2026l\u{1B}[0m\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l"
    /// Signals of a program that goes wrong: what Swift traps with is SIGILL or SIGTRAP.
    private static let crashes = [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE]

    private var isRaw = false

    /// Standard input and output must be a terminal.
    init() throws {
        var modes = termios()
        guard tcgetattr(0, &modes) == 0 else { throw LauncherError.system("tcgetattr") }
        TerminalRestoration.arm(modes, text: RawTerminal.leave, signals: RawTerminal.crashes)
        cfmakeraw(&modes)
        guard tcsetattr(0, TCSAFLUSH, &modes) == 0 else { throw LauncherError.system("tcsetattr") }
        isRaw = true
        write(RawTerminal.enter)
    }

    deinit { restore() }

    func restore() {
        guard isRaw else { return }
        isRaw = false
        TerminalRestoration.restore()
    }

    /// Columns and lines; 80 by 24 where the terminal does not say.
    var size: (width: Int, height: Int) {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// All lines at once (mode 2026 keeps terminals that know it from showing half a frame).
    func draw(_ lines: [String]) {
        var text = "\u{1B}[?2026h\u{1B}[H"
        // Each line is cleared before it is written: after a full one the cursor stands on its last column.
        text += lines.map { "\u{1B}[K\($0)\u{1B}[0m" }.joined(separator: "\r\n")
        text += "\u{1B}[J\u{1B}[?2026l"
        write(text)
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(1, $0.baseAddress?.advanced(by: written), bytes.count - written)
            }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { return }  // the terminal is gone: SIGHUP comes next
            written += count
        }
    }
}

/// What gives a terminal back, from a signal handler too: it calls nothing but write(2), tcsetattr(3) and raise(3), which
/// signal-safety(7) allows there.
private enum TerminalRestoration {
    // Written once, before the handlers that read them are installed, and never again: a process has one terminal.
    nonisolated(unsafe) private static var modes = termios()
    nonisolated(unsafe) private static var bytes: UnsafeMutableBufferPointer<UInt8> = .init(start: nil, count: 0)

    static func arm(_ modes: termios, text: String, signals: [Int32]) {
        self.modes = modes
        let text = Array(text.utf8)
        bytes = .allocate(capacity: text.count)  // for the process's life: a handler may need it at any time
        _ = bytes.initialize(from: text)
        for number in signals {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                TerminalRestoration.restore()
                raise(number)
            }
            // Back to the default once it is called, so that the signal raised again ends the process as it would have.
            action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | Int32(SA_NODEFER)
            sigaction(number, &action, nil)
        }
    }

    static func restore() {
        _ = write(1, bytes.baseAddress, bytes.count)
        _ = tcsetattr(0, TCSAFLUSH, &modes)
    }
}
