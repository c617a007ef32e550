import Foundation
import Glibc

/// A folder with the launcher's five stage programs, each a few lines of Perl (part of every Debian system), a topology
/// over them, and a state root: for tests of the built `tributary`.
///
/// A fake stage logs `started`, says READY=1 and waits for SIGTERM. If `STATE/plan-CLOUD-STAGE` holds a number, it takes
/// that file away and ends with the number as its exit status, without having been ready; with `over` it says that the run
/// is over and ends with 0. While it lives it holds a lock on
/// `STATE/alive-CLOUD-STAGE`. With `--check` it finds nothing wrong. With `--standby` it stands by until that lock is free; SIGUSR1 ends it, or not if
/// `STATE/busy-CLOUD-STAGE` is there. If `STATE/writes-CLOUD-STAGE` is there it lengthens that file for as long as it runs, and
/// ends with 74 when the disk is full. If `STATE/mute-CLOUD-STAGE` is there it takes that away and never gets ready. If `STATE/hoards-CLOUD-STAGE` is there it takes ever more memory. What
/// `STATE/says-CLOUD-STAGE` holds it says to its launcher once it is ready, anew at each SIGUSR2. Its config, if it is given one, is what it logs as its start.
final class FakeStages {
    let folder: String
    let topology: String
    let state: String
    /// Beside the test's own program.
    static let launcher: String = {
        URL(filePath: CommandLine.arguments[0]).absoluteURL.deletingLastPathComponent()
            .appending(path: "tributary").path
    }()
    static let canRun = access(launcher, X_OK) == 0 && access("/usr/bin/perl", X_OK) == 0

