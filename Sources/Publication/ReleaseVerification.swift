import Federation
import FoundationEssentials
import Glibc
import Safetensors
import Sodium

/// What checking a release's folder found, in words.
package struct ReleaseVerification: Equatable, Sendable {
    /// What is wrong; empty for a sound release.
    package private(set) var problems: [String] = []
    /// What the check rests on or could not see.
    package private(set) var notes: [String] = []

    package var isSound: Bool { problems.isEmpty }

    /// Checks signature, digests, that no file is missing or extra, the chain of releases as far as it lies beside this
    /// folder, and the list of the run's rounds, in the folder or beside it. Without `key` the folder's own `tributary.pub` is used, which proves only that one key signed everything.
    package static func verify(_ directory: String, key: Minisign.PublicKey? = nil) -> ReleaseVerification {
        var verification = ReleaseVerification()
        do {
            let folder = try ReleaseVerification.resolved(directory)
            let trusted: Minisign.PublicKey
            if let key {
                trusted = key
            } else {
                trusted = try ReleaseVerification.ownKey(folder)
                verification.notes.append(
                    "the key is the folder's own \(ReleaseManifest.keyName) (\(trusted.text)): compare it with what its owner says"
                )
            }
            let manifest = try ReleaseVerification.signedManifest(folder, trusted)
            verification.checkFiles(folder, manifest.manifest)
            let chain = verification.followChain(from: folder, manifest.manifest, trusted)
            verification.checkList(folder, chain)
        } catch {
            verification.problems.append("\(error)")
        }
        return verification
    }

    private static func resolved(_ directory: String) throws -> String {
        guard let path = realpath(directory, nil) else {
            throw SafetensorsError.system(operation: "find", path: directory, code: errno)
        }
        defer { free(path) }
        return String(cString: path)
    }

    private static func text(_ path: String) throws -> String {
        let bytes = try DurableFile.read(path, limit: Minisign.maximumFileBytes)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw PublicationError.minisign("\(path) is not UTF-8 text")
        }
        return text
    }

    private static func ownKey(_ folder: String) throws -> Minisign.PublicKey {
        try Minisign.PublicKey(file: text("\(folder)/\(ReleaseManifest.keyName)"))
    }

    /// The manifest, once its signature has been checked: nothing else in the folder is believed before that.
    private static func signedManifest(
        _ folder: String, _ key: Minisign.PublicKey
    ) throws -> (manifest: ReleaseManifest, sha256: String) {
        let path = "\(folder)/\(ReleaseManifest.name)"
        let bytes = try DurableFile.read(path, limit: ReleaseManifest.maximumByteCount)
        let signature = try Minisign.SignatureFile(file: text("\(folder)/\(ReleaseManifest.signatureName)"))
        try signature.require(bytes, signedBy: key)
        let manifest = try ReleaseManifest(bytes)
        guard signature.trustedComment == manifest.trustedComment else {
            throw PublicationError.manifest(
                "is of \"\(manifest.trustedComment)\", but its signature says \"\(signature.trustedComment)\"")
        }
        return (manifest, SHA256.hex(of: bytes))
    }

    private mutating func checkFiles(_ folder: String, _ manifest: ReleaseManifest) {
        for file in manifest.files {
            do {
                let found = try ReleaseFolder.digest("\(folder)/\(file.name)")
                if found.byteCount != file.byteCount {
                    problems.append("\(file.name): \(found.byteCount) bytes, the manifest says \(file.byteCount)")
                } else if found.sha256 != file.sha256 {
                    problems.append("\(file.name): its SHA-256 is not the manifest's: it was changed")
                }
            } catch {
                problems.append("\(error)")
            }
        }
        do {
            let known = Set(manifest.files.map(\.name)).union([
                ReleaseManifest.name, ReleaseManifest.signatureName, RoundList.name,
            ])
            for name in try ReleaseFolder.entries(folder) where !known.contains(name) {
                problems.append("\(name): is here, but the manifest does not list it")
            }
        } catch {
            problems.append("\(error)")
        }
    }

    /// The releases back to the first, or as far as they are here, the newest first.
    private mutating func followChain(
        from folder: String, _ newest: ReleaseManifest, _ key: Minisign.PublicKey
    ) -> [ReleaseManifest] {
        let parent = ReleaseVerification.parent(of: folder)
        var chain = [newest]
        var current = newest
        do {
            let earlier = try ReleaseFolder.rounds(in: parent)
            while let previous = current.previous {
                guard let round = earlier.last(where: { $0 < current.round.value }) else {
                    notes.append(
                        "the release before round \(current.round) is not beside this one: the chain was followed over \(chain.count)"
                    )
                    return chain
                }
                let before = try ReleaseVerification.signedManifest(
                    "\(parent)/\(ReleaseFolder.name(round: round))", key)
                guard before.sha256 == previous else {
                    problems.append(
                        "round \(current.round) does not follow round \(round) as it lies here: the chain is broken")
                    return chain
                }
                guard before.manifest.run == current.run, before.manifest.round.value == round,
                    try current.continues(before.manifest.history)
                else {
                    problems.append(
                        "round \(current.round) tells another history than round \(round), which it follows")
                    return chain
                }
                current = before.manifest
                chain.append(current)
            }
            if let older = earlier.last(where: { $0 < current.round.value }) {
                problems.append("round \(current.round) says that it is the first, yet round \(older) lies beside it")
                return chain
            }
            guard try current.continues(nil) else {
                problems.append("round \(current.round) is the first release, and does not list all rounds before it")
                return chain
            }
            notes.append(
                "the chain of \(chain.count) release\(chain.count == 1 ? "" : "s") goes back to the first")
        } catch {
            problems.append("the chain of rounds: \(error)")
        }
        return chain
    }

    private static func parent(of folder: String) -> String {
        let parent = folder.split(separator: "/").dropLast().reduce(into: "") { $0 += "/" + $1 }
        return parent.isEmpty ? "/" : parent
    }

    /// The list must be what each release of the chain says that it was.
    private mutating func checkList(_ folder: String, _ chain: [ReleaseManifest]) {
        guard let newest = chain.first else { return }
        let places = [folder, ReleaseVerification.parent(of: folder)].map { "\($0)/\(RoundList.name)" }
        guard let path = places.first(where: { access($0, F_OK) == 0 }) else {
            notes.append(
                "\(RoundList.name) is neither in this folder nor beside it: of the run's \(newest.history.rounds) rounds the \(chain.reduce(0) { $0 + $1.rounds.count }) newest are told"
            )
            return
        }
        do {
            try RoundListCheck(path).check(chain)
            notes.append(
                "\(RoundList.name) lists the run's \(newest.history.rounds) round\(newest.history.rounds == 1 ? "" : "s") up to this release"
            )
        } catch {
            problems.append("\(error)")
        }
    }
}

extension ReleaseManifest {
    /// Whether the list that it names is an earlier one with its own rounds behind it.
    fileprivate func continues(_ earlier: History?) throws -> Bool {
        let byteCount = try rounds.reduce(0) { try $0 + $1.line().count }
        return history.rounds == (earlier?.rounds ?? 0) + rounds.count
            && history.byteCount == (earlier?.byteCount ?? 0) + byteCount
    }
}
