/// The stays that a row may mean by its key: one by the key of a stay, all that an admission or a patient has by theirs.
struct StayGroups {
    /// The places of each group's stays among the cohort's members, ascending.
    private(set) var stays: [[Int]] = []
    private var groups: [String: Int] = [:]

    /// The group of a key; nil if no stay of the cohort has it.
    func group(_ key: String) -> Int? { groups[key] }

    mutating func add(_ stay: Int, of key: String) {
        if let group = groups[key] {
            stays[group].append(stay)
        } else {
            groups[key] = stays.count
            stays.append([stay])
        }
    }
}
