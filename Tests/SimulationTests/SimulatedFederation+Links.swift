import Federation
import StageKit

// Connections, and what goes over them.
extension SimulatedFederation {
    func wantConnection(_ link: SimulatedLink) {
        guard !link.isUp, !link.isConnecting, link.dialler.life?.isUp == true, link.hub.life?.isUp == true else {
            return
        }
        link.isConnecting = true
        let earliest = max(now, link.cutUntil)
        let pause = link.cutUntil > now ? 50_000...2_000_000 : 1_000...120_000
        agenda.plan(.connect(link), at: earliest + random.milliseconds(pause))
    }

    func connect(_ link: SimulatedLink) {
        link.isConnecting = false
        guard !link.isUp, let dialler = link.dialler.life, let hub = link.hub.life, dialler.isUp, hub.isUp else {
            return
        }
        guard link.cutUntil <= now else { return wantConnection(link) }
        link.isUp = true
        link.generation += 1
        move()
        note("connects to \(link.hub.stage)", link.dialler, link.hub.index)
        agenda.plan(.tell(dialler, .connected(link.hub.stage)), at: now + latency())
        // Before anything that comes by this connection.
        link.lastArrivalOfWork = now + latency()
        agenda.plan(.tell(hub, .joined(link.dialler.stage)), at: link.lastArrivalOfWork)
        let waiting = link.waiting
        link.waiting = []
        for message in waiting { send(message, by: link, isWork: true) }
    }

    /// A connection is over. What would have arrived until `leftovers` still comes.
    func sever(_ link: SimulatedLink, leftoversUntil leftovers: Int) {
        guard link.isUp else { return }
        link.isUp = false
        link.isSubscribed = false
        link.leftovers = (link.generation, leftovers)
        note("loses \(link.hub.stage)", link.dialler, link.hub.index)
        if let life = link.dialler.life { agenda.plan(.tell(life, .disconnected(link.hub.stage)), at: now + latency()) }
        if let life = link.hub.life {
            agenda.plan(.tell(life, .left(peer: "\(link.dialler.stage)")), at: now + latency())
        }
        wantConnection(link)
    }

    func latency() -> Int {
        random.milliseconds(schedule.latency.lowerBound * 1000...schedule.latency.upperBound * 1000)
    }

    func push(_ message: WireMessage, from process: SimulatedProcess, to hub: StageName) {
        ledger.take(message, at: process.stage)
        guard let link = process.links.first(where: { $0.dialler === process && $0.hub.stage == hub }) else { return }
        if link.isUp { send(message, by: link, isWork: true) } else { link.waiting.append(message) }
    }

    func publish(_ message: WireMessage, from process: SimulatedProcess, to stage: StageName?) {
        ledger.take(message, at: process.stage)
        if isSwallowed(message, of: process) { return }
        for link in process.links where link.hub === process && link.isSubscribed {
            guard stage == nil || link.dialler.stage == stage else { continue }
            if link.dropped.until > now, random.isOne(in: link.dropped.oneIn) { continue }
            send(message, by: link, isWork: false)
        }
    }

    func send(_ message: WireMessage, by link: SimulatedLink, isWork: Bool) {
        if message.kind != .beat { move() }
        let earliest = now + latency()
        var arrivals: [Int] = []
        if schedule.wild > 0, now < schedule.healedBy * 1000, message.kind.isOfTransfers,
            random.isOne(in: schedule.wild)
        {
            switch Int.random(in: 0..<3, using: &random) {
            case 0: break
            case 1: arrivals = [earliest, earliest + random.milliseconds(0...2_000_000)]
            default: arrivals = [earliest + random.milliseconds(0...2_000_000)]
            }
        } else {
            let last = isWork ? link.lastArrivalOfWork : link.lastArrivalOfNews
            arrivals = [max(earliest, last + 1, link.stalledUntil)]
            if isWork { link.lastArrivalOfWork = arrivals[0] } else { link.lastArrivalOfNews = arrivals[0] }
        }
        for arrival in arrivals {
            agenda.plan(
                .deliver(
                    Parcel(
                        link: link, generation: link.generation, isWork: isWork, message: message, arrival: arrival)),
                at: arrival)
        }
    }

    @StageActor
    func deliver(_ parcel: Parcel, _ happening: Happening) async throws {
        let link = parcel.link
        let receiver = parcel.isWork ? link.hub : link.dialler
        let isCurrent = link.isUp && link.generation == parcel.generation
        let isLeftover = link.leftovers.generation == parcel.generation && parcel.arrival <= link.leftovers.until
        guard isCurrent || isLeftover, let life = receiver.life, life.isUp else { return }
        guard link.stalledUntil <= now else { return agenda.plan(happening, at: link.stalledUntil) }
        guard !isPaused(life, happening) else { return }
        let message = parcel.message
        note("gets \(message.shortText) of \(message.sender)", receiver, message.code)
        guard sabotage(before: message, at: receiver) else { return }
        await give(.message(message), to: life)
    }
}

extension MessageKind {
    var isOfTransfers: Bool {
        switch self {
        case .offer, .want, .chunk, .receipt: true
        default: false
        }
    }
}
