internal import Federation
package import JSONText
internal import Launching
internal import Monitoring
internal import Topology

extension FederationView {
    /// How many rounds, and points of a curve, a document has.
    private static let documentRounds = 40
    private static let documentPoints = 400

    /// The view for a page or a script. Times are milliseconds since 1970.
    ///
    /// - Parameter seen: events that whoever reads has had already, by their numbers: only later ones are in it.
    package func document(at now: UInt64, after seen: UInt64 = 0) -> JSON {
        var members: [String: JSON] = [
            "schema_version": .string("1"), "federation": .string(plan.federation), "run": .string("\(plan.run)"),
            "suite": .string(plan.suite), "keys": .string(plan.keys), "method": .string(method),
            "now": JSON.milliseconds(now),
            "finished": .bool(isFinished),
            "steps": .object(["done": .integer(stepsDone), "of": .integer(planSteps)]),
            "released": .integer(released), "abandoned": .integer(abandoned),
            "headline": .string(headline), "privacy": privacy?.document ?? .null,
        ]
        members["clouds"] = .array(
            plan.clouds.map { cloud in
                .object([
                    "name": .string("\(cloud.name)"), "owner": .string(cloud.owner), "data": .bool(cloud.holdsData),
                    "stages": .array(cloud.stages.map { .string($0.description) }),
                ])
            })
        members["stages"] = .array(stages.map { $0.document(at: now) })
        members["links"] = .array(
            plan.links.map { link in
                .object([
                    "from": .string("\(link.from)"), "to": .string("\(link.to)"),
                    "cargo": .string(link.cargo.rawValue),
                    "answer": link.answer.map { .string($0.rawValue) } ?? .null,
                ])
            })
        members["traffic"] = trafficDocument(at: now)
        members["rounds"] = .array(rounds.suffix(FederationView.documentRounds).map { $0.document(at: now) })
        members["scores"] = .array(
            scores.suffix(FederationView.documentPoints).map { score in
                .object([
                    "round": .integer(Int(score.round)), "split": .string(score.split),
                    "updates": .integer(score.updates), "auroc": JSON.finite(score.auroc),
                    "log_loss": JSON.finite(score.logLoss),
                ])
            })
        members["losses"] = .array(
            losses.suffix(FederationView.documentPoints).map { point in
                .object(["round": .integer(Int(point.round)), "mean": JSON.finite(point.mean)])
            })
        let rates = rates(at: now)
        members["rates"] = .object([
            "events": JSON.finite(rates.events), "bytes": JSON.finite(rates.bytes),
            "values": JSON.finite(rates.values),
            "bytes_series": .array(byteSeries(at: now, over: 60).map { JSON.finite($0) }),
        ])
        members["waits"] = .array(
            waits.map { wait in
                .object([
                    "who": .string("\(wait.who)"), "for": .array(wait.awaited.map { .string($0) }),
                    "what": .string(wait.what), "since": wait.since.map { JSON.milliseconds($0) } ?? .null,
                ])
            })
        members["cost"] = cost.map(\.document) ?? .null
        members["event_count"] = .integer(Int(clamping: eventCount))
        let first = eventCount - UInt64(events.count) + 1
        let fresh = seen > eventCount ? events.count : Int(clamping: eventCount - max(seen, first - 1))
        members["events"] = .array(
            events.suffix(fresh).enumerated().map { offset, note in
                note.document(number: eventCount - UInt64(fresh) + UInt64(offset) + 1)
            })
        return .object(members)
    }

    /// The state of things in a sentence without figures that grow, so that it changes only when they do.
    package var headline: String {
        if isFinished { return "The run is finished." }
        let gone = stages.filter(\.state.isTrouble)
        let absent =
            (gone.isEmpty ? "" : " \(FederationView.troubles(gone, of: stages)).")
            + (hindered.isEmpty ? "" : " \(hindered).")
        guard let round = openRound else {
            return (rounds.isEmpty ? "No round has been opened yet." : "Between rounds.") + absent
        }
        let title = "Round \(round.number), \(round.title)"
        if round.closedAt != nil { return "\(title): the sum is being opened." + absent }
        let missing = round.awaited
        guard !missing.isEmpty, !round.cohort.isEmpty else { return "\(title)." + absent }
        if missing.count == round.cohort.count { return "\(title): the clouds are at work." + absent }
        return "\(title): waits for \(missing.prefix(4).joined(separator: ", "))"
            + (missing.count > 4 ? " and \(missing.count - 4) more." : ".") + absent
    }

    /// `north/encrypt is hindered by a full disk`
    private var hindered: String {
        let texts = stages.compactMap { stage -> String? in
            guard stage.process?.isLaunched == true else { return nil }
            var words: [String] = []
            for word in (stage.process?.troubles ?? []).compactMap(\.hindrance) where !words.contains(word) {
                words.append(word)
            }
            return words.isEmpty ? nil : "\(stage.name) is hindered by \(words.joined(separator: " and "))"
        }
        return texts.prefix(3).joined(separator: ", ") + (texts.count > 3 ? " and \(texts.count - 3) more" : "")
    }

    /// `west is stopped, north/encrypt is restarting`: a cloud's name where all of its stages share the trouble.
    private static func troubles(_ stages: [StageView], of all: [StageView]) -> String {
        var texts: [String] = []
        for stage in stages {
            let (cloud, word) = (stage.name.cloud, stage.state.word)
            let isWhole =
                all.count { $0.name.cloud == cloud } > 1
                && all.allSatisfy { $0.name.cloud != cloud || $0.state.word == word }
            let text = "\(isWhole ? "\(cloud)" : "\(stage.name)") is \(word)"
            if !texts.contains(text) { texts.append(text) }
        }
        return texts.prefix(3).joined(separator: ", ") + (texts.count > 3 ? " and \(texts.count - 3) more" : "")
    }

