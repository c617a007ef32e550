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

/// A stage of a cloud, written `cloud/stage`.
package struct StageName: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let cloud: CloudName
    package let kind: StageKind

    package init(cloud: CloudName, kind: StageKind) {
        self.cloud = cloud
        self.kind = kind
    }

    package init(_ text: String) throws(FederationError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let kind = StageKind(rawValue: String(parts[1])) else {
            throw .invalidName(kind: "stage", found: text)
        }
        self.init(cloud: try CloudName(String(parts[0])), kind: kind)
    }

    package var description: String { "\(cloud)/\(kind)" }

    package static func < (left: StageName, right: StageName) -> Bool {
        (left.cloud, left.kind) < (right.cloud, right.kind)
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
