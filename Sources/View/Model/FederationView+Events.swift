internal import Federation
package import Monitoring

extension FederationView {
    /// Takes an event in. Those of other runs, and of stages that the plan does not have, are not this federation's.
    package mutating func take(_ event: Event) {
        guard event.run == plan.run, let place = place(of: event.stage) else { return }
        newest = max(newest, event.time)
        eventCount += 1
        eventMeter.add(1, at: event.time)
        let note = EventNote(event)
        events.append(note)
        if event.level >= .warning { warnings.append(note) }
        count(event, note, in: &stages[place])
        stages[place].follow(event)
        if event.round.value > 0 { takeIntoRound(event) }
        takeAmounts(event)
        switch event.name {
        case EventKind.roundOpened.name:
            stepsDone = max(stepsDone, event.fields.count(.stepsDone) ?? 0)
            planSteps = event.fields.count(.planSteps) ?? planSteps
            if let said = event.fields.text(.method), !said.isEmpty {
                method = EventNote.printable(said, atMost: FederationView.longestMethod)
            }
        case EventKind.privacySpent.name where event.stage.kind == .publish: privacy = SpentPrivacy(event)
        case EventKind.linkMeasured.name: takeLink(event)
        case EventKind.runFinished.name:
            isFinished = true
            stepsDone = max(stepsDone, planSteps)
        default: break
        }
    }

    private func count(_ event: Event, _ note: EventNote, in stage: inout StageView) {
        stage.events += 1
        if event.level >= .warning { stage.warnings += 1 }
        if event.epoch == stage.epoch, stage.lastSequence > 0, event.sequence > stage.lastSequence + 1 {
            stage.lose(event.sequence - stage.lastSequence - 1)
        }
        stage.epoch = max(stage.epoch, event.epoch)
        stage.lastSequence = event.sequence
        stage.lastEvent = max(stage.lastEvent, event.time)
        stage.tail.append(note)
    }

    private mutating func takeLink(_ event: Event) {
        guard let text = event.fields.text(.from), let goodput = event.fields.amount(.goodput),
            let from = plan.stages.first(where: { "\($0)" == text })
        else { return }
        let pair = Pair(from: from, to: event.stage)
        guard series[pair] != nil || series.count < limits.pairs else { return }
        series[pair, default: Ring(limits.linkPoints)].append(LinkPoint(time: event.time, goodput: goodput))
    }

    private mutating func takeAmounts(_ event: Event) {
        if event.name == EventKind.contributionSealed.name, let values = event.fields.amount(.values) {
            valueMeter.add(values, at: event.time)
        }
        switch event.name {
        case EventKind.roundTrained.name: carry(nil, event, to: [StageName(cloud: event.stage.cloud, kind: .encrypt)])
        case EventKind.shardsMade.name:
            carry(nil, event, to: plan.stages(of: .localTrain).filter { $0.cloud == event.stage.cloud })
        case EventKind.roundClosed.name: carry(event.fields.amount(.bytes), event, to: plan.stages(of: .publish))
        case EventKind.roundReleased.name:
            carry(nil, event, to: plan.stages(of: .encrypt) + plan.stages(of: .aggregate))
        case let name where name.hasSuffix("_receipted"):
            guard let bytes = event.fields.amount(.wireBytes), bytes >= 0 else { return }
            byteMeter.add(bytes, at: event.time)
            if let place = roundPlace(event.round.value) { rounds[place].bytes += bytes }
            carry(bytes, event, to: receivers(of: event))
        default: break
        }
    }

    private func receivers(of event: Event) -> [StageName] {
        if let text = event.fields.text(.to) { return plan.stages.filter { "\($0)" == text } }
        // Clouds send to aggregate, but for their shares of an opening, which publish takes.
        return plan.stages(of: event.name == EventKind.receipted(.share).name ? .publish : .aggregate)
    }

    /// - Parameter bytes: nil where the event does not tell how many.
    private mutating func carry(_ bytes: Double?, _ event: Event, to receivers: [StageName]) {
        for receiver in receivers {
            let pair = Pair(from: event.stage, to: receiver)
            guard traffic[pair] != nil || traffic.count < limits.pairs else { continue }
            traffic[pair, default: Traffic()].add(max(0, bytes ?? 0), at: event.time)
        }
    }

    // MARK: Rounds

    private func roundPlace(_ number: UInt32) -> Int? { rounds.lastIndex { $0.number == number } }

    /// Events that a round begins with, as far as a host hears of it.
    private static let openers: Set<String> = [
        EventKind.roundOpened.name, EventKind.roundJoined.name, EventKind.trainingStarted.name,
        EventKind.contributionSealed.name, EventKind.contributionCounted.name, EventKind.roundReleased.name,
        EventKind.roundAbandoned.name, EventKind.roundTrained.name, EventKind.roundScored.name,
    ]

