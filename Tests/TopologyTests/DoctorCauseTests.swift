import Configuration
import Federation
import Foundation
import Glibc
import Keys
import SampleTopology
import SmallDisk
import Testing
import Topology
import ZeroMQ

/// `tributary doctor` over causes that are made to be there: each finding is shown beside the sound counterpart, which gives none.
@Suite(
    "What doctor finds, one cause at a time", .serialized,
    .enabled(if: FakeStages.canRun, "build everything first (`swift build --build-tests`), and have /usr/bin/perl"))
struct DoctorCauseTests {
    private let fake: FakeStages
    private let keys: KeyStore
    private let encrypt: StageName
    private let aggregate: StageName
    private let publish: StageName

    init() throws {
        fake = try FakeStages()
        encrypt = try StageName("north/encrypt")
        aggregate = try StageName("coordinator/aggregate")
        publish = try StageName("release/publish")
        keys = KeyStore(root: "\(fake.state)/keys")
        for stage in try Sample.load().stages.map(\.name) { try keys.complete(stage) }
    }

    private struct Report: Decodable {
        struct Finding: Decodable {
            let verdict: String
            let area: String
            let subject: String
            let finding: String
            let advice: String?
        }
        let data: [Finding]
    }

    /// What doctor says of north's stages.
    private func examine(through program: [String] = []) throws -> [Report.Finding] {
        let outcome = try fake.run(
            ["doctor", fake.topology, "--state", fake.state, "--cloud", "north", "--format", "json"], through: program)
        #expect(outcome.complaint.isEmpty)
        return try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8)).data
    }

    /// What it says of the way from encrypt to aggregate, and to publish, which is sound.
    private func links(
        to host: String = "127.0.0.1", _ work: Int, _ news: Int, through program: [String] = []
    ) throws -> (aggregate: Report.Finding, publish: Report.Finding) {
        let (open, other) = (try OpenHub(publish, keys), try HeldPort(.silent))
        try write(
            aggregate: "bind: 127.0.0.1, advertise: \(host), work: \(work), news: \(news)",
            publish: "bind: 127.0.0.1, work: \(open.port), news: \(other.number)")
        let found = try withExtendedLifetime((open, other)) { try examine(through: program) }
        func link(_ hub: StageName) throws -> Report.Finding {
            try #require(found.first { $0.area == "link" && $0.subject == "\(encrypt) -> \(hub)" })
        }
        return (try link(aggregate), try link(publish))
    }

    private func write(
        aggregate: String = "bind: 127.0.0.1, work: 7101, news: 7102",
        publish: String = "bind: 127.0.0.1, work: 7201, news: 7202"
    ) throws {
        let text = ThreeClouds.text(
            config: Sample.config, head: "suite: paillier\nkeys: publisher\nallow-one-operator: true\n",
            aggregate: aggregate, publish: publish)
        try Data(text.utf8).write(to: URL(filePath: fake.topology))
    }

    @Test("a hub that answers with its own key lets in, and nothing is found")
    func sound() throws {
        let (hub, news) = (try OpenHub(aggregate, keys), try HeldPort(.silent))
        let found = try withExtendedLifetime((hub, news)) { try links(hub.port, news.number) }
        for link in [found.aggregate, found.publish] {
            #expect(link.verdict == "ok" && link.advice == nil, "\(link)")
            #expect(link.finding.contains("let in after"))
        }
        #expect(found.aggregate.finding.hasPrefix("127.0.0.1 port \(hub.port): "))
    }

    @Test("a name that nobody knows: the name, its port, and where it is written")
    func unknownName() throws {
        let found = try links(to: "aggregate.invalid", 7101, 7102)
        #expect(found.aggregate.verdict == "failure")
        #expect(found.aggregate.finding.hasPrefix("aggregate.invalid port 7101: the name cannot be looked up ("))
        #expect(found.aggregate.advice == "check `advertise` of \(aggregate) in the topology, and this host's DNS")
        #expect(found.publish.verdict == "ok", "\(found.publish)")
    }

    @Test("a port on which nothing listens, be it the first or the second of a hub")
    func refused() throws {
        let (hub, closed) = (try OpenHub(aggregate, keys), try HeldPort(.closed))
        try withExtendedLifetime((hub, closed)) {
            for (work, news) in [(closed.number, hub.port), (hub.port, closed.number)] {
                let found = try links(work, news)
                #expect(found.aggregate.verdict == "failure")
                #expect(
                    found.aggregate.finding
                        == "127.0.0.1 port \(closed.number): connection refused: the host is there, and nothing listens on that port"
                )
                #expect(found.aggregate.advice?.hasPrefix("is \(aggregate) up? Ask coordinator's operator") == true)
                #expect(found.publish.verdict == "ok", "\(found.publish)")
            }
        }
    }

    @Test("a host that answers nothing, as behind a firewall that drops what comes")
    func unanswered() throws {
        let dropped = try HeldPort(.unanswered)
        let found = try withExtendedLifetime(dropped) { try links(dropped.number, 7102) }
        #expect(found.aggregate.verdict == "failure")
        #expect(found.aggregate.finding == "127.0.0.1 port \(dropped.number): no answer within 3 s")
        #expect(found.aggregate.advice?.contains("let TCP port \(dropped.number) through from here") == true)
        #expect(found.publish.verdict == "ok", "\(found.publish)")
    }

    @Test("a peer that accepts and stays silent is told apart from one with another key")
    func silent() throws {
        let (silent, news) = (try HeldPort(.silent), try HeldPort(.silent))
        let found = try withExtendedLifetime((silent, news)) { try links(silent.number, news.number) }
        #expect(found.aggregate.verdict == "failure")
        #expect(
            found.aggregate.finding.hasPrefix("something listens at 127.0.0.1 port \(silent.number), and says nothing"))
        #expect(found.aggregate.advice?.contains("ask coordinator's operator what listens there") == true)
        #expect(found.publish.verdict == "ok", "\(found.publish)")
        // publish's key, where aggregate's is expected.
        let other = try OpenHub(publish, keys)
        let wrong = try withExtendedLifetime((other, news)) { try links(other.port, news.number) }
        #expect(wrong.aggregate.finding.contains("hangs up during the handshake"))
        #expect(wrong.aggregate.advice?.contains("keys/public/coordinator/aggregate.pub") == true)
    }

    /// A network of its own, in which there is no way to anywhere (unshare(1)).
    private static let unshare = ["/usr/bin/unshare", "--net"]
    private static let canUnshare: Bool = {
        let process = Process()
        process.executableURL = URL(filePath: unshare[0])
        process.arguments = [unshare[1], "/usr/bin/true"]
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    @Test("a host without a way to the other", .enabled(if: canUnshare, "a network of one's own wants root"))
    func noRoute() throws {
        let (hub, news) = (try OpenHub(aggregate, keys), try HeldPort(.silent))
        try withExtendedLifetime((hub, news)) {
            let found = try links(hub.port, news.number, through: Self.unshare)
            #expect(found.aggregate.verdict == "failure")
            #expect(found.aggregate.finding == "127.0.0.1 port \(hub.port): no route: Network is unreachable")
            #expect(found.aggregate.advice?.contains("this host's network, VPN and routes") == true)
            // The same hub, from where there is a way.
            #expect(try links(hub.port, news.number).aggregate.verdict == "ok")
        }
    }

    @Test(
        "a socket of this host: none, one that a dead process left, one whose owner says nothing, and one that answers")
    func local() throws {
        try write()
        let topology = try Topology.load(fake.topology, state: fake.state)
        // The launcher that is asked has its runtime folder here.
        let name = try #require(topology.socketFolder(of: encrypt.cloud).split(separator: "/").last)
        let folder = "\(fake.folder)/tributary-\(geteuid())/\(name)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = "\(folder)/encrypt.work"
        func link() throws -> Report.Finding {
            let subject = "\(encrypt.cloud)/local-train -> \(encrypt)"
            return try #require(try examine().first { $0.area == "link" && $0.subject == subject })
        }
        let missing = try link()
        #expect(missing.verdict == "failure" && missing.finding == "\(path) is not there", "\(missing)")
        do {
            let silent = try LocalSocket(path)
            let quiet = try withExtendedLifetime(silent) { try link() }
            #expect(quiet.verdict == "failure" && quiet.finding.contains("says nothing for"), "\(quiet)")
            #expect(quiet.advice?.contains("\(encrypt) stands still") == true)
        }
        // The file outlives its owner.
        #expect(access(path, F_OK) == 0)
        let stale = try link()
        #expect(stale.verdict == "failure" && stale.finding.contains("nothing listens on it"), "\(stale)")
        #expect(stale.advice?.contains("is \(encrypt) up on this host?") == true)
        unlink(path)
        let context = try Context()
        let hub = try Socket(.pull, in: context)
        try hub.bind("ipc://\(path)")
        let sound = try link()
        #expect(sound.verdict == "ok" && sound.advice == nil, "\(sound)")
        // Until here it is bound.
        try hub.set(.lingerMilliseconds(0))
    }

    /// A stage's lock as its process would hold it.
    private func hold(_ stage: StageName, phase: String = "ready", pid: Int32 = getpid(), age: Int = 0) throws -> Int32
    {
        let folder = "\(fake.state)/\(stage.cloud)/\(stage.role)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let descriptor = open("\(folder)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        try #require(descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        let word = Array("\(phase) \(pid)\n".utf8)
        try #require(ftruncate(descriptor, 0) == 0 && pwrite(descriptor, word, word.count, 0) == word.count)
        var times = [timespec](repeating: timespec(tv_sec: time(nil) - age, tv_nsec: 0), count: 2)
        try #require(futimens(descriptor, &times) == 0)
        return descriptor
    }

    @Test("stages without a launcher: run by something else, each as it does; or by nobody")
    func unlaunched() throws {
        try write()
        let ingest = try StageName("north/ingest")
        let trainer = try StageName("north/local-train")
        func stages() throws -> [Report.Finding] { try examine().filter { ["launcher", "stage"].contains($0.area) } }
        func ps() throws -> String { try fake.run("ps", fake.topology, "--state", fake.state).output }
        let nobody = try stages()
        #expect(nobody.map(\.verdict) == ["failure"] && nobody.first?.advice?.contains("`tributary up") == true)
        #expect(nobody.first?.advice?.contains("systemctl start") == true)
        var held = [try hold(encrypt), try hold(ingest, phase: "starting")]
        defer { for descriptor in held { close(descriptor) } }
        let found = try stages()
        #expect(found.first { $0.area == "launcher" }?.verdict == "ok", "\(found)")
        #expect(
            found.first { $0.area == "launcher" }?.finding.contains("2 of 3 stages run under something else") == true)
        func told(_ stage: StageName, _ found: [Report.Finding]) throws -> Report.Finding {
            try #require(found.first { $0.subject == "\(stage)" }, "\(found)")
        }
        let ready = try told(encrypt, found)
        #expect(ready.verdict == "ok" && ready.finding == "ready, supervised by something else (process \(getpid()))")
        #expect(try told(ingest, found).verdict == "warning")
        let missing = try told(trainer, found)
        #expect(missing.verdict == "failure" && missing.advice?.contains("`systemctl status`") == true, "\(missing)")
        #expect(try ps().contains("2 stages run under something else"))
        // One that says nothing any more, while it has the lock, stands still.
        for descriptor in held { close(descriptor) }
        held = [try hold(encrypt, age: 120), try hold(ingest, age: 120)]
        let still = try told(encrypt, try stages())
        #expect(still.verdict == "failure" && still.finding.contains("stands still, since 12"), "\(still)")
        // Without the lock its number is somebody else's.
        for descriptor in held { close(descriptor) }
        held = []
        #expect(try stages().map(\.area) == ["launcher"])
    }

    private func disk(_ path: String) throws -> Report.Finding {
        try write()
        return try #require(try examine().first { $0.area == "disk" && $0.subject == path })
    }

    @Test(
        "a disk that is nearly full, that is full, and that has room: the stage's own volume too",
        .enabled(if: SmallDisk.isPossible, Comment(rawValue: SmallDisk.comment)))
    func disk() throws {
        // The judgement is right whatever room the machine has.
        #expect(try disk(fake.state).verdict != "failure")
        let folder = "\(fake.state)/north/encrypt"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        #expect(try examine().filter { $0.area == "disk" }.count == 1)
        let little = try SmallDisk(over: folder, megabytes: 100)
        let warning = try disk(folder)
        #expect(warning.verdict == "warning" && warning.finding.hasPrefix("100 MiB are free"), "\(warning)")
        #expect(warning.advice?.contains("df -h \(folder)") == true)
        try little.fill()
        let failure = try disk(folder)
        #expect(failure.verdict == "failure" && failure.finding == "0 MiB are free: the disk is full", "\(failure)")
        #expect(failure.advice?.contains("make room on its file system (`df -h \(folder)`)") == true)
        try little.makeRoom()
        #expect(try disk(folder).verdict == "warning")
    }

    /// North's encrypt has logged these, each so many seconds ago.
    private func log(_ lines: [(age: Double, event: String)]) throws {
        let clock = DateFormatter()
        clock.locale = Locale(identifier: "en_US_POSIX")
        clock.timeZone = TimeZone(identifier: "UTC")
        clock.dateFormat = "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"
        let text = lines.map { #"{"time":"\#(clock.string(from: Date(timeIntervalSinceNow: -$0.age)))",\#($0.event)}"# }
        try FileManager.default.createDirectory(
            atPath: "\(fake.state)/logs", withIntermediateDirectories: true)
        try Data((text.joined(separator: "\n") + "\n").utf8).write(
            to: URL(filePath: "\(fake.state)/logs/north-encrypt.jsonl"))
    }

    private func said(_ area: String) throws -> [Report.Finding] {
        try write()
        return try examine().filter { $0.area == area && $0.subject == "\(encrypt)" }
    }

    private static let differ =
        #""level":"warning","event":"clocks_differ","with":"release/publish","ahead_seconds":9,"reason":"the clock of release/publish is ahead of this host's""#
    private static let agree = #""level":"info","event":"clocks_agree","with":"release/publish""#

    @Test("clocks that differ, as the stage has seen them, until they agree or it is long ago")
    func clocks() throws {
        try log([(500, Self.agree), (60, Self.differ), (30, Self.differ)])
        let found = try said("clock")
        #expect(found.count == 1 && found.first?.verdict == "warning", "\(found)")
        #expect(found.first?.finding.contains("the clock of release/publish is ahead of this host's") == true)
        #expect(found.first?.finding.hasSuffix("2 times]") == true)
        #expect(found.first?.advice?.contains("chrony, systemd-timesyncd") == true)
        try log([(60, Self.differ), (30, Self.agree)])
        #expect(try said("clock").isEmpty)
        try log([(700, Self.differ)])
        #expect(try said("clock").isEmpty)
    }

    @Test("a peer of another release, as the stage has heard it")
    func version() throws {
        // What the decoder itself says of one, so that the two cannot drift apart.
        let reason = "\(FederationError.unsupportedVersion(found: 2))"
        func refused(_ reason: String) -> String {
            #""level":"warning","event":"message_refused","from":"release/publish","reason":"\#(reason)""#
        }
        try log([(5, refused(reason))])
        let found = try said("version")
        #expect(found.count == 1 && found.first?.verdict == "warning", "\(found)")
        #expect(found.first?.finding.contains("(release/publish): protocol version 2 is not spoken here") == true)
        #expect(found.first?.advice?.contains("`tributary --version` on both hosts") == true)
        try log([(5, refused("expected 4 frames, found 3"))])
        #expect(try said("version").isEmpty)
        #expect(try said("log").count == 1)
    }
}
