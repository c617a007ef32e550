"""What a monitor costs: events at a steady rate into a stage's spool, every sink that there is a collector for, and fixed work on all cores
beside it, in alternation with and without the monitor.

bench/events.py [--rate 10000] [--seconds 10] [--pairs 3] [--bin .build/release]
"""
import argparse, hashlib, multiprocessing, os, shutil, signal, socket, statistics, subprocess, sys, tempfile, threading, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEERS = os.path.join(ROOT, "Tests/ShippingTests/Peers")
LINE = (
    '{"time":"%s","level":"info","event":"contribution_sealed","version":1,"run":"bench","cloud":"north","stage":"encrypt","epoch":1,'
    '"sequence":%d,"round":3,"trace":"00-0123456789abcdef0123456789abcdef-0123456789abcdef-01","purpose":"update","values":33120,'
    '"bytes":1060864,"clipped":0,"quantise_seconds":0.21,"seal_seconds":1.47}\n'
)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def idle():
    """Collectors are on other machines, or nobody's concern: they must not stand in the way of the work that is timed."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def work(units):
    data = b"x" * 65536
    for _ in range(units):
        hashlib.blake2b(data).digest()


def timed(units):
    begun = time.monotonic()
    workers = [multiprocessing.Process(target=work, args=(units,)) for _ in range(os.cpu_count())]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.monotonic() - begun


class Generator(threading.Thread):
    """Appends to a spool, in a process of its own so that this one's lock does not hold it up."""

    def __init__(self, path, rate):
        super().__init__(daemon=True)
        self.process = multiprocessing.Process(target=self.run_process, args=(path, rate), daemon=True)

    @staticmethod
    def run_process(path, rate):
        sequence, begun = 0, time.monotonic()
        with open(path, "ab", buffering=0) as file:
            while True:
                due = int((time.monotonic() - begun) * rate) - sequence
                now = time.time_ns()
                stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9)) + ".%09dZ" % (now % 10**9)
                for _ in range(due):
                    sequence += 1
                    file.write((LINE % (stamp, sequence)).encode())
                time.sleep(0.005)


def processor_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    return int(open(f"/proc/{pid}/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--bin", default=os.path.join(ROOT, ".build/release"))
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="tributary-bench-")
    started = []
    try:
        run(options, folder, started)
    finally:
        for process in started:
            process.kill()
        shutil.rmtree(folder)


def run(options, folder, started):
    sinks = [f"{{kind: file, path: {folder}/events.jsonl}}"]
    python = os.environ.get("TRIBUTARY_PYTHON")
    if python:
        for kind, scheme in (("forward", "tcp"), ("otlp", "http")):
            port = free_port()
            started.append(subprocess.Popen(
                [python, f"{PEERS}/{kind}.py", str(port), "/dev/null"], preexec_fn=idle, stdout=subprocess.DEVNULL))
            sinks.append(f'{{kind: {kind}, address: "{scheme}://127.0.0.1:{port}"}}')
    root = os.environ.get("TRIBUTARY_COLLECTORS")
    if root:
        libraries = [os.path.join(base, "rsyslog") for base, names, _ in os.walk(f"{root}/usr/lib") if "rsyslog" in names]
        modules = next(path for path in libraries if any(name.endswith(".so") for name in os.listdir(path)))
        udp, tcp = free_port(), free_port()
        with open(f"{folder}/rsyslog.conf", "w") as file:
            file.write(f'''module(load="imudp") input(type="imudp" address="127.0.0.1" port="{udp}")
module(load="imtcp") input(type="imtcp" address="127.0.0.1" port="{tcp}")
module(load="imuxsock" SysSock.Use="off") input(type="imuxsock" Socket="{folder}/log" RateLimit.Interval="0")
action(type="omfile" file="/dev/null")
''')
        started.append(subprocess.Popen(
            [f"{root}/usr/sbin/rsyslogd", "-n", "-f", f"{folder}/rsyslog.conf", "-i", f"{folder}/pid", "-M", modules],
            env=os.environ | {"LD_LIBRARY_PATH": os.path.dirname(modules)}, preexec_fn=idle))
        for name, address in (("udp", f"udp://127.0.0.1:{udp}"), ("tcp", f"tcp://127.0.0.1:{tcp}"), ("unix", f"unix://{folder}/log")):
            sinks.append(f'{{kind: syslog, name: syslog-{name}, address: "{address}"}}')
    with open(f"{folder}/topology.yaml", "w") as file:
        file.write("version: 1\nfederation: bench\nsuite: clear\nallow-clear: true\nkeys: publisher\nallow-one-operator: true\nclouds:\n")
        file.write("  north:\n    owner: North\n    sinks:\n" + "".join(f"      - {sink}\n" for sink in sinks) + "    stages:\n")
        for kind in ("ingest", "local-train", "encrypt"):
            file.write(f"      {kind}: {{config: topology.yaml}}\n")
        file.write("  office:\n    owner: Office\n    stages:\n")
        for kind, port in (("aggregate", 7101), ("publish", 7111)):
            file.write(f"      {kind}: {{config: topology.yaml, bind: 127.0.0.1, work: {port}, news: {port + 1}}}\n")
    spool = f"{folder}/state/north/encrypt/events"
    os.makedirs(spool)
    generator = Generator(f"{spool}/0000000000000000.jsonl", options.rate)
    generator.process.start()
    time.sleep(2)
    probe = timed(200)
    units = max(1, int(200 * options.seconds / probe))
    without, beside, used = [], [], []
    for _ in range(options.pairs):
        without.append(timed(units))
        monitor = subprocess.Popen(
            [f"{options.bin}/tributary", "monitor", f"{folder}/topology.yaml", "--state", f"{folder}/state"], stderr=subprocess.DEVNULL)
        started.append(monitor)
        before = processor_seconds(monitor.pid)
        beside.append(timed(units))
        used.append((processor_seconds(monitor.pid) - before) / beside[-1])
        memory = resident(monitor.pid)
        monitor.send_signal(signal.SIGTERM)
        monitor.wait()
    ratio = statistics.median(b / w for b, w in zip(beside, without))
    print(f"{options.rate} events a second, {len(sinks)} sinks, {os.cpu_count()} cores all at work, load {os.getloadavg()[0]:.1f}")
    print("fixed work alone, s:          ", " ".join(f"{one:.2f}" for one in without))
    print("the same beside a monitor, s: ", " ".join(f"{one:.2f}" for one in beside))
    print(f"longer by (median of pairs):   {100 * (ratio - 1):+.1f} %")
    print("monitor's share of a core:    ", " ".join(f"{100 * one:.1f} %" for one in used), f"  resident {memory / 2**20:.0f} MiB")
    for line in open(f"{folder}/state/monitor/metrics.prom"):
        if line.startswith(("tributary_sink_events_total", "tributary_sink_lost_total")):
            print(line.strip())


if __name__ == "__main__":
    main()
