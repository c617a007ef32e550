import Federation
import StageKit

// What a schedule does to a federation, until all is healed.
extension SimulatedFederation {
    func begin(_ fault: Schedule.Fault) {
        note("fault: \(fault)", nil)
        switch fault {
        case .crash(let stage, let edge, let powerLoss, let downFor):
            byName[stage]?.armed = (edge, powerLoss, downFor)
        case .crashCloud(let cloud, let powerLoss, let downFor):
            for process in processes where process.stage.cloud == cloud {
                if let life = process.life { kill(life, powerLoss: powerLoss, downFor: downFor + process.index) }
            }
        case .handOver(let stage):
            guard let process = byName[stage], let life = process.life else { return }
            process.isHandingOver = true
            life.outcome.askToHandOver(true)
        case .reset(let stage):
            for link in byName[stage]?.links ?? [] {
                sever(link, leftoversUntil: now + random.milliseconds(0...schedule.latency.upperBound * 1000))
            }
        case .cut(let stage, let milliseconds):
            for link in byName[stage]?.links ?? [] { cut(link, milliseconds) }
        case .cutCloud(let cloud, let milliseconds):
            for link in links where (link.dialler.stage.cloud == cloud) != (link.hub.stage.cloud == cloud) {
                cut(link, milliseconds)
            }
        case .cutLink(let dialler, let hub, let milliseconds):
            for link in links where link.dialler.stage == dialler && link.hub.stage == hub { cut(link, milliseconds) }
        case .stall(let stage, let milliseconds):
            for link in byName[stage]?.links ?? [] {
                link.stalledUntil = max(link.stalledUntil, now + milliseconds * 1000)
            }
        case .dropNews(let stage, let oneIn, let milliseconds):
            for link in byName[stage]?.links ?? [] { link.dropped = (oneIn, now + milliseconds * 1000) }
        case .jump(let stage, let milliseconds): byName[stage]?.skew += milliseconds * 1000
        case .pause(let stage, let milliseconds):
            if let process = byName[stage], process.life != nil {
                process.pausedUntil = max(process.pausedUntil, now + milliseconds * 1000)
            }
        }
    }

    func cut(_ link: SimulatedLink, _ milliseconds: Int) {
        link.cutUntil = max(link.cutUntil, now + milliseconds * 1000)
        sever(link, leftoversUntil: now)
    }

    /// From here everything works, and goes on working.
    func heal() {
        guard !isHealed else { return }
        isHealed = true
        note("all is healed", nil)
        move()
        for process in processes {
            process.armed = nil
            process.skew = 0
            process.pausedUntil = 0
            if process.life == nil, !process.hasEnded { agenda.plan(.boot(process, lives: process.lives), at: now) }
        }
        for link in links { (link.cutUntil, link.stalledUntil, link.dropped.until) = (0, 0, 0) }
    }
}

extension Schedule.Fault {
    func losesPower(of stage: StageName) -> Bool {
        switch self {
        case .crash(let other, _, let powerLoss, _): powerLoss && other == stage
        case .crashCloud(let cloud, let powerLoss, _): powerLoss && cloud == stage.cloud
        default: false
        }
    }
}
