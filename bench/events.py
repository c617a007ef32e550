"""What a monitor costs: events at a steady rate into a stage's spool, every sink that there is a collector for (`make collectors`,
`make reference`), in alternation with and without the monitor. What is timed beside it is fixed work on all cores, or with --run the
rounds of a real federation.

bench/events.py [--rate 10000] [--seconds 10] [--pairs 3] [--bin .build/release]
bench/events.py --run [--suite paillier] [--values 100000] [--seconds 15] [--pairs 5] [--apart]

--apart gives the last core to the collectors, to whoever tells the events and, all along, to idle work: what a busy neighbour does to a core (its
clock, its caches) is then the same with and without the monitor, which shares the other cores with the rounds.
"""
import argparse, glob, hashlib, json, multiprocessing, os, shutil, signal, statistics, subprocess, sys, tempfile, threading, time

import collectors
from collectors import ROOT, processor_seconds

LINE = (
    '{"time":"%s","level":"info","event":"contribution_sealed","version":1,"run":"bench","cloud":"flood","stage":"encrypt","epoch":1,'
    '"sequence":%d,"round":3,"trace":"00-0123456789abcdef0123456789abcdef-0123456789abcdef-01","purpose":"update","values":33120,'
    '"bytes":1060864,"clipped":0,"quantise_seconds":0.21,"seal_seconds":1.47}\n'
)


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


def tell(folder, rate, segment=4 << 20):
    """Appends to a spool as a stage would, sixteen files of it, from a process of its own."""
    sequence, begun, files, size, file = 0, time.monotonic(), [], 0, None
    while True:
        due = int((time.monotonic() - begun) * rate) - sequence
        now = time.time_ns()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9)) + ".%09dZ" % (now % 10**9)
        for _ in range(due):
            if file is None or size > segment:
                files.append(f"{folder}/{sequence:016}.jsonl")
                file, size = open(files[-1], "ab", buffering=0), 0
                if len(files) > 16:
                    os.unlink(files.pop(0))
            sequence += 1
            size += file.write((LINE % (stamp, sequence)).encode())
        time.sleep(0.005)


def burn(core):
    """Keeps a core busy with what yields to everything else."""
    os.sched_setaffinity(0, {core})
    collectors.idle()
    data = b"x" * 65536
    while True:
        hashlib.blake2b(data).digest()


