/// A collector that gets events, as the topology file names it.
package struct SinkSpecification: Sendable, Hashable {
    package enum Target: Sendable, Hashable {
        case stdout
        case stderr
        /// - Parameters:
        ///   - rotate: bytes at which the file is moved aside.
        ///   - keep: how many of those that were moved aside stay.
        case file(path: String, rotate: Int, keep: Int)
        case syslog(SinkAddress, SyslogFormat.Facility, SyslogFormat.Body)
        /// The socket that journald reads; its own is `/run/systemd/journal/socket`.
        case journald(socket: String)
        case forward(ForwardTarget)
        case otlp(OTLPTarget)
    }

    /// Tells the sinks of a cloud apart, in metrics and in what is kept of how far each has come.
    package let name: String
    /// Events below it are not sent.
    package let level: EventLevel
    package let target: Target

    package init(name: String, level: EventLevel = .debug, target: Target) {
        self.name = name
        self.level = level
        self.target = target
    }

    package enum Kind: String, Sendable, CaseIterable {
        case stdout, stderr, file, syslog, journald, forward, otlp
    }

    package var kind: Kind {
        switch target {
        case .stdout: .stdout
        case .stderr: .stderr
        case .file: .file
        case .syslog: .syslog
        case .journald: .journald
        case .forward: .forward
        case .otlp: .otlp
        }
    }
}

/// Fluentd's Forward protocol (specification v1).
package struct ForwardTarget: Sendable, Hashable {
    package enum Mode: String, Sendable, CaseIterable {
        /// A list of entries.
        case forward
        /// Entries end to end in one piece of bytes, which the collector need not unpack to hand it on.
        case packed
    }

    package let address: SinkAddress
    package let tag: String
    package let mode: Mode
    /// Whether each chunk is kept until the collector has acknowledged it.
    package let acknowledges: Bool
    /// The file that holds the shared key; nil where collector asks for none.
    package let sharedKey: String?

    package init(address: SinkAddress, tag: String, mode: Mode, acknowledges: Bool, sharedKey: String?) {
        self.address = address
        self.tag = tag
        self.mode = mode
        self.acknowledges = acknowledges
        self.sharedKey = sharedKey
    }
}

/// OpenTelemetry's protocol over plain HTTP.
package struct OTLPTarget: Sendable, Hashable {
    package enum Signal: String, Sendable, CaseIterable, Comparable {
        case logs, metrics, traces

        package static func < (left: Signal, right: Signal) -> Bool { left.rawValue < right.rawValue }
    }

    package let host: String
    package let port: Int
    /// What stands before `/v1/logs`; empty for most.
    package let prefix: String
    package let signals: [Signal]

    package init(host: String, port: Int, prefix: String, signals: [Signal]) {
        self.host = host
        self.port = port
        self.prefix = prefix
        self.signals = signals
    }
}
