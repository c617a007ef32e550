internal import Foundation
internal import Glibc
package import JSONText
package import Monitoring

/// Real syslog daemons, out of Debian's packages and under nobody's service manager.
package enum SyslogCollectors {
    private static func root() throws -> String {
        guard let root = Equipment.collectors else { throw CollectorFault("TRIBUTARY_COLLECTORS is not set") }
        return root
    }

    private static func environment(_ root: String) -> [String: String] {
        // Debian 12 has some of them in /lib, which is a link to /usr/lib where they are installed.
        let folders =
            ["x86_64-linux-gnu", "aarch64-linux-gnu"].flatMap { ["\(root)/usr/lib/\($0)", "\(root)/lib/\($0)"] }
            + ["\(root)/usr/lib/syslog-ng"]
        return ["LD_LIBRARY_PATH": folders.joined(separator: ":")]
    }

    /// The folder of this name that the packages brought.
    private static func find(_ name: String, under root: String) throws -> String {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: "\(root)/usr/lib")
        guard let path = paths.first(where: { $0.hasSuffix(name) }) else {
            throw CollectorFault("no \(name) in \(root)")
        }
        return "\(root)/usr/lib/\(path)"
    }

    package static func rsyslog(_ address: SinkAddress, folder: String) throws -> Collector {
        let root = try root()
        let output = "\(folder)/received"
        let input =
            switch address {
            case .udp(_, let port):
                "module(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=\"\(port)\")"
            case .tcp(_, let port):
                "module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"\(port)\")"
            case .unix(let path):
                "module(load=\"imuxsock\" SysSock.Use=\"off\")\ninput(type=\"imuxsock\" Socket=\"\(path)\" UseSpecialParser=\"off\" IgnoreTimestamp=\"off\" UseSysTimeStamp=\"off\" RateLimit.Interval=\"0\")"
            }
        let text = """
            global(workDirectory="\(folder)" maxMessageSize="64k")
            module(load="mmpstrucdata")
            \(input)
            template(name="lines" type="string" string="%jsonmesg%\\t%$!all-json%\\n")
            action(type="mmpstrucdata")
            action(type="omfile" file="\(output)" template="lines")

            """
        let file = "\(folder)/rsyslog.conf"
        try Data(text.utf8).write(to: URL(filePath: file))
        return Collector(
            [
                "\(root)/usr/sbin/rsyslogd", "-n", "-f", file, "-i", "\(folder)/rsyslog.pid", "-M",
                try find("/rsyslog", under: root),
            ], folder: folder, output: output, environment: environment(root))
    }

    package static func syslogNG(_ address: SinkAddress, folder: String) throws -> Collector {
        let root = try root()
        let output = "\(folder)/received"
        let source =
            switch address {
            case .udp(_, let port): "syslog(transport(\"udp\") ip(\"127.0.0.1\") port(\(port)) so-rcvbuf(4194304))"
            case .tcp(_, let port): "syslog(transport(\"tcp\") ip(\"127.0.0.1\") port(\(port)))"
            case .unix(let path): "unix-dgram(\"\(path)\" flags(syslog-protocol) log-iw-size(10000))"
            }
        let text = """
            @version: 3.38
            options { frac-digits(6); ts-format(iso); flush-lines(1); stats-freq(0); };
            source s { \(source); };
            destination d { file("\(output)" template("$(format-json --key MSGID,PID,HOST,PROGRAM,MESSAGE,FACILITY,LEVEL_NUM,ISODATE --scope sdata)\\n")); };
            log { source(s); destination(d); flags(flow-control); };

            """
        let file = "\(folder)/syslog-ng.conf"
        try Data(text.utf8).write(to: URL(filePath: file))
        return Collector(
            [
                "\(root)/usr/sbin/syslog-ng", "-F", "--no-caps", "-f", file, "-R", "\(folder)/persist", "-p",
                "\(folder)/ng.pid", "-c", "\(folder)/ng.ctl", "--module-path", try find("syslog-ng/3.38", under: root),
            ], folder: folder, output: output, environment: environment(root))
    }

    package static func isReady(_ address: SinkAddress) -> Bool {
        switch address {
        case .tcp(_, let port): Collector.isListening(port)
        case .unix(let path): access(path, F_OK) == 0
        case .udp(_, let port): isBound(port)
        }
    }

    private static func isBound(_ port: Int) -> Bool {
        let number = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(number) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) != 0 && errno == EADDRINUSE
            }
        }
    }

    /// One message as a collector has understood it.
    package struct Message {
        package let name: String
        package let process: String
        package let host: String
        package let text: String
        package let severity: Int
        package let time: String
        /// The structured data's parameters.
        package let parameters: [String: JSON]
    }

    package static func fromRsyslog(_ line: String) throws -> Message {
        let parts = line.split(separator: "\t", maxSplits: 1)
        guard parts.count == 2 else { throw CollectorFault("not as the template has it: \(line)") }
        let message = try JSON(Array(parts[0].utf8)).members
        let parsed = try JSON(Array(parts[1].utf8)).members["rfc5424-sd"]?.members ?? [:]
        return Message(
            name: message["msgid"]?.text ?? "", process: message["procid"]?.text ?? "",
            host: message["hostname"]?.text ?? "", text: message["msg"]?.text ?? "",
            severity: message["syslogseverity"]?.whole ?? -1, time: message["timereported"]?.text ?? "",
            parameters: parsed[SyslogFormat.element]?.members ?? [:])
    }

    package static func fromSyslogNG(_ line: String) throws -> Message {
        let message = try JSON(Array(line.utf8)).members
        let parsed = (message["_SDATA"] ?? message[".SDATA"])?.members ?? [:]
        return Message(
            name: message["MSGID"]?.text ?? "", process: message["PID"]?.text ?? "",
            host: message["HOST"]?.text ?? "", text: message["MESSAGE"]?.text ?? "",
            severity: message["LEVEL_NUM"]?.whole ?? -1, time: message["ISODATE"]?.text ?? "",
            parameters: parsed[SyslogFormat.element]?.members ?? [:])
    }
}