    private static let program = #"""
        #!/usr/bin/perl
        use strict; use Socket; use POSIX ();
        my ($kind) = $0 =~ /tributary-([a-z-]+)$/;
        exit 0 if grep { $_ eq "--check" } @ARGV;
        my $standby = grep { $_ eq "--standby" } @ARGV;
        my %option = grep { $_ ne "--standby" } @ARGV;
        my ($cloud, $state) = @option{"--cloud", "--state"};
        $kind .= "-$option{'--worker'}" if $option{"--worker"};
        sub event {
            my $time = POSIX::strftime("%Y-%m-%dT%H:%M:%S.000Z", gmtime);
            syswrite STDERR, qq({"time":"$time","level":"info","cloud":"$cloud","stage":"$kind","event":"$_[0]"}\n);
        }
        $SIG{TERM} = sub { event("stopped"); exit 0 };
        $SIG{USR1} = sub { return if -e "$state/busy-$cloud-$kind"; event("handed over"); exit 0 };
        open(my $alive, ">", "$state/alive-$cloud-$kind") or die "alive: $!";
        socket(my $notify, AF_UNIX, SOCK_DGRAM, 0) or die;
        if ($standby) {
            die "I do not want to\n" if -e "$state/unwilling-$cloud-$kind";
            send($notify, "X_TRIBUTARY_STANDBY=1", 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die "notify: $!";
        }
        flock($alive, 2) or die "flock: $!";
        event("started" . ($option{"--config"} ? " with $option{'--config'}" : ""));
        if (open my $plan, "<", "$state/plan-$cloud-$kind") {
            my $status = <$plan>;
            unlink "$state/plan-$cloud-$kind";
            exit $status unless $status eq "over";
            send($notify, "STATUS=run over\nX_TRIBUTARY_RUN=over", 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die;
            exit 0;
        }
        if (-e "$state/mute-$cloud-$kind") {
            unlink "$state/mute-$cloud-$kind";
            POSIX::pause() while 1;
        }
        sub speak {
            open(my $said, "<", "$state/says-$cloud-$kind") or return;
            local $/;
            send($notify, <$said>, 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die "notify: $!";
        }
        $SIG{USR2} = sub { speak };
        speak;
        send($notify, "STATUS=idle\nREADY=1\n", 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die "notify: $!";
        my ($hoards, @hoard) = "$state/hoards-$cloud-$kind";
        if (-e $hoards) {
            unlink $hoards;
            push @hoard, "x" x (1 << 20) while 1;
        }
        my $writes = "$state/writes-$cloud-$kind";
        POSIX::pause() while !-e $writes;
        open(my $written, ">>", $writes) or exit 74;
        select(undef, undef, undef, 0.1) while (syswrite($written, "x" x 4096) // 0) == 4096;
        event("found no room");
        exit 74;

        """#

    init() throws {
        var template = Array("/tmp/tributary-up-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { preconditionFailure("mkdtemp: \(String(cString: strerror(errno)))") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        topology = "\(folder)/topology.yaml"
        state = "\(folder)/state"
        try Data(Sample.text.utf8).write(to: URL(filePath: topology))
        for kind in ["ingest", "local-train", "encrypt", "aggregate", "publish"] {
            let path = "\(folder)/tributary-\(kind)"
            try Data(FakeStages.program.utf8).write(to: URL(filePath: path))
            chmod(path, 0o755)
        }
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: folder) } catch { print("\(folder) stays behind: \(error)") }
    }

    func plan(_ status: Int, for stage: String) throws { try plan("\(status)", for: stage) }

    /// All keys that its stages and commands ask for.
    func makeKeys() throws {
        let made = try run("keys", topology, "--state", state)
        guard made.status == 0 else { throw CocoaError(.fileWriteUnknown, userInfo: ["keys": made.complaint]) }
    }

    /// Another topology file, in which encrypt of a cloud has a program of its own.
    func topology(withEncrypt binary: String, in cloud: String, file: String = "changed.yaml") throws -> String {
        var lines = try String(contentsOfFile: topology, encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard let start = lines.firstIndex(of: "  \(cloud):"),
            let encrypt = lines[start...].firstIndex(where: { $0.contains(" encrypt: {config: ") })
        else { throw CocoaError(.fileReadCorruptFile) }
        lines[encrypt] = lines[encrypt].replacing("}", with: ", binary: \(binary)}")
        let path = "\(folder)/\(file)"
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: path))
        return path
    }

    func mark(_ name: String) throws { try Data().write(to: URL(filePath: "\(state)/\(name)")) }

    /// What a stage says once it is ready, and at each SIGUSR2.
    func say(_ text: String, as stage: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(state)/says-\(stage)"))
    }

    func plan(_ end: String, for stage: String) throws {
        try Data(end.utf8).write(to: URL(filePath: "\(state)/plan-\(stage)"))
    }

    struct Outcome {
        let status: Int32
        let output: String
        let complaint: String
    }

    func run(_ arguments: String...) throws -> Outcome { try run(arguments) }

    /// - Parameter through: a program, with its arguments, that starts the launcher.
    func run(_ arguments: [String], through program: [String] = []) throws -> Outcome {
        let running = try start(arguments, through: program)
        let output = running.output.readDataToEndOfFile()
        let complaint = running.complaint.readDataToEndOfFile()
        running.process.waitUntilExit()
        return Outcome(
            status: running.process.terminationStatus, output: String(decoding: output, as: UTF8.self),
            complaint: String(decoding: complaint, as: UTF8.self))
    }

    struct Running {
        let process: Process
        let output: FileHandle
        let complaint: FileHandle

        /// Reads what `up` prints until a line holds `text`; what was read.
        func lines(until text: String) -> [String] {
            var lines: [String] = []
            var line: [UInt8] = []
            while let byte = output.readData(ofLength: 1).first {
                guard byte == UInt8(ascii: "\n") else {
                    line.append(byte)
                    continue
                }
                lines.append(String(decoding: line, as: UTF8.self))
                line = []
                if lines.last?.contains(text) == true { break }
            }
            return lines
        }
    }

    func start(_ arguments: [String], through program: [String] = []) throws -> Running {
        let process = Process()
        let command = program + [FakeStages.launcher] + arguments
        process.executableURL = URL(filePath: command[0])
        process.arguments = Array(command.dropFirst())
        process.environment = [
            "TRIBUTARY_STAGES": folder, "NO_COLOR": "1", "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": folder,
        ]
        let output = Pipe()
        let complaint = Pipe()
        process.standardOutput = output
        process.standardError = complaint
        try process.run()
        return Running(
            process: process, output: output.fileHandleForReading, complaint: complaint.fileHandleForReading)
    }

    /// `tributary ps --format json`, as it is documented.
    struct Listing: Decodable {
        struct Trouble: Decodable {
            let kind: String
            let about: String
            let text: String
            let remedy: String
            let since: Double
        }
        struct Stage: Decodable {
            let stage: String
            let state: String
            let pid: Int32?
            let restarts: Int
            let troubles: [Trouble]?
        }
        struct Record: Decodable {
            let pid: Int32
            let ready: Bool
            let stages: [Stage]
        }
        struct Answer: Decodable {
            let running: Bool
            let launcher: Record?
        }
        let status: String
        let data: Answer
    }

    func listing() throws -> Listing.Answer {
        let text = try run("ps", topology, "--state", state, "--format", "json").output
        return try JSONDecoder().decode(Listing.self, from: Data(text.utf8)).data
    }
}
