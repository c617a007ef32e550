package import Federation

/// Something about a stage's peers that hinders it for as long as it lasts, whatever it does or waits for meanwhile.
package struct Trouble: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        /// A hub's clock is far from this host's.
        case clock
        /// A peer speaks a version of the protocol that is not spoken here.
        case version
        /// The same step of the plan is given up again and again.
        case round
    }

    package let kind: Kind
    /// A stage, or `ipc` for one of this host that the transport does not name.
    package let about: String
    /// Holds nothing that changes while it lasts.
    package let text: String

    package init(_ kind: Kind, about: String, _ text: String) {
        self.kind = kind
        self.about = about
        self.text = text
    }
}

/// What troubles a stage at present. A value: the runtime tells it the time.
package struct TroubleWatch: Sendable {
    /// A peer that says nothing any more, in whatever version, is missed for that and not for its version.
    package static let patience = Duration.seconds(60)
    /// More are not told: they go into one datagram.
    package static let most = 8

    private struct OtherVersion {
        let found: UInt64
        var last: ContinuousClock.Instant
    }

    private var clocks: [StageName: Trouble] = [:]
    private var versions: [String: OtherVersion] = [:]
    private var told: [Trouble] = []

    package init() {}

    /// - Parameter ahead: of this host's clock; nil where the two agree.
    package mutating func clock(of hub: StageName, ahead: Duration?) {
        guard let ahead else { return clocks[hub] = nil }
        let tenths = (ahead > .zero ? ahead : .zero - ahead) / .milliseconds(100)
        let amount = "\(Int(tenths) / 10).\(Int(tenths) % 10) s"
        clocks[hub] = Trouble(
            .clock, about: hub.description,
            "its clock is \(amount) \(ahead > .zero ? "ahead of" : "behind") this host's, so what the two log does not go together in time"
        )
    }

    /// A message could not be read for its version.
    package mutating func heard(_ peer: String, version: UInt64, _ now: ContinuousClock.Instant) {
        // Of as many as there may be: whoever invents names is not among them, as the transport vouches for these.
        guard versions[peer] != nil || versions.count < TroubleWatch.most else { return }
        versions[peer] = OtherVersion(found: version, last: now)
    }

    /// A message of it was read.
    package mutating func understood(_ peer: StageName) {
        guard !versions.isEmpty else { return }
        versions[peer.description] = nil
    }

    /// What there is now, where that is not what there was at the last call.
    ///
    /// - Parameter own: what the stage itself knows.
    package mutating func news(_ now: ContinuousClock.Instant, own: [Trouble] = []) -> [Trouble]? {
        versions = versions.filter { now - $0.value.last < TroubleWatch.patience }
        let others = versions.map { peer, other in
            Trouble(
                .version, about: peer,
                "it speaks protocol version \(other.found), and this build \(WireMessage.version): neither understands the other"
            )
        }
        let all = own + clocks.values.sorted { $0.about < $1.about } + others.sorted { $0.about < $1.about }
        let present = Array(all.prefix(TroubleWatch.most))
        guard present != told else { return nil }
        told = present
        return present
    }
}

extension ServiceNotice {
    /// The lines by which a launcher hears of all that troubles a stage: one each, `KIND ABOUT TEXT`, or an empty one for none.
    package static func lines(_ troubles: [Trouble]) -> String {
        let lines = troubles.map { "X_TRIBUTARY_TROUBLE=\($0.kind.rawValue) \($0.about) \($0.text)" }
        return lines.isEmpty ? "X_TRIBUTARY_TROUBLE=" : lines.joined(separator: "\n")
    }
}
