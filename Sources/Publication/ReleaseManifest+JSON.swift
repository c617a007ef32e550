import Federation
import JSONText
import Safetensors
import Sodium

/// The manifest's text: canonical JSON, so one manifest has one digest, and any other text is refused.
extension ReleaseManifest {
    package func encoded() throws -> [UInt8] {
        try JSON.object([
            "format": .integer(ReleaseManifest.format),
            "run": .string(run.description),
            "round": .integer(Int(round.value)),
            "created": .string(created),
            "base_model": .object(["name": .string(baseModel.name), "sha256": .string(baseModel.sha256)]),
            "tokenizer_sha256": .string(tokenizerSHA256),
            "files": .array(files.map(\.json)),
            "rounds": .array(rounds.map(\.json)),
            "history": history.json,
            "privacy": privacy.json,
            "method": method?.json ?? .null,
            "metrics": .object(metrics.mapValues(JSON.number)),
            "previous": previous.map(JSON.string) ?? .null,
        ]).encoded()
    }

    package init(_ bytes: [UInt8]) throws {
        guard bytes.count <= ReleaseManifest.maximumByteCount else {
            throw PublicationError.manifest(
                "\(bytes.count) bytes; at most \(ReleaseManifest.maximumByteCount) are read")
        }
        do {
            let manifest = JSONField(try JSON(bytes))
            try manifest.allow(only: [
                "format", "run", "round", "created", "base_model", "tokenizer_sha256", "files", "rounds",
                "history", "privacy", "method", "metrics", "previous",
            ])
            _ = try manifest.member("format").integer(in: ReleaseManifest.format...ReleaseManifest.format)
            run = try RunName(manifest.member("run").string())
            round = RoundNumber(UInt32(try manifest.member("round").integer(in: 1...Int(UInt32.max))))
            created = try manifest.member("created").utcTime()
            let base = try manifest.member("base_model")
            try base.allow(only: ["name", "sha256"])
            baseModel = BaseModel(name: try base.member("name").line(), sha256: try base.member("sha256").sha256())
            tokenizerSHA256 = try manifest.member("tokenizer_sha256").sha256()
            files = try manifest.member("files").elements(atMost: 1024).map(File.init)
            rounds = try manifest.member("rounds").elements(atMost: 1 << 16).map(Round.init)
            history = try History(manifest.member("history"))
            privacy = try Privacy(manifest.member("privacy"))
            method = try manifest.optional("method").map(Method.init)
            let metrics = try manifest.member("metrics")
            self.metrics = try metrics.members().keys.reduce(into: [:]) { figures, name in
                figures[name] = try metrics.member(name).number(
                    in: -Double.greatestFiniteMagnitude...(.greatestFiniteMagnitude))
            }
            previous = try manifest.optional("previous")?.sha256()
        } catch let error as JSONError {
            throw PublicationError.manifest(error.description)
        } catch let error as FederationError {
            throw PublicationError.manifest(error.description)
        }
        guard try encoded() == bytes else {
            throw PublicationError.manifest("the text is not in the canonical form: it was written by something else")
        }
    }
}

extension ReleaseManifest.File {
    fileprivate var json: JSON {
        .object(["name": .string(name), "sha256": .string(sha256), "byte_count": .integer(byteCount)])
    }

    fileprivate init(_ field: JSONField) throws {
        try field.allow(only: ["name", "sha256", "byte_count"])
        let name = try field.member("name").string(atMost: 128)
        guard ReleaseManifest.isFileName(name) else { throw field.refused("\"\(name)\" is not a plain file name") }
        self.init(
            name: name, sha256: try field.member("sha256").sha256(),
            byteCount: try field.member("byte_count").integer(in: 0...(1 << 50)))
    }
}

extension ReleaseManifest.History {
    fileprivate var json: JSON {
        .object(["rounds": .integer(rounds), "byte_count": .integer(byteCount), "sha256": .string(sha256)])
    }

    fileprivate init(_ field: JSONField) throws(JSONError) {
        try field.allow(only: ["rounds", "byte_count", "sha256"])
        self.init(
            rounds: try field.member("rounds").integer(in: 1...Int(UInt32.max)),
            byteCount: try field.member("byte_count").integer(in: 1...(1 << 50)),
            sha256: try field.member("sha256").sha256())
    }
}

extension ReleaseManifest.Round {
    /// As it stands in the list of rounds: one line of compact JSON, its names sorted.
    package func line() throws -> [UInt8] { try json.encoded(.compact) + [UInt8(ascii: "\n")] }

    /// Reads a line of the list, without its end; another text of the same round is refused.
    package init(line: [UInt8]) throws {
        let round: Self
        do { round = try Self(JSONField(try JSON(line))) } catch let error as JSONError {
            throw PublicationError.manifest(error.description)
        } catch let error as FederationError {
            throw PublicationError.manifest(error.description)
        }
        guard try round.line().dropLast().elementsEqual(line) else {
            throw PublicationError.manifest("the text is not in the canonical form: it was written by something else")
        }
        self = round
    }

    fileprivate var json: JSON {
        var members: [String: JSON] = [
            "round": .integer(Int(round.value)), "purpose": .string(purpose.rawValue),
            "cohort": .array(
                cohort.map { part in
                    var members: [String: JSON] = [
                        "cloud": .string(part.cloud.description), "owner": .string(part.owner),
                        "weight": .number(part.weight), "contribution": .string(part.contribution.description),
                    ]
                    if let base = part.base { members["base"] = .integer(Int(base.value)) }
                    return .object(members)
                }),
        ]
        if let key { members["key"] = .string(key) }
        return .object(members)
    }

