import Glibc

/// Writes three clouds' raw tables, each in a schema of its own with the mess that real ones have, and beside them, outside
/// the clouds' folders, what is true of each stay. The same seed writes the same bytes.
package struct Generator: Sendable {
    package enum Schema: String, Sendable { case careVue, metaVision, eICU }

    /// A cloud: its tables' schema, and what it seldom measures.
    package struct Cloud: Sendable {
        package let name: String
        package let schema: Schema
        /// These are missing in `Generator.seldomMissing` of its stays.
        package let seldom: Set<String>
    }

    /// One stay as it truly is, for the Bayes AUROC and for tests.
    package struct Truth: Sendable {
        package let cloud: String
        package let stay: String
        package let patient: String
        package let probability: Double
        package let died: Bool
        /// By variable; only what the cloud's tables hold.
        package let measured: [String: Double]
    }

    package static let clouds = [
        Cloud(name: "north", schema: .careVue, seldom: ["bilirubin", "albumin", "fio2", "respiratoryrate"]),
        Cloud(name: "west", schema: .metaVision, seldom: ["urine", "ph", "wbc", "temperature"]),
        Cloud(name: "east", schema: .eICU, seldom: ["gcs", "motor", "bun", "meanbp", "heartrate"]),
    ]
    package static let seldomMissing = 0.92
    package static let otherMissing = 0.08
    /// Of the survivors of a stay, this share comes back.
    package static let returning = 0.2

    package let seed: UInt64
    /// On average, where the split has them differ.
    package let staysPerCloud: Int
    package let split: Split
    package let liar: Liar?

    package init(seed: UInt64, staysPerCloud: Int = 480, split: Split = .bySchema, liar: Liar? = nil) {
        self.seed = seed
        self.staysPerCloud = staysPerCloud
        self.split = split
        self.liar = liar
    }

    /// Makes `directory` and in it `north/`, `west/`, `east/` and `truth.csv`.
    @discardableResult
    package func write(to directory: String) throws -> [Truth] {
        try Folder.make(directory)
        var truths: [Truth] = []
        let dealt = deal()
        for cloud in Generator.clouds {
            let folder = "\(directory)/\(cloud.name)"
            try Folder.make(folder)
            var random = SeededRandom(seed: seed, label: "generator \(cloud.name)")
            let drawn = dealt[cloud.name] ?? draw(cloud, &random)
            let stays = liar.map { $0.cloud == cloud.name ? $0.told(drawn) : drawn } ?? drawn
            switch cloud.schema {
            case .careVue: try MIMICWriter(folder: folder, dialect: .careVue).write(stays, &random)
            case .metaVision: try MIMICWriter(folder: folder, dialect: .metaVision).write(stays, &random)
            case .eICU: try EICUWriter(folder: folder).write(stays, &random)
            }
            let told = Set(stays.map(\.index))
            truths += drawn.filter { told.contains($0.index) }.map { $0.truth(cloud: cloud.name) }
        }
        let table = try CSVWriter(
            path: "\(directory)/truth.csv", header: ["cloud", "stay", "patient", "probability", "died"])
        for truth in truths {
            try table.row([truth.cloud, truth.stay, truth.patient, "\(truth.probability)", truth.died ? "1" : "0"])
        }
        try table.finish()
        return truths
    }

    private func draw(_ cloud: Cloud, _ random: inout SeededRandom) -> [GeneratedStay] {
        var stays: [GeneratedStay] = []
        var patient = 0
        var visit = 0
        var fixed: [String: Double] = [:]
        var comesBack = false
        while stays.count < staysPerCloud {
            if !comesBack {
                patient += 1
                visit = 0
                fixed = [:]
            }
            let drawn = Visit(&random, &fixed, seldom: cloud.seldom)
            stays.append(drawn.stay(index: stays.count, patient: patient, visit: visit, schema: cloud.schema))
            visit += 1
            comesBack = drawn.comesBack(&random, visits: visit)
        }
        return stays
    }
}

/// A stay to be written in a schema.
struct GeneratedStay {
    let index: Int
    let patient: Int
    /// Which stay of this patient, from 0.
    let visit: Int
    let isMale: Bool
    let measured: [String: Double]
    let probability: Double
    let died: Bool
    let schema: Generator.Schema

    /// The identifiers of the schemas: numbers in MIMIC, `HOSPITAL-NUMBER` for patients of eICU.
    var stayID: String {
        switch schema {
        case .careVue: "\(200_000 + index)"
        case .metaVision: "\(270_000 + index)"
        case .eICU: "\(141_000 + index)"
        }
    }
    var patientID: String {
        switch schema {
        case .careVue: "\(10_000 + patient)"
        case .metaVision: "\(40_000 + patient)"
        case .eICU: "00\(2 + patient % 3)-\(1000 + patient)"
        }
    }
    var admissionID: String { schema == .careVue ? "\(100_000 + index)" : "\(150_000 + index)" }

    func truth(cloud: String) -> Generator.Truth {
        Generator.Truth(
            cloud: cloud, stay: stayID, patient: patientID, probability: probability, died: died, measured: measured)
    }
}

/// Folders for generated data.
enum Folder {
    /// With the folders above it.
    static func make(_ path: String) throws {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        let reason = String(cString: strerror(errno))
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw TableFolder.Failure.cannotOpen(path: path, reason: reason)
        }
        try make(String(path[..<slash]))
        guard mkdir(path, 0o700) == 0 else { throw TableFolder.Failure.cannotOpen(path: path, reason: reason) }
    }
}
