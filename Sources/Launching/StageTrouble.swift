/// What hinders a stage for as long as it lasts, in words that a person reads.
package struct StageTrouble: Codable, Equatable, Sendable {
    package enum Kind: String, Codable, Sendable, CaseIterable {
        /// A hub's clock is far from this host's.
        case clock
        /// A peer speaks another version of the protocol.
        case version
        /// The same step of the plan is given up again and again: for want of that cloud, or for another reason.
        case round
        /// There was no room for its state when it ended.
        case disk
        /// Its last process was killed, and not by the launcher.
        case killed
        /// Its process is there and does nothing: stopped, or hung.
        case still
        /// It has failed, for good or again and again, and the others go on.
        case failed
    }

    package let kind: Kind
    /// The stage or the path that it is about.
    package let about: String
    package let text: String
    package let remedy: String
    /// Seconds since 1970.
    package let since: Double

    package init(kind: Kind, about: String, text: String, remedy: String, since: Double) {
        self.kind = kind
        self.about = about
        self.text = text
        self.remedy = remedy
        self.since = since
    }
}

extension StageTrouble.Kind {
    /// What to do about what a stage says of its peers; nil for what only its launcher knows.
    package var remedy: String? {
        switch self {
        case .clock: "let both hosts set their clocks from the network (chrony, systemd-timesyncd)"
        case .version: "compare `tributary --version` on both hosts, and upgrade the older one"
        case .round:
            "see to its stages (`tributary ps` and `tributary doctor` on their hosts); the step is tried again until then"
        case .disk, .killed, .still, .failed: nil
        }
    }
}

extension NotifyMessage {
    /// What a stage says of its peers: a clock, a version, or whom a round lacks. Of its disk and its end the launcher knows more than itself.
    package struct Trouble: Equatable, Sendable {
        package let kind: StageTrouble.Kind
        package let about: String
        package let text: String

        /// - Parameter line: `KIND ABOUT TEXT`; nil for what is none.
        init?(_ line: String) {
            let parts = line.split(separator: " ", maxSplits: 2)
            guard parts.count == 3, let kind = StageTrouble.Kind(rawValue: String(parts[0])),
                kind == .clock || kind == .version || kind == .round
            else { return nil }
            (self.kind, about, text) = (kind, String(parts[1]), String(parts[2]))
        }
    }

    /// More are not read.
    static let mostTroubles = 8
}
