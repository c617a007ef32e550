internal import Federation
internal import Sodium

/// A file that was made of a topology, its place relative to the folder that was asked for.
package struct DeploymentFile: Equatable, Sendable {
    package let path: String
    package let text: String

    package init(path: String, text: String) {
        self.path = path
        self.text = text
    }
}

/// Why a topology cannot be run in that way.
package struct DeploymentError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// What services, users, folders and objects of one federation on a host or in a cluster begin with.
package struct DeploymentName: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package static let standard = DeploymentName(known: "tributary")

    private init(known: String) { description = known }

    /// Lower-case letters, digits and hyphens, a letter first, at most 16: with a cloud and a stage it must fit into the names of
    /// units, users and Kubernetes' labels, and the path of a unix socket.
    package init(_ text: String) throws(DeploymentError) {
        let isSound = text.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "-")
        }
        guard isSound, (1...16).contains(text.utf8.count), text.first?.isLetter == true, text.last != "-" else {
            throw DeploymentError(
                "--name: expected 1 to 16 lower-case letters, digits and hyphens, a letter first, found \"\(text.prefix(40))\""
            )
        }
        description = text
    }

    func cloud(_ cloud: CloudName) -> String { "\(self)-\(cloud)" }
    func stage(_ stage: StageName) -> String { "\(self)-\(stage.cloud)-\(stage.role)" }

    /// A name of at most `limit` characters that is this one, or stands for it.
    static func fitted(_ text: String, to limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        return "\(text.prefix(limit - 9))-\(Digest(of: Array(text.utf8)).description.prefix(8))"
    }
}
