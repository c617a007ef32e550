/// The name of a cloud: lower-case letters, digits and hyphens, at most 32, a letter first.
package struct CloudName: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let description: String

    package init(_ text: String) throws(FederationError) {
        let characters = Array(text.utf8)
        let first = characters.first.map { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) } ?? false
        let rest = characters.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "-")
        }
        guard first, rest, characters.count <= 32 else { throw .invalidName(kind: "cloud", found: text) }
        description = text
    }

    package static func < (left: CloudName, right: CloudName) -> Bool { left.description < right.description }
}

/// The five kinds of stage.
package enum StageKind: String, Hashable, Sendable, CaseIterable, Comparable, CustomStringConvertible {
    case ingest
    case localTrain = "local-train"
    case encrypt
    case aggregate
    case publish

    package var description: String { rawValue }

    package static func < (left: StageKind, right: StageKind) -> Bool {
        guard let l = allCases.firstIndex(of: left), let r = allCases.firstIndex(of: right) else { return false }
        return l < r
    }
}

/// What a stage is inside its cloud: its kind, and which of several it is. `encrypt`, `local-train`, `local-train-2`.
package struct StageRole: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let kind: StageKind
    /// From 1, which is not written. Only local-train has more than one in a cloud.
    package let ordinal: Int

    package static let mostWorkers = 64

    package init(_ kind: StageKind) {
        self.kind = kind
        ordinal = 1
    }

    /// The cloud's local-train of that number, 1 to 64.
    package init(worker ordinal: Int) throws(FederationError) {
        guard (1...StageRole.mostWorkers).contains(ordinal) else {
            throw .invalidName(kind: "stage", found: "\(StageKind.localTrain)-\(ordinal)")
        }
        kind = .localTrain
        self.ordinal = ordinal
    }

    /// `KIND`, or `local-train-N` for N from 2 to 64 without leading zeros: one text for each role.
    package init(_ text: String) throws(FederationError) {
        if let kind = StageKind(rawValue: text) {
            self.init(kind)
            return
        }
        let stem = "\(StageKind.localTrain)-"
        // Written anew it is the same text: no zeros before it, no sign, and 1 is not written.
        guard text.hasPrefix(stem), let number = Int(text.dropFirst(stem.count)), number != 1,
            "\(stem)\(number)" == text
        else { throw .invalidName(kind: "stage", found: text) }
        try self.init(worker: number)
    }

    package var description: String { ordinal == 1 ? kind.rawValue : "\(kind)-\(ordinal)" }

    package static func < (left: StageRole, right: StageRole) -> Bool {
        (left.kind, left.ordinal) < (right.kind, right.ordinal)
    }
}

extension StageKind {
    /// The stage of this kind with that number in its cloud: beyond 1 there is only local-train.
    package func role(worker ordinal: Int) throws(FederationError) -> StageRole {
        guard self != .localTrain else { return try StageRole(worker: ordinal) }
        guard ordinal == 1 else { throw .invalidName(kind: "stage", found: "\(self)-\(ordinal)") }
        return StageRole(self)
    }
}

/// A stage of a cloud, written `cloud/role`: `north/encrypt`, `north/local-train-2`.
package struct StageName: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let cloud: CloudName
    package let role: StageRole

    package var kind: StageKind { role.kind }
    /// Which of the cloud's local-train stages it is, from 1; 1 for every other kind.
    package var ordinal: Int { role.ordinal }

    package init(cloud: CloudName, role: StageRole) {
        self.cloud = cloud
        self.role = role
    }

    /// The first, or only, stage of its kind.
    package init(cloud: CloudName, kind: StageKind) { self.init(cloud: cloud, role: StageRole(kind)) }

    package init(_ text: String) throws(FederationError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw .invalidName(kind: "stage", found: text) }
        self.init(cloud: try CloudName(String(parts[0])), role: try StageRole(String(parts[1])))
    }

    package var description: String { "\(cloud)/\(role)" }

    package static func < (left: StageName, right: StageName) -> Bool {
        (left.cloud, left.role) < (right.cloud, right.role)
    }
}

/// The name of a run: like a cloud's, up to 64 characters. Everything signed names its run.
package struct RunName: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ text: String) throws(FederationError) {
        let allowed = text.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "-")
        }
        guard allowed, !text.isEmpty, text.utf8.count <= 64 else { throw .invalidName(kind: "run", found: text) }
        description = text
    }
}

/// Rounds are counted from 1 over the whole run, whatever their purpose.
package struct RoundNumber: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let value: UInt32
    package init(_ value: UInt32) { self.value = value }
    package var next: RoundNumber { RoundNumber(value + 1) }
    package var description: String { String(value) }
    package static func < (left: RoundNumber, right: RoundNumber) -> Bool { left.value < right.value }
}

/// What a round sums (docs/architecture.md, "One idea carries everything").
package enum Purpose: String, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    case statistics
    /// Which values of the adapter are to be encrypted where not all are: before the first update.
    case sensitivity
    case update
    case evaluation

    package var description: String { rawValue }
}
