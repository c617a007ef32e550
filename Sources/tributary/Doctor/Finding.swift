/// One thing that `tributary doctor` has looked at.
struct Finding: Encodable {
    enum Verdict: String, Encodable, Comparable {
        case fine = "ok"
        /// It works, and somebody should know.
        case warning
        case failure

        static func < (left: Verdict, right: Verdict) -> Bool { left.rank < right.rank }
        private var rank: Int {
            switch self {
            case .fine: 0
            case .warning: 1
            case .failure: 2
            }
        }
    }

    let verdict: Verdict
    /// topology, keys, disk, launcher, stage, link, log, clock or version.
    let area: String
    /// The stage, the link or the path that it is about.
    let subject: String
    let finding: String
    /// What to do; nil where nothing is wrong.
    let advice: String?

    init(_ verdict: Verdict, _ area: String, _ subject: String, _ finding: String, advice: String? = nil) {
        self.verdict = verdict
        self.area = area
        self.subject = subject
        self.finding = finding
        self.advice = advice
    }
}
