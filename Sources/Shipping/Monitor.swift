package import Federation
internal import CLinux
internal import Glibc
package import Monitoring

/// Brings the events of a host's stages to its collectors: a shipper for each sink and cloud, each on a thread of its own, so
/// that none waits for another.
package final class Monitor {
    package struct Stage: Sendable {
        package let name: StageName
        /// The folder of its events.
        package let spool: String
        /// The file of what it counts.
        package let metrics: String

        package init(name: StageName, spool: String, metrics: String) {
            self.name = name
            self.spool = spool
            self.metrics = metrics
        }
    }

    package struct Cloud: Sendable {
        package let name: CloudName
        package let sinks: [SinkSpecification]
        package let stages: [Stage]

        package init(name: CloudName, sinks: [SinkSpecification], stages: [Stage]) {
            self.name = name
            self.sinks = sinks
            self.stages = stages
        }
    }

    /// What has become of each cloud's events.
    package let meters: [CloudName: Meters]
    private let stop: StopSignal
    private var threads: [pthread_t] = []
    private var shippers: [Shipper] = []

    /// Makes what it takes; nothing is sent yet. Throws what is wrong with a sink for good: a secret that others may read.
    ///
    /// - Parameters:
    ///   - folder: where it is kept how far each sink has come.
    ///   - note: takes a line when a sink fails, goes on, or has lost something.
    package init(
        federation: String, clouds: [Cloud], folder: String, note: @escaping @Sendable (String) -> Void
    ) throws {
        stop = try StopSignal()
        if mkdir(folder, 0o700) != 0, errno != EEXIST { throw SinkFault("mkdir \(folder)", errno: errno) }
        let host = Self.hostName()
        var meters: [CloudName: Meters] = [:]
        for cloud in clouds {
            let own = Meters()
            meters[cloud.name] = own
            let sinks = try cloud.sinks.map {
                try Self.sink($0, host: host, federation: federation, stages: cloud.stages)
            }
            // Parsed once for all who want to know what events say.
            let parsed = zip(cloud.sinks, sinks).filter { $1.takesEvents }.map { $0.0.level }.min()
            let sources = cloud.stages.map {
                Shipper.Source(
                    stage: $0.name, folder: $0.spool,
                    spool: SharedSpool(folder: $0.spool, parsing: parsed, readers: sinks.count))
            }
            for (number, specification) in cloud.sinks.enumerated() {
                shippers.append(
                    try Shipper(
                        specification, cloud: cloud.name, sources: sources, number: number, sink: sinks[number],
                        places: Places(path: "\(folder)/\(specification.name)-\(cloud.name).place"), meters: own,
                        stop: stop, note: note))
            }
        }
        self.meters = meters
    }

    /// What would keep a sink from ever working, as `init` would throw it.
    package static func check(_ specification: SinkSpecification) throws {
        _ = try sink(specification, host: "", federation: "", stages: [])
    }

    private static func sink(
        _ sink: SinkSpecification, host: String, federation: String, stages: [Stage]
    ) throws -> any Sink {
        switch sink.target {
        case .stdout: StreamSink(1)
        case .stderr: StreamSink(2)
        case .file(let path, let rotate, let keep): FileSink(path: path, rotate: rotate, keep: keep)
        case .syslog(let address, let facility, let body):
            SyslogSink(address, SyslogFormat(host: host, facility: facility, body: body))
        case .journald(let socket): JournalSink(socket: socket)
        case .forward(let target): try ForwardSink(target, host: host)
        case .otlp(let target):
            OTLPSink(target, federation: federation, metrics: stages.map { (stage: $0.name, path: $0.metrics) })
        }
    }

    private static func hostName() -> String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "localhost" }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Only its thread touches a shipper from here on.
    private final class Task {
        let shipper: Shipper
        init(_ shipper: Shipper) { self.shipper = shipper }
    }

    package func start() throws {
        signal(SIGPIPE, SIG_IGN)
        for (index, shipper) in shippers.enumerated() {
            let task = Unmanaged.passRetained(Task(shipper))
            var thread = pthread_t()
            let result = pthread_create(
                &thread, nil,
                { raw in
                    guard let raw else { return nil }
                    tributary_name_thread("shipper")
                    Unmanaged<Task>.fromOpaque(raw).takeRetainedValue().shipper.run()
                    return nil
                }, task.toOpaque())
            guard result == 0 else {
                task.release()
                throw SinkFault("thread \(index) of \(shippers.count)", errno: result)
            }
            threads.append(thread)
        }
        shippers = []
    }

    /// Sends what there is yet, until everything has arrived or `time` is up. False where a sink was still waiting then; its
    /// thread is left behind, for the process to take down.
    package func stop(within time: Duration) -> Bool {
        let deadline = ContinuousClock.now + time
        stop.stop(by: deadline)
        // One that waits for a collector may take its time to see that time is up.
        let (whole, part) = (deadline + .milliseconds(500) - ContinuousClock.now).components
        var limit = timespec()
        clock_gettime(CLOCK_REALTIME, &limit)
        limit.tv_sec += Int(whole)
        limit.tv_nsec += Int(part / 1_000_000_000)
        if limit.tv_nsec >= 1_000_000_000 {
            limit.tv_sec += 1
            limit.tv_nsec -= 1_000_000_000
        }
        var isDone = true
        for thread in threads where tributary_join_until(thread, &limit) != 0 { isDone = false }
        threads = []
        return isDone
    }
}
