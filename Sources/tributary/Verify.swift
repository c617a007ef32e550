internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import Publication
internal import Safetensors

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks a release: its signature, every file's digest, and the chain of rounds before it.",
        discussion: """
            DIR is a release's folder (round-0007) or the directory of a run's releases: then the newest is checked, and with \
            it the chain of all. Status 0: sound; 1: not.
            """)

    @Argument(help: "A release's folder, or the directory of releases.")
    var directory: String
    @Option(help: "The publisher's public key, a minisign file; without it the folder's own, which anyone can replace.")
    var key: String?
    @Option(help: "text or json.")
    var format: OutputFormat = .text

    private struct Answer: Encodable {
        let folder: String
        let sound: Bool
        let problems: [String]
        let notes: [String]
    }

    func run() throws {
        let folder = try release()
        let trusted = try key.map(publicKey)
        let verification = ReleaseVerification.verify(folder, key: trusted)
        switch format {
        case .json:
            let answer = Answer(
                folder: folder, sound: verification.isSound, problems: verification.problems, notes: verification.notes)
            try Envelope(answer, exitCode: verification.isSound ? 0 : 1).printed()
        case .text:
            let terminal = Terminal()
            for note in verification.notes { print("  \(Terminal.printable(note))") }
            for problem in verification.problems {
                print("\(terminal.paint("✗", .red)) \(Terminal.printable(problem))")
            }
            let mark = verification.isSound ? terminal.paint("✓", .green) : terminal.paint("✗", .red)
            print("\(mark) \(folder): \(verification.isSound ? "sound" : "not sound")")
        }
        guard verification.isSound else { throw ExitCode(1) }
    }

    /// The newest release where `directory` holds several.
    private func release() throws -> String {
        if access("\(directory)/\(ReleaseManifest.name)", F_OK) == 0 { return directory }
        guard access(directory, F_OK) == 0 else {
            throw LauncherError.arguments("\(directory): there is no such folder")
        }
        let newest = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasPrefix("round-") }
            .max { ($0.count, $0) < ($1.count, $1) }
        guard let newest else {
            throw LauncherError.arguments(
                "\(directory): holds neither a \(ReleaseManifest.name) nor a folder round-NNNN; name a release")
        }
        return "\(directory)/\(newest)"
    }

    private func publicKey(_ path: String) throws -> Minisign.PublicKey {
        do {
            let bytes = try DurableFile.read(path, limit: Minisign.maximumFileBytes)
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw LauncherError.arguments("--key \(path): is not UTF-8 text")
            }
            return try Minisign.PublicKey(file: text)
        } catch let error as LauncherError {
            throw error
        } catch { throw LauncherError.arguments("--key \(path): \(error)") }
    }
}