    fileprivate init(_ field: JSONField) throws {
        try field.allow(only: ["round", "purpose", "key", "cohort"])
        let name = try field.member("purpose").string()
        guard let purpose = Purpose(rawValue: name) else { throw field.refused("\"\(name)\" is not a purpose") }
        self.init(
            round: RoundNumber(UInt32(try field.member("round").integer(in: 1...Int(UInt32.max)))), purpose: purpose,
            key: try field.optional("key")?.keyID(),
            cohort: try field.member("cohort").elements(atMost: 4096).map { part in
                try part.allow(only: ["cloud", "owner", "weight", "contribution", "base"])
                guard let bytes = Hex.decode(try part.member("contribution").string()),
                    let digest = Digest(bytes: bytes)
                else {
                    throw part.refused("the contribution is not a digest of 64 hexadecimal digits")
                }
                return ReleaseManifest.Participant(
                    cloud: try CloudName(part.member("cloud").string()), owner: try part.member("owner").line(),
                    weight: try part.member("weight").number(in: 0...1e15), contribution: digest,
                    base: try part.optional("base").map { RoundNumber(UInt32(try $0.integer(in: 1...Int(UInt32.max)))) }
                )
            })
    }
}

extension ReleaseManifest.Privacy {
    fileprivate var json: JSON {
        var members: [String: JSON] = [
            "suite": .string(suite), "profile": .string(profile), "assumption": .string(assumption),
            "key_mode": .string(keyMode), "who_could_open": .string(whoCouldOpen), "bits": .integer(bits),
            "clip_norm": .number(clipNorm), "minimum_cohort": .integer(minimumCohort),
            "simulated": .array(simulated.map(JSON.string)),
        ]
        if let encryption { members["encryption"] = encryption.json }
        if let damgardJurik { members["damgard_jurik"] = .integer(damgardJurik) }
        if let noise { members["differential_privacy"] = noise.json }
        return .object(members)
    }

    fileprivate init(_ field: JSONField) throws(JSONError) {
        try field.allow(only: [
            "suite", "profile", "assumption", "key_mode", "who_could_open", "bits", "clip_norm", "minimum_cohort",
            "simulated", "encryption", "damgard_jurik", "differential_privacy",
        ])
        var simulated: [String] = []
        for entry in try field.member("simulated").elements(atMost: 64) { simulated.append(try entry.line()) }
        self.init(
            suite: try field.member("suite").line(), profile: try field.member("profile").line(),
            assumption: try field.member("assumption").line(), keyMode: try field.member("key_mode").line(),
            whoCouldOpen: try field.member("who_could_open").line(), bits: try field.member("bits").integer(in: 1...64),
            clipNorm: try field.member("clip_norm").number(in: 0...1e12),
            minimumCohort: try field.member("minimum_cohort").integer(in: 1...4096), simulated: simulated,
            encryption: try field.optional("encryption").map(ReleaseManifest.PartEncrypted.init),
            damgardJurik: try field.optional("damgard_jurik")?.integer(in: 1...3),
            noise: try field.optional("differential_privacy").map(ReleaseManifest.DifferentialPrivacy.init))
    }
}

extension ReleaseManifest.PartEncrypted {
    fileprivate var json: JSON {
        .object([
            "formula": .string(formula), "fraction": .number(fraction), "noise": .number(noise),
            "noise_deviation": .number(noiseDeviation), "epsilon": epsilon.map(JSON.number) ?? .null,
            "warning": warning.map(JSON.string) ?? .null,
        ])
    }

    fileprivate init(_ field: JSONField) throws(JSONError) {
        try field.allow(only: ["formula", "fraction", "noise", "noise_deviation", "epsilon", "warning"])
        let figures = 0...1e300
        self.init(
            formula: try field.member("formula").line(), fraction: try field.member("fraction").number(in: 0...1),
            noise: try field.member("noise").number(in: figures),
            noiseDeviation: try field.member("noise_deviation").number(in: figures),
            epsilon: try field.optional("epsilon")?.number(in: figures), warning: try field.optional("warning")?.line())
    }
}

extension ReleaseManifest {
    /// Letters, digits, dot, hyphen and underscore, not beginning with a dot: never a path.
    static func isFileName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 128 && name.utf8.first != UInt8(ascii: ".")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}

extension JSONField {
    func line() throws(JSONError) -> String {
        let text = try string()
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 > 31 && $0 != 127 }) else {
            throw refused("expected one line of printable text")
        }
        return text
    }

    fileprivate func keyID() throws(JSONError) -> String {
        let text = try string(atMost: 32)
        guard Hex.decode(text)?.count == 16 else {
            throw refused("expected the id of a key of sums, 32 lower-case hexadecimal digits")
        }
        return text
    }

    fileprivate func sha256() throws(JSONError) -> String {
        let text = try string(atMost: 64)
        guard Hex.decode(text)?.count == 32 else {
            throw refused("expected a SHA-256 of 64 lower-case hexadecimal digits")
        }
        return text
    }

    fileprivate func utcTime() throws(JSONError) -> String {
        let text = try string(atMost: 20)
        let pattern = "0000-00-00T00:00:00Z"
        let matches = zip(text.utf8, pattern.utf8).allSatisfy { found, expected in
            expected == UInt8(ascii: "0") ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(found) : found == expected
        }
        guard matches, text.utf8.count == pattern.utf8.count else {
            throw refused("expected a time such as 2026-01-31T08:00:00Z, found \"\(text)\"")
        }
        return text
    }
}
