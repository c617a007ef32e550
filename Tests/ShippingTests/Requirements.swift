import Collectors
import Testing

extension Equipment {
    static let withoutCollectors: Comment = "set TRIBUTARY_COLLECTORS (`make collectors` unpacks rsyslog and syslog-ng)"
    static let withoutPython: Comment = "set TRIBUTARY_PYTHON (`make reference` installs the peers)"
}
