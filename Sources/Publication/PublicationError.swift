/// Why something was not published, or is not what it should be.
package enum PublicationError: Error, Equatable, CustomStringConvertible {
    /// Noise that cannot be had in such a run.
    case privacy(String)
    /// A public key or signature in minisign's format.
    case minisign(String)
    case manifest(String)
    /// The directory of releases, and what it would not take.
    case store(directory: String, String)
    /// The list of a run's rounds.
    case list(path: String, String)
    case metrics(String)
    case report(String)
    /// What publish noted of the clouds' paces.
    case paces
    /// What publish noted of rounds that were given up.
    case attempts

    package var description: String {
        switch self {
        case .privacy(let reason): "privacy: \(reason)"
        case .minisign(let reason): "minisign: \(reason)"
        case .manifest(let reason): "manifest.json: \(reason)"
        case .store(let directory, let reason): "releases in \(directory): \(reason)"
        case .list(let path, let reason): "\(path): \(reason)"
        case .metrics(let reason): "metrics: \(reason)"
        case .report(let reason): "report.json: \(reason)"
        case .paces: "the journal's note of the clouds' paces is damaged"
        case .attempts: "the journal's note of rounds that were given up is damaged"
        }
    }
}
