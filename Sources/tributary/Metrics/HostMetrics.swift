internal import Federation
internal import Glibc
internal import Monitoring
internal import Topology

/// What the stages of this host count, as they leave it beside their journals, and whether they still do.
struct HostMetrics {
    struct Stage {
        let name: StageName
        /// It has looked at itself lately: its process runs and gets around to its work.
        let isUp: Bool
        let isReady: Bool
        let text: String
    }

    /// A stage looks at itself each second; one that is stopped or starved for this long does not run.
    static let patience: Int = 10
    /// What a stage's file may have; one that is longer is none that a stage wrote.
    private static let maximumBytes = 8 << 20

    let stages: [Stage]
    /// Of the monitor's sinks; empty where there is none.
    private let sinks: String

    init(_ topology: Topology, clouds: [String] = []) {
        let now = time(nil)
        sinks = Self.read(MonitorPlan.metricsPath(topology), Self.maximumBytes)
        let run = topology.run.description
        stages = topology.stages(in: clouds).compactMap { name in
            let path = topology.metricsPath(of: name)
            var information = stat()
            guard stat(path, &information) == 0 else {
                return Stage(name: name, isUp: false, isReady: false, text: Self.up(false, name, run: run))
            }
            let isUp = now - information.st_mtim.tv_sec <= Self.patience
            let text = Self.read(path, Int(information.st_size))
            let isReady =
                isUp
                && text.split(separator: "\n").contains {
                    $0.hasPrefix("tributary_stage_ready{") && $0.hasSuffix(" 1")
                }
            return Stage(name: name, isUp: isUp, isReady: isReady, text: text + Self.up(isUp, name, run: run))
        }
    }

    /// All of them as one text.
    var text: String {
        var merge = ExpositionMerge()
        for stage in stages { merge.add(stage.text) }
        merge.add(sinks)
        return merge.text
    }

    private static func up(_ isUp: Bool, _ stage: StageName, run: String) -> String {
        let meters = Meters()
        meters.set(.up, to: isUp ? 1 : 0)
        var exposition = Exposition()
        exposition.add(
            meters.readings(),
            labels: [("run", run), ("cloud", stage.cloud.description), ("stage", stage.role.description)])
        return exposition.text
    }

    /// Empty where it has just been replaced, or cannot be read: the stage then counts as one without figures.
    private static func read(_ path: String, _ size: Int) -> String {
        guard size > 0, size <= maximumBytes else { return "" }
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: maximumBytes)
        let count = Glibc.read(file, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}
