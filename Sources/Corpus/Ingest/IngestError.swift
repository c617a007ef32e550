/// Why ingest cannot go on, apart from what the readers of tables and files say themselves.
package enum IngestError: Error, Equatable, CustomStringConvertible {
    case unknownAttribute(String, String)
    case emptyCohort(folder: String)
    case wrongLength(what: String, found: Int, expected: Int)
    case badSum(variable: String, reason: String)
    case answersAlike(String, String)
    case fewPatients(found: Int, workers: Int)

    package var description: String {
        switch self {
        case .unknownAttribute(let name, let mapping):
            "keep: the mapping \(mapping) has no attribute \"\(name)\"; add it there or correct the config"
        case .emptyCohort(let folder):
            "\(folder): no stay is left; the report says why each was excluded (check `keep` and the mapping)"
        case .wrongLength(let what, let found, let expected): "\(what): found \(found) values, expected \(expected)"
        case .answersAlike(let first, let second):
            "tokenizer.json: \"\(first)\" and \"\(second)\" begin with the same token, or with none; use another base model"
        case .fewPatients(let found, let workers):
            "\(found) patients to train on cannot be shared among \(workers) workers: the cloud needs fewer local-train stages"
        case .badSum(let variable, let reason): "released statistics of \(variable): \(reason)"
        }
    }
}
