internal import Federation
package import JSONText
internal import Monitoring

extension RoundTrace {
    private static func seconds(_ time: UInt64, after start: UInt64) -> JSON {
        .number(time >= start ? Double(time - start) * 1e-9 : -Double(start - time) * 1e-9)
    }

    private func kind(_ span: Span) -> String { span.depth == 0 ? "round" : span.depth == 1 ? "stage" : "phase" }

    private var outcome: String {
        switch round.outcome {
        case .open: "open"
        case .released: "released"
        case .abandoned: "abandoned"
        }
    }

    /// For scripts: what the waterfall shows.
    package var json: JSON {
        let start = extent.start
        return .object([
            "federation": .string(federation), "run": .string("\(run)"), "round": .integer(Int(round.number)),
            "purpose": .string(round.purpose), "outcome": .string(outcome),
            "trace": .string(EventNote.digits(trace)),
            "start": .string(String(decoding: Timestamp.text(start), as: UTF8.self)),
            "spans": .array(
                spans.map { span in
                    .object([
                        "id": .string(EventNote.digits(span.id)),
                        "parent": span.parent.map { .string(EventNote.digits($0)) } ?? .null,
                        "stage": .string("\(span.stage)"), "name": .string(span.name), "kind": .string(kind(span)),
                        "start_seconds": RoundTrace.seconds(span.start, after: start),
                        "seconds": RoundTrace.seconds(span.end, after: span.start),
                    ])
                }),
        ])
    }

    /// Chrome's trace event format, as an object: a process for each cloud, a thread for each stage, whole spans (`X`) and
    /// events as instants (`i`); times in microseconds.
    package var chrome: JSON {
        let start = extent.start
        func microseconds(_ time: UInt64) -> JSON { .number(Double(time - min(time, start)) / 1000) }
        let stages = spans.filter { $0.depth == 1 }.map(\.stage)
        let clouds = stages.reduce(into: [CloudName]()) { if !$0.contains($1.cloud) { $0.append($1.cloud) } }
        func place(_ stage: StageName) -> (process: JSON, thread: JSON) {
            (
                .integer((clouds.firstIndex(of: stage.cloud) ?? 0) + 2),
                // One number for each: the kinds first, then further ones of a kind.
                .integer(
                    (StageKind.allCases.firstIndex(of: stage.kind) ?? 0) + 1
                        + (stage.ordinal - 1) * StageKind.allCases.count)
            )
        }
        func meta(_ what: String, _ name: String, _ process: JSON, _ thread: JSON) -> JSON {
            .object([
                "ph": .string("M"), "name": .string(what), "pid": process, "tid": thread,
                "args": .object(["name": .string(name)]),
            ])
        }
        var entries = [meta("process_name", "\(federation), run \(run)", .integer(1), .integer(1))]
        for cloud in clouds {
            let process = JSON.integer((clouds.firstIndex(of: cloud) ?? 0) + 2)
            entries.append(meta("process_name", "\(cloud)", process, .integer(0)))
        }
        for stage in stages {
            entries.append(meta("thread_name", stage.role.description, place(stage).0, place(stage).1))
        }
        for span in spans {
            let (process, thread) = span.depth == 0 ? (JSON.integer(1), JSON.integer(1)) : place(span.stage)
            let name = span.depth == 0 ? "round \(round.number) \(round.title)" : span.name
            entries.append(
                .object([
                    "ph": .string("X"), "name": .string(name), "cat": .string(kind(span)), "pid": process,
                    "tid": thread, "ts": microseconds(span.start),
                    "dur": .number(Double(span.end - span.start) / 1000),
                    "args": .object([
                        "stage": .string("\(span.stage)"), "span": .string(EventNote.digits(span.id)),
                    ]),
                ]))
        }
        for event in events where stages.contains(event.stage) {
            let note = EventNote(event)
            entries.append(
                .object([
                    "ph": .string("i"), "s": .string("t"), "name": .string(note.name), "cat": .string("event"),
                    "pid": place(event.stage).0, "tid": place(event.stage).1, "ts": microseconds(event.time),
                    "args": .object(["text": .string(note.text), "level": .string(note.level.rawValue)]),
                ]))
        }
        return .object([
            "displayTimeUnit": .string("ms"), "traceEvents": .array(entries),
            "otherData": .object(["trace": .string(EventNote.digits(trace))]),
        ])
    }

    /// OTLP/JSON: an ExportTraceServiceRequest with a resource for each stage. Ids are hexadecimal and 64-bit numbers are
    /// texts, as OTLP's JSON encoding wants them.
    package var otlp: JSON {
        func attribute(_ key: String, _ value: JSON) -> JSON { .object(["key": .string(key), "value": value]) }
        func text(_ key: String, _ value: String) -> JSON { attribute(key, .object(["stringValue": .string(value)])) }
        func number(_ key: String, _ value: Int) -> JSON {
            attribute(key, .object(["intValue": .string("\(value)")]))
        }
        let stages = spans.reduce(into: [StageName]()) { if !$0.contains($1.stage) { $0.append($1.stage) } }
        let resources: [JSON] = stages.map { stage in
            let own: [JSON] = spans.filter { $0.stage == stage }.map { span in
                var members: [String: JSON] = [
                    "traceId": .string(EventNote.digits(trace)), "spanId": .string(EventNote.digits(span.id)),
                    "name": .string(span.depth == 0 ? "round" : span.depth == 1 ? "\(span.stage)" : span.name),
                    "kind": .integer(1), "startTimeUnixNano": .string("\(span.start)"),
                    "endTimeUnixNano": .string("\(span.end)"),
                    "attributes": .array([
                        text("tributary.run", "\(run)"), number("tributary.round", Int(round.number)),
                        text("tributary.purpose", round.purpose), text("tributary.cloud", "\(stage.cloud)"),
                    ]),
                    "status": .object(status(span)),
                ]
                if let parent = span.parent { members["parentSpanId"] = .string(EventNote.digits(parent)) }
                if span.depth == 1 {
                    members["events"] = .array(
                        events.filter { $0.stage == stage }.map { event in
                            .object([
                                "timeUnixNano": .string("\(event.time)"), "name": .string(event.name),
                                "attributes": .array([
                                    text("level", event.level.rawValue),
                                    text("text", EventNote(event).text),
                                ]),
                            ])
                        })
                }
                return .object(members)
            }
            return .object([
                "resource": .object([
                    "attributes": .array([
                        text("service.name", "tributary-\(stage.kind)"), text("service.namespace", federation),
                        text("service.instance.id", "\(stage)"),
                    ])
                ]),
                "scopeSpans": .array([
                    .object(["scope": .object(["name": .string("tributary")]), "spans": .array(own)])
                ]),
            ])
        }
        return .object(["resourceSpans": .array(resources)])
    }

    private func status(_ span: Span) -> [String: JSON] {
        guard span.depth == 0, case .abandoned(let reason) = round.outcome else { return [:] }
        return ["code": .integer(2), "message": .string(reason)]
    }
}