    private mutating func takeIntoRound(_ event: Event) {
        let number = event.round.value
        var place = roundPlace(number)
        if place == nil, FederationView.openers.contains(event.name) {
            let new = rounds.firstIndex { $0.number > number } ?? rounds.count
            // One that is older than all that are kept was forgotten for newer ones.
            guard new > 0 || rounds.count < limits.rounds else { return }
            rounds.insert(RoundView(number, seenAt: event.time), at: new)
            if rounds.count > limits.rounds { rounds.removeFirst() }
            place = roundPlace(number)
        }
        guard let place else { return }
        let before = rounds[place].outcome
        rounds[place].take(event, spanLimit: limits.spansOfRound)
        guard before != rounds[place].outcome else { return }
        ended(rounds[place])
    }

    private mutating func ended(_ round: RoundView) {
        guard round.outcome == .released else {
            abandoned += 1
            return
        }
        released += 1
        if let before = round.stepsBefore { stepsDone = max(stepsDone, before + 1) }
        if round.purpose == Purpose.update.rawValue {
            updates += 1
            if let mean = round.meanLoss { losses.append(LossPoint(round: round.number, mean: mean)) }
        }
        for (prefix, split) in [("", round.split), ("test_", "test")] {
            let (auroc, loss) = (round.figures["\(prefix)auroc"], round.figures["\(prefix)log_loss"])
            guard auroc != nil || loss != nil else { continue }
            scores.append(
                Score(round: round.number, split: split, auroc: auroc, logLoss: loss, updates: updates))
        }
    }
}

extension FederationView.Traffic {
    mutating func add(_ amount: Double, at time: UInt64) {
        bytes += amount
        transfers += 1
        lastAt = max(lastAt, time)
        meter.add(amount, at: time)
    }
}

extension RoundView {
    mutating func take(_ event: Event, spanLimit: Int) {
        let cloud = event.stage.cloud.description
        func text(_ field: EventField) -> String? { event.fields.text(field) }
        // All stages of a round are in the trace that its opening names; what is told before it is known is not.
        if event.name != EventKind.roundOpened.name || trace.isEmpty {
            if RoundView.isTraced.contains(event.name) { trace = EventNote.digits(event.trace.trace) }
        }
        for span in PhaseSpan.spans(of: event) {
            if spans.count < spanLimit { spans.append(span) } else { omittedSpans += 1 }
        }
        switch event.name {
        case EventKind.roundOpened.name:
            if !isOpenedByPublish { openedAt = event.time }
            isOpenedByPublish = true
            purpose = text(.purpose) ?? purpose
            split = text(.split) ?? split
            stepsBefore = event.fields.count(.stepsDone) ?? stepsBefore
            values = event.fields.count(.values) ?? values
            bits = event.fields.count(.bits) ?? bits
            cohort = event.fields.names(.cohort) ?? cohort
        case EventKind.roundPlanned.name: predictedSeconds = event.fields.amount(.predictedSeconds)
        case EventKind.roundJoined.name:
            if purpose.isEmpty { purpose = text(.purpose) ?? "" }
            if event.stage.kind == .encrypt { reach(.joined, cloud) }
        case EventKind.trainingStarted.name, EventKind.trainingProgress.name:
            training.insert(event.stage)
            reach(.training, cloud)
        case EventKind.roundTrained.name, EventKind.roundScored.name, EventKind.sensitivitiesMeasured.name:
            training.remove(event.stage)
            // With several local-train stages, when the last of them has.
            if !training.contains(where: { $0.cloud == event.stage.cloud }) { reach(.trained, cloud) }
            if event.name == EventKind.roundTrained.name, let loss = event.fields.amount(.lastLoss) {
                losses[event.stage] = loss
            }
        case EventKind.contributionSealed.name: reach(.sealed, cloud)
        case "contribution_receipted": reach(.sent, cloud)
        case EventKind.contributionCounted.name: if let from = text(.from) { reach(.counted, RoundView.cloud(from)) }
        case EventKind.roundClosed.name:
            closedAt = event.time
            if let names = event.fields.names(.cohort), cohort.isEmpty { cohort = names }
        case EventKind.quorumMissed.name: missing = event.fields.names(.missing) ?? missing
        case EventKind.roundReleased.name:
            outcome = .released
            endedAt = event.time
            if closedAt == nil { closedAt = event.time }
            isFinal = event.fields[.isFinal] == .flag(true)
            purpose = text(.purpose) ?? purpose
            split = text(.split) ?? split
            for field in EventField.figures { figures[field.name] = event.fields.amount(field) ?? figures[field.name] }
        case EventKind.roundAbandoned.name:
            outcome = .abandoned(EventNote.printable(text(.reason) ?? "", atMost: EventNote.maximumText))
            endedAt = event.time
            missing = event.fields.names(.missing) ?? missing
        default: break
        }
    }