    private func trafficDocument(at now: UInt64) -> JSON {
        let pairs = Set(traffic.keys).union(readings.keys).union(series.keys).sorted {
            ($0.from, $0.to) < ($1.from, $1.to)
        }
        return .array(
            pairs.map { pair in
                let known = traffic[pair]
                var members: [String: JSON] = [
                    "from": .string("\(pair.from)"), "to": .string("\(pair.to)"),
                    "bytes": JSON.finite(readings[pair]?.bytes ?? known?.bytes ?? 0),
                    "transfers": .integer(known?.transfers ?? 0),
                    "last": known.map { JSON.milliseconds($0.lastAt) } ?? .null,
                    "rate": JSON.finite(readings[pair]?.bytesPerSecond ?? known?.meter.perSecond(at: now) ?? 0),
                    "measured": .bool(readings[pair] != nil),
                ]
                if let reading = readings[pair] {
                    members["round_trip_seconds"] = JSON.finite(reading.roundTripSeconds)
                    members["up"] = .bool(reading.isUp)
                    members["least_round_trip_seconds"] = JSON.finite(reading.leastRoundTripSeconds)
                    members["jitter_seconds"] = JSON.finite(reading.jitterSeconds)
                    members["goodput"] = JSON.finite(reading.goodput)
                    members["goodput_at"] = JSON.finite(reading.measuredAt)
                }
                if let points = series[pair] {
                    members["goodput_series"] = .array(
                        points.elements.map { .array([JSON.milliseconds($0.time), JSON.finite($0.goodput)]) })
                }
                return .object(members)
            })
    }
}

extension RunCost {
    fileprivate var document: JSON {
        .object([
            "currency": .string(currency), "total": JSON.finite(total),
            "clouds": .array(
                clouds.map { cloud in
                    .object([
                        "cloud": .string("\(cloud.name)"), "cpu_seconds": JSON.finite(cloud.cpuSeconds),
                        "gpu_seconds": JSON.finite(cloud.gpuSeconds), "egress_bytes": JSON.finite(cloud.egressBytes),
                        "amount": JSON.finite(cloud.amount),
                    ])
                }),
        ])
    }
}

extension StageTrouble {
    fileprivate var document: JSON {
        .object([
            "kind": .string(kind.rawValue), "about": .string(about), "text": .string(text),
            "finding": .string(finding), "remedy": .string(remedy),
            "since": JSON.milliseconds(sinceNanoseconds), "past": .bool(isPast),
        ])
    }
}

extension StageView {
    fileprivate func document(at now: UInt64) -> JSON {
        .object([
            "name": .string("\(name)"), "cloud": .string("\(name.cloud)"), "kind": .string(name.kind.rawValue),
            "state": .string(state.word), "detail": .string(state.detail),
            "since": since.map { JSON.milliseconds($0) } ?? .null, "epoch": .integer(Int(clamping: epoch)),
            "events": .integer(Int(clamping: events)), "lost": .integer(Int(clamping: lostEvents)),
            "warnings": .integer(Int(clamping: warnings)), "restarts": .integer(process?.restarts ?? 0),
            "pid": process?.process.map { .integer(Int($0)) } ?? .null,
            "tokens_per_second": JSON.finite(tokensPerSecond),
            "losses": .array(losses.suffix(32).map { JSON.finite($0) }),
            "troubles": .array(troubles(at: now).map(\.document)),
        ])
    }
}

extension RoundView {
    fileprivate func document(at now: UInt64) -> JSON {
        var members: [String: JSON] = [
            "number": .integer(Int(number)), "purpose": .string(purpose), "title": .string(title),
            "opened": JSON.milliseconds(openedAt), "seconds": .number(Double(duration(at: now)) * 1e-9),
            "predicted_seconds": JSON.finite(predictedSeconds),
            "bytes": JSON.finite(bytes), "values": .integer(values), "bits": .integer(bits),
            "counted": .integer(counted), "cohort": .array(cohort.map { .string($0) }),
            "awaited": .array(awaited.map { .string($0) }), "missing": .array(missing.map { .string($0) }),
            "steps": .object(
                Dictionary(
                    cohort.map { ($0, JSON.string((steps[$0] ?? .nothing).word)) },
                    uniquingKeysWith: { first, _ in first })),
            "loss": JSON.finite(meanLoss), "auroc": JSON.finite(figures["auroc"] ?? figures["test_auroc"]),
            "trace": .string(trace),
            "segments": .array(
                segments(at: now).map { segment in
                    .object([
                        "name": .string(segment.name.rawValue),
                        "start": .number(Double(segment.start - openedAt) * 1e-9),
                        "seconds": .number(Double(segment.end - segment.start) * 1e-9),
                    ])
                }),
        ]
        switch outcome {
        case .open: members["outcome"] = .string("open")
        case .released: members["outcome"] = .string("released")
        case .abandoned(let reason):
            members["outcome"] = .string("abandoned")
            members["reason"] = .string(reason)
        }
        return .object(members)
    }
}

extension EventNote {
    fileprivate func document(number: UInt64) -> JSON {
        .object([
            "n": .integer(Int(clamping: number)), "time": JSON.milliseconds(time), "level": .string(level.rawValue),
            "stage": .string("\(stage)"), "event": .string(name), "round": .integer(Int(round)), "text": .string(text),
        ])
    }
}

extension JSON {
    fileprivate static func milliseconds(_ time: UInt64) -> JSON { .integer(Int(clamping: time / 1_000_000)) }

    /// Null for what JSON has no number for.
    static func finite(_ value: Double?) -> JSON {
        guard let value, value.isFinite else { return .null }
        return .number(value)
    }
}
