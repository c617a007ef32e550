"""The collectors that there are on this machine, started for a benchmark: each with the sink that feeds it, at idle priority."""

import os
import shutil
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEERS = os.path.join(ROOT, "Tests/Collectors/Peers")


def found(variable, default):
    """What `make` would set the variable to."""
    path = os.environ.get(variable) or os.path.join(ROOT, default)
    return path if os.path.exists(path) else None


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def idle():
    """Collectors are on other machines, or nobody's concern: they must not stand in the way of the work that is timed."""
    os.setsid()
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    # Idle among all processes, and not among those of a session alone (sched(7), "The autogroup feature").
    if os.path.exists("/proc/self/autogroup"):
        with open("/proc/self/autogroup", "w") as file:
            file.write("19")


def processor_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def until(what, is_so, seconds=60):
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise SystemExit(f"in {seconds} seconds not: {what}")
        time.sleep(0.05)


def listens(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


class Collectors:
    """`sinks` are lines for a topology, `took_part` says by whom they are read, `missing` what is not here."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = []
        self.cleanup = []
        self.sinks = [f"{{kind: file, path: {folder}/events.jsonl}}"]
        self.took_part = ["file"]
        self.missing = []

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
        for path in self.cleanup:
            shutil.rmtree(path, ignore_errors=True)

    def start(self):
        python = found("TRIBUTARY_PYTHON", ".cache/reference/bin/python")
        if python:
            self.peers(python)
        else:
            self.missing.append("forward, otlp (`make reference`)")
        root = found("TRIBUTARY_COLLECTORS", ".cache/collectors")
        if root:
            self.rsyslog(root)
            self.syslog_ng(root)
        else:
            self.missing.append("rsyslog, syslog-ng (`make collectors`)")
        self.journald()

    def processor_seconds(self):
        return sum(processor_seconds(process.pid) for process in self.processes)

    def place(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(path)
        return path

    def run(self, words, **more):
        process = subprocess.Popen(words, preexec_fn=idle, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
        self.processes.append(process)

    def add(self, name, sink, is_ready):
        until(f"{name} is ready", is_ready)
        self.sinks.append(sink)
        self.took_part.append(name)

    def peers(self, python):
        for kind, scheme in (("forward", "tcp"), ("otlp", "http")):
            port = free_port()
            self.run([python, f"{PEERS}/{kind}.py", str(port), "/dev/null"])
            self.add(kind, f'{{kind: {kind}, address: "{scheme}://127.0.0.1:{port}"}}', lambda: listens(port))

    def rsyslog(self, root):
        libraries = [os.path.join(base, "rsyslog") for base, names, _ in os.walk(f"{root}/usr/lib") if "rsyslog" in names]
        modules = next(path for path in libraries if any(name.endswith(".so") for name in os.listdir(path)))
        folder, udp, tcp = self.place("rsyslog"), free_port(), free_port()
        with open(f"{folder}/rsyslog.conf", "w") as file:
            file.write(f'''module(load="imudp") input(type="imudp" address="127.0.0.1" port="{udp}")
module(load="imtcp") input(type="imtcp" address="127.0.0.1" port="{tcp}")
module(load="imuxsock" SysSock.Use="off") input(type="imuxsock" Socket="{folder}/log" RateLimit.Interval="0")
action(type="omfile" file="/dev/null")
''')
        self.run(
            [f"{root}/usr/sbin/rsyslogd", "-n", "-f", f"{folder}/rsyslog.conf", "-i", f"{folder}/pid", "-M", modules],
            env=os.environ | {"LD_LIBRARY_PATH": os.path.dirname(modules)})
        for name, address in (("udp", f"udp://127.0.0.1:{udp}"), ("tcp", f"tcp://127.0.0.1:{tcp}"), ("unix", f"unix://{folder}/log")):
            self.add(
                f"rsyslog by {name}", f'{{kind: syslog, name: syslog-{name}, address: "{address}"}}',
                lambda: listens(tcp) and os.path.exists(f"{folder}/log"))

    def syslog_ng(self, root):
        folder, port = self.place("syslog-ng"), free_port()
        with open(f"{folder}/syslog-ng.conf", "w") as file:
            file.write(f'''@version: 3.38
options {{ stats-freq(0); }};
source s {{ syslog(transport("tcp") ip("127.0.0.1") port({port})); }};
destination d {{ file("/dev/null"); }};
log {{ source(s); destination(d); flags(flow-control); }};
''')
        modules = next(
            os.path.join(base, "3.38") for base, names, _ in os.walk(f"{root}/usr/lib")
            if base.endswith("syslog-ng") and "3.38" in names)
        # Debian 12 has some of them in /lib, which is a link to /usr/lib where they are installed.
        libraries = [f"{folder}/{name}" for folder in (f"{root}/usr/lib", f"{root}/lib") if os.path.isdir(folder) for name in os.listdir(folder)]
        self.run(
            [f"{root}/usr/sbin/syslog-ng", "-F", "--no-caps", "-f", f"{folder}/syslog-ng.conf", "-R", f"{folder}/persist", "-p",
             f"{folder}/pid", "-c", f"{folder}/control", "--module-path", modules],
            env=os.environ | {"LD_LIBRARY_PATH": ":".join(libraries)})
        self.add(
            "syslog-ng by tcp", f'{{kind: syslog, name: syslog-ng, address: "tcp://127.0.0.1:{port}"}}', lambda: listens(port))

    def journald(self):
        """systemd-journald in a namespace of its own, kept in memory."""
        program = "/lib/systemd/systemd-journald"
        if os.geteuid() != 0 or not os.access(program, os.X_OK):
            self.missing.append("journald (needs root and systemd)")
            return
        namespace = f"tributarybench{os.getpid()}"
        limits = f"/run/systemd/journald@{namespace}.conf.d"
        os.makedirs(limits)
        with open(f"{limits}/limits.conf", "w") as file:
            file.write("[Journal]\nRateLimitIntervalSec=0\nStorage=volatile\nRuntimeMaxUse=64M\n")
        with open("/etc/machine-id") as file:
            machine = file.read().strip()
        self.cleanup += [
            limits, f"/run/systemd/journal.{namespace}", f"/run/log/journal/{machine}.{namespace}",
            f"/var/log/journal/{machine}.{namespace}"]
        self.run([program, namespace])
        path = f"/run/systemd/journal.{namespace}/socket"
        self.add("journald", f"{{kind: journald, socket: {path}}}", lambda: os.path.exists(path))