    private static let isTraced: Set<String> = [
        EventKind.roundOpened.name, EventKind.roundTrained.name, EventKind.roundScored.name,
        EventKind.contributionSealed.name, EventKind.contributionCounted.name, EventKind.roundClosed.name,
        EventKind.roundReleased.name,
    ]

    /// A cloud's or a stage's name, as the cloud's.
    private static func cloud(_ name: String) -> String { String(name.split(separator: "/").first ?? "") }

    private mutating func reach(_ step: Step, _ cloud: String) {
        guard steps[cloud] != nil || steps.count < 256 else { return }
        steps[cloud] = max(step, steps[cloud] ?? .nothing)
    }
}

extension StageView {
    /// What an event tells that the stage does from then on.
    mutating func follow(_ event: Event) {
        func now(_ state: StageState) {
            if state != told { toldSince = event.time }
            told = state
        }
        let round = "round \(event.round)"
        switch event.name {
        case EventKind.stageStarted.name: now(.starting)
        case EventKind.stageReady.name: now(.ready)
        case EventKind.endHeard.name, EventKind.runFinished.name: knowsEnd = true
        case EventKind.runIsOver.name: now(.done)
        case EventKind.stageStopped.name: now(knowsEnd || told == .done ? .done : .stopped)
        case EventKind.stageFailed.name:
            now(.failed(EventNote.printable(event.fields.text(.reason) ?? "", atMost: EventNote.maximumText)))
        case EventKind.stillWaiting.name:
            now(StageState(report: event.fields.text(.reason) ?? ""))
            // It says for how long already.
            if let seconds = event.fields.amount(.seconds), seconds >= 0 {
                toldSince = event.time - min(event.time, UInt64(min(seconds * 1e9, 1e18)))
            }
        case EventKind.trainingStarted.name: now(.working("\(round): training"))
        case EventKind.trainingProgress.name:
            if let loss = event.fields.amount(.loss) { losses.append(loss) }
            tokensPerSecond = event.fields.amount(.tokensPerSecond) ?? tokensPerSecond
            now(.working("\(round): training"))
        case EventKind.roundTrained.name, EventKind.roundScored.name, EventKind.sensitivitiesMeasured.name:
            if let loss = event.fields.amount(.lastLoss) { losses.append(loss) }
            tokensPerSecond = event.fields.amount(.tokensPerSecond) ?? tokensPerSecond
            now(.waiting(for: ["\(StageName(cloud: name.cloud, kind: .encrypt))"], round))
        case EventKind.tablesRead.name: now(.working("writing records and shards"))
        case EventKind.roundJoined.name:
            now(name.kind == .aggregate ? .waiting(for: [], "\(round): contributions") : .working("\(round): joined"))
        case EventKind.contributionSealed.name: now(.working("\(round): sending"))
        case "contribution_receipted": now(.waiting(for: [], "\(round): its release"))
        case EventKind.contributionCounted.name:
            let awaited = event.fields.names(.waitingFor) ?? []
            now(
                awaited.isEmpty
                    ? .working("\(round): closing") : .waiting(for: awaited, "\(round): contributions"))
        case EventKind.roundClosed.name: now(.waiting(for: [], "\(round): its release"))
        case EventKind.roundOpened.name: now(.waiting(for: [], "\(round): the sum of the contributions"))
        case EventKind.roundReleased.name, EventKind.roundAbandoned.name: now(.working("between rounds"))
        default: break
        }
    }
}

extension EventNote {
    static func digits(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}

extension EventFields {
    func text(_ field: EventField) -> String? {
        guard case .text(let text)? = self[field] else { return nil }
        return text
    }

    /// A finite number of either kind.
    func amount(_ field: EventField) -> Double? {
        guard let amount = self[field]?.quantity, amount.isFinite else { return nil }
        return amount
    }

    func count(_ field: EventField) -> Int? {
        guard let amount = amount(field), abs(amount) < 0x1p53 else { return nil }
        return Int(amount)
    }

    /// Names in a list, at most as many as a federation may have clouds.
    func names(_ field: EventField) -> [String]? {
        guard case .list(let values)? = self[field] else { return nil }
        return values.prefix(256).compactMap {
            guard case .text(let text) = $0 else { return nil }
            return EventNote.printable(text, atMost: 80)
        }
    }
}