def resident(pid):
    return int(open(f"/proc/{pid}/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Monitor:
    """`tributary monitor` for as long as the block lasts, and what it used."""

    def __init__(self, options, folder, park):
        self.options, self.folder, self.park = options, folder, park

    def __enter__(self):
        self.process = subprocess.Popen(
            [f"{self.options.bin}/tributary", "monitor", f"{self.folder}/monitor.yaml", "--state", f"{self.folder}/state"],
            stderr=subprocess.DEVNULL, start_new_session=True)
        self.theirs = self.park.processor_seconds()
        self.begun, self.before = time.monotonic(), processor_seconds(self.process.pid)
        return self

    def __exit__(self, *_):
        elapsed = time.monotonic() - self.begun
        self.share = (processor_seconds(self.process.pid) - self.before) / elapsed
        self.collectors_share = (self.park.processor_seconds() - self.theirs) / elapsed
        self.memory = resident(self.process.pid)
        # It would send what there is first, at its leisure: on busy cores that is no part of what is timed.
        self.process.kill()
        self.process.wait()


def flood_cloud(folder):
    """The cloud whose events are told here, as a topology has it: no stage of it runs."""
    return "  flood:\n    owner: Flood\n    stages:\n" + "".join(
        f"      {kind}: {{config: {folder}/monitor.yaml}}\n" for kind in ("ingest", "local-train", "encrypt"))


def write_sinks(folder, text, sinks):
    head, clouds = text.split("clouds:\n", 1)
    with open(f"{folder}/monitor.yaml", "w") as file:
        file.write(head + "sinks:\n" + "".join(f"  - {sink}\n" for sink in sinks) + "clouds:\n" + flood_cloud(folder) + clouds)


def counts(folder):
    """What each sink has had and lost, all clouds together."""
    found = {}
    for line in open(f"{folder}/state/monitor/metrics.prom"):
        for meter in ("tributary_sink_events_total", "tributary_sink_lost_total"):
            if line.startswith(meter + "{"):
                sink = line.split('sink="')[1].split('"')[0]
                found.setdefault(sink, {"tributary_sink_events_total": 0, "tributary_sink_lost_total": 0})[meter] += float(line.split()[-1])
    return {sink: (int(each["tributary_sink_events_total"]), int(each["tributary_sink_lost_total"])) for sink, each in found.items()}


def report(options, park, monitors, folder):
    print(f"took part: {', '.join(park.took_part)}" + (f"; not here: {'; '.join(park.missing)}" if park.missing else ""))
    print("monitor's share of a core:    ", " ".join(f"{100 * one.share:.1f} %" for one in monitors),
          f"  resident {monitors[-1].memory / 2**20:.0f} MiB")
    print("collectors' share of a core:  ", " ".join(f"{100 * one.collectors_share:.1f} %" for one in monitors),
          "  (on this machine here, elsewhere in a deployment)")
    # Of the last monitor: what it had sent when it was asked to end.
    for sink, (events, lost) in sorted(counts(folder).items()):
        print(f"  {sink}: {events} events in the last turn, {lost} lost")


def beside_work(options, folder, park):
    with open(f"{folder}/topology.yaml", "w") as file:
        file.write("version: 1\nfederation: bench\nsuite: clear\nallow-clear: true\nkeys: publisher\nallow-one-operator: true\nclouds:\n")
        file.write("  office:\n    owner: Office\n    stages:\n")
        for kind, port in (("aggregate", 7101), ("publish", 7111)):
            file.write(f"      {kind}: {{config: topology.yaml, bind: 127.0.0.1, work: {port}, news: {port + 1}}}\n")
    write_sinks(folder, open(f"{folder}/topology.yaml").read(), park.sinks)
    probe = timed(200)
    units = max(1, int(200 * options.seconds / probe))
    without, beside, monitors = [], [], []
    for _ in range(options.pairs):
        without.append(timed(units))
        with Monitor(options, folder, park) as monitor:
            beside.append(timed(units))
        monitors.append(monitor)
    ratio = statistics.median(b / w for b, w in zip(beside, without))
    print(f"{options.rate} events a second, {len(park.sinks)} sinks, {os.cpu_count()} cores all at work, load {os.getloadavg()[0]:.1f}")
    print("fixed work alone, s:          ", " ".join(f"{one:.2f}" for one in without))
    print("the same beside a monitor, s: ", " ".join(f"{one:.2f}" for one in beside))
    print(f"longer by (median of pairs):   {100 * (ratio - 1):+.1f} %")
    report(options, park, monitors, folder)


def releases(folder):
    """(when, seconds) of each round that publish has released, by its spool."""
    found = []
    for path in sorted(glob.glob(f"{folder}/state/release/publish/events/*.jsonl")):
        for line in open(path):
            event = json.loads(line)
            if event["event"] == "round_released":
                found.append((event["time"], event["seconds"]))
    return found


def beside_run(options, folder, park):
    os.environ["TRIBUTARY_STAGES"] = options.bin
    import federation
    topology = federation.write_files(folder, options.suite, options.values, 100_000, 16, 1)
    write_sinks(folder, open(topology).read(), park.sinks)
    state = ["--state", f"{folder}/state"]
    subprocess.run([f"{options.bin}/tributary", "keys", topology, *state], check=True, stdout=subprocess.DEVNULL)
    launcher = subprocess.Popen(
        [f"{options.bin}/tributary", "up", topology, *state], stdout=subprocess.DEVNULL, stderr=open(f"{folder}/launcher.txt", "w"))
    try:
        collectors.until("five rounds", lambda: launcher.poll() is None and len(releases(folder)) > 5, 300)

        def turn():
            """Rounds that began and ended in it, but for the first and the last."""
            already = len(releases(folder))
            time.sleep(options.seconds)
            return [seconds for _, seconds in releases(folder)[already + 1:]]

        without, beside, monitors = [], [], []
        for number in range(options.pairs):
            # Which comes first changes, so that what grows with time is in both.
            for is_beside in ((False, True), (True, False))[number % 2]:
                if is_beside:
                    with Monitor(options, folder, park) as monitor:
                        beside.append(turn())
                    monitors.append(monitor)
                else:
                    without.append(turn())
    finally:
        launcher.send_signal(signal.SIGTERM)
        launcher.wait()
    if any(len(one) < 3 for one in without + beside):
        sys.exit("too few rounds in a turn: more --seconds, or fewer --values")
    medians = [[statistics.median(one) for one in each] for each in (without, beside)]
    ratios = [b / w for w, b in zip(*medians)]
    print(f"{options.rate} events a second, {len(park.sinks)} sinks, three clouds, {options.suite}, {options.values} values, "
          f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}, {sum(map(len, without))} and {sum(map(len, beside))} rounds")
    print("median round without a monitor, ms:", " ".join(f"{1000 * one:.1f}" for one in medians[0]))
    print("the same beside a monitor, ms:     ", " ".join(f"{1000 * one:.1f}" for one in medians[1]))
    print(f"longer by: {100 * (statistics.median(ratios) - 1):+.1f} % (median of pairs, from {100 * (min(ratios) - 1):+.1f} to "
          f"{100 * (max(ratios) - 1):+.1f} %); all rounds together "
          f"{100 * (statistics.median(sum(beside, [])) / statistics.median(sum(without, [])) - 1):+.1f} %")
    report(options, park, monitors, folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--bin", default=os.path.join(ROOT, ".build/release"))
    parser.add_argument("--run", action="store_true", help="time the rounds of a real federation")
    parser.add_argument("--suite", default="paillier", choices=["paillier", "threshold", "secagg", "clear"])
    parser.add_argument("--values", type=int, default=100_000)
    parser.add_argument("--apart", action="store_true", help="the last core for the collectors and whoever tells events")
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    cores = sorted(os.sched_getaffinity(0))
    if options.apart and len(cores) < 2:
        sys.exit("--apart takes two cores")
    # Whoever is asked to stop leaves nothing behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = tempfile.mkdtemp(prefix="tributary-bench-")
    park = collectors.Collectors(folder)
    generator = burner = None
    try:
        if options.apart:
            burner = multiprocessing.Process(target=burn, args=(cores[-1],), daemon=True)
            burner.start()
            os.sched_setaffinity(0, {cores[-1]})
        park.start()
        spool = f"{folder}/state/flood/encrypt/events"
        os.makedirs(spool, mode=0o700)
        generator = multiprocessing.Process(target=tell, args=(spool, options.rate), daemon=True)
        generator.start()
        if options.apart:
            os.sched_setaffinity(0, set(cores[:-1]))
        time.sleep(2)
        (beside_run if options.run else beside_work)(options, folder, park)
    finally:
        for one in (generator, burner):
            if one:
                one.kill()
        park.close()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
