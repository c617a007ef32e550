"""Runs an empty federation of ours: three clouds whose trainers do nothing, one aggregate, one publish, real sockets."""

import datetime
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import figures
import machine

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CACHE = os.path.join(ROOT, ".cache")
CLOUDS = {"north": "mimic-carevue", "west": "mimic-metavision", "east": "eicu"}


class Failed(Exception):
    """A run of ours that did not end well, with the last of what its stages said."""


def programs():
    return os.environ.get("TRIBUTARY_STAGES") or os.path.join(ROOT, ".build", "release")


def program(name):
    path = os.path.join(programs(), name)
    if not os.access(path, os.X_OK):
        raise Failed(f"{path} is not there: run `make build` first, or set TRIBUTARY_STAGES to where the programs are")
    return path


def tables():
    """A few generated stays for ingest, which every cloud has; they play no part in the rounds."""
    folder = os.path.join(CACHE, "bench", "tables")
    if not os.path.isdir(folder):
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        subprocess.run(
            [program("tributary-lab"), "generate", "--stays", "20", "--out", folder], check=True,
            stdout=subprocess.DEVNULL)
    return folder


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def write_files(folder, suite, values, rounds, bits, threads):
    """The topology and its config files; answers the topology's path."""
    # "threshold" is paillier under a key that the clouds share; everywhere else publish has it.
    keys = "threshold" if suite == "threshold" else "publisher"
    suite = "paillier" if suite == "threshold" else suite
    ports = free_ports(4)

    def write(name, text):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)

    split = "split: {salt: bench, validation: 0.1, test: 0.3}\n"
    clouds = ""
    for cloud, mapping in CLOUDS.items():
        write(
            f"ingest-{cloud}.yaml",
            f"tables: {tables()}/{cloud}\nvariables: {ROOT}/configs/variables.yaml\n"
            f"mapping: {ROOT}/configs/mappings/{mapping}.yaml\n{split}")
        clouds += (
            f"  {cloud}:\n    owner: {cloud}\n    stages:\n"
            f"      ingest: {{config: ingest-{cloud}.yaml}}\n"
            f"      local-train: {{config: local-train.yaml}}\n"
            f"      encrypt: {{config: encrypt.yaml}}\n")
    write("local-train.yaml", "trainer: none\nthreads: 1\n")
    write("encrypt.yaml", f"threads: {threads}\nlimits: {{minimum-cohort: 3, maximum-share: 0.6, rounds: 100000}}\n")
    write("aggregate.yaml", f"threads: {threads}\n")
    write(
        "publish.yaml",
        f"values: {values}\nrounds: {rounds}\nbits: {bits}\nminimum-cohort: 3\ndeadline: 10m\n"
        f"validate-every: 0\ntest: false\nthreads: {threads}\nseed: 1\n")
    write(
        "topology.yaml",
        f"version: 1\nfederation: bench\nrun: bench\nsuite: {suite}\n"
        + ("allow-clear: true\n" if suite == "clear" else "")
        + (f"keys: {keys}\n" if suite != "secagg" else "")
        + ("allow-one-operator: true\n" if keys == "publisher" and suite != "secagg" else "")
        + f"clouds:\n{clouds}"
        f"  coordinator:\n    owner: coordinator\n    stages:\n      aggregate: {{config: aggregate.yaml, "
        f"bind: 127.0.0.1, work: {ports[0]}, news: {ports[1]}}}\n"
        f"  release:\n    owner: release\n    stages:\n      publish: {{config: publish.yaml, "
        f"bind: 127.0.0.1, work: {ports[2]}, news: {ports[3]}}}\n")
    return os.path.join(folder, "topology.yaml")


class MemoryWatch(threading.Thread):
    """High-water marks of a launcher's children, by stage. A high-water mark never falls, so the last reading before the
    process ends is the peak, but for what is allocated in the last few hundredths of a second."""

    INTERVAL = 0.04
    # Proportional sets have no high-water mark and cost the kernel a walk, so they are looked at less often.
    LOOKS_PER_WALK = 10

    def __init__(self, launcher):
        super().__init__(daemon=True)
        self.launcher = launcher
        self.peaks = {}
        self.proportional = {}
        self.processor = {}
        self.ended = threading.Event()

    def children(self):
        try:
            with open(f"/proc/{self.launcher}/task/{self.launcher}/children") as file:
                return [int(word) for word in file.read().split()]
        except (FileNotFoundError, ProcessLookupError):
            return []

    def run(self):
        names = {}
        looks = 0
        while not self.ended.wait(self.INTERVAL):
            looks += 1
            for process in self.children():
                reading = machine.memory(process)
                if reading is None:
                    continue
                if process not in names:
                    words = machine.command(process)
                    kind = os.path.basename(words[0]).removeprefix("tributary-") if words else ""
                    if not kind or "--cloud" not in words:
                        continue  # between fork and exec it is still the launcher
                    names[process] = f"{words[words.index('--cloud') + 1]}/{kind}"
                name = names[process]
                self.peaks[name] = max(self.peaks.get(name, 0), reading[1])
                if looks % self.LOOKS_PER_WALK == 0:
                    self.proportional[name] = max(
                        self.proportional.get(name, 0), machine.proportional(process) or 0)
                self.processor[name] = machine.processor_seconds(process) or self.processor.get(name, 0)
            own = machine.memory(self.launcher)
            if own:
                self.peaks["launcher"] = max(self.peaks.get("launcher", 0), own[1])


def instant(text):
    """Seconds since 1970 of an event's time (RFC 3339 with nanoseconds)."""
    whole, fraction = text.rstrip("Z").split(".")
    moment = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return moment.timestamp() + float("0." + fraction)


def events(state):
    """Every event of every stage, oldest first."""
    found = []
    folder = os.path.join(state, "logs")
    for name in os.listdir(folder):
        if name.endswith(".jsonl"):
            with open(os.path.join(folder, name)) as file:
                for line in file:
                    try:
                        event = json.loads(line)
                    except ValueError:
                        found.append({"at": 0, "cloud": name, "stage": "", "event": "stray", "reason": line.strip()})
                        continue
                    event["at"] = instant(event["time"])
                    found.append(event)
    return sorted(found, key=lambda event: event["at"])


def complaints(found):
    return [
        f"{event.get('cloud')}/{event.get('stage')} {event['event']}: {event.get('reason', '')}"
        for event in found if event.get("level") in ("warning", "error") or event["event"] == "stray"]


def run(values, rounds, suite, bits=12, threads=1, limit=600, keep=False):
    """One run from nothing to the last release.

    Answers seconds between successive openings (the first round apart: it has the start-up in it), start-up times counted
    from the start of `tributary up`, bytes, and peak memory by stage.
    """
    state = tempfile.mkdtemp(prefix="tb-", dir="/tmp")
    files = os.path.join(state, "files")
    os.mkdir(files)
    try:
        topology = write_files(files, suite, values, rounds, bits, threads)
        keys = subprocess.run(
            [program("tributary"), "keys", topology, "--state", state], capture_output=True, text=True)
        if keys.returncode != 0:
            raise Failed(f"tributary keys: {keys.stderr.strip() or keys.stdout.strip()}")
        load = machine.load()
        foreign = machine.ForeignWork()
        with open(os.path.join(state, "up.txt"), "w+") as output:
            began = machine.now()
            launcher = subprocess.Popen(
                [program("tributary"), "up", topology, "--state", state, "--fail-fast", "--stages", programs()], stdout=output,
                stderr=subprocess.STDOUT)
            watch = MemoryWatch(launcher.pid)
            watch.start()
            try:
                status = launcher.wait(timeout=limit)
            except subprocess.TimeoutExpired:
                launcher.send_signal(signal.SIGTERM)
                try:
                    launcher.wait(timeout=40)
                except subprocess.TimeoutExpired:
                    launcher.kill()
                    launcher.wait()
                status = None
            watch.ended.set()
            watch.join()
            output.seek(0)
            said = output.read()
        found = events(state)
        if status != 0:
            why = f"did not end within {limit} s" if status is None else f"exit status {status}"
            raise Failed(f"tributary up: {why}\n" + "\n".join(said.splitlines()[-8:] + complaints(found)[-8:]))
        return measured(found, began, values, rounds, suite, bits) | {
            "memory": watch.peaks,
            "peaks": {
                stage: {"resident": peak, "proportional": watch.proportional.get(stage) or peak}
                for stage, peak in watch.peaks.items()},
            "processor_seconds": watch.processor,
            "processor_seconds_per_round": sum(watch.processor.values()) / rounds,
            "load": load,
            "foreign_cores": foreign.cores(),
            "complaints": complaints(found),
        }
    finally:
        if keep:
            print(f"kept {state}")
        else:
            shutil.rmtree(state, ignore_errors=True)


def measured(found, began, values, rounds, suite, bits):
    def times(event, stage):
        return {e.get("round"): e["at"] for e in found if e["event"] == event and e["stage"] == stage}

    opened = times("round_opened", "publish")
    released = times("round_released", "publish")
    if len(opened) != rounds or len(released) != rounds:
        raise Failed(f"{len(opened)} rounds opened and {len(released)} released, expected {rounds}")
    order = sorted(opened)
    starts = [opened[number] for number in order] + [released[order[-1]]]
    seconds = [after - before for before, after in zip(starts, starts[1:])]
    joined = [e["at"] for e in found if e["event"] == "round_joined" and e["stage"] == "encrypt" and e["round"] == order[0]]
    sealed = [e["bytes"] for e in found if e["event"] == "contribution_sealed"]
    wire = [e["wire_bytes"] for e in found if e["event"] == "contribution_receipted"]
    return {
        "values": values,
        "suite": suite,
        "bits": bits,
        "round_seconds": figures.summary(seconds[1:]),
        "first_round_seconds": seconds[0],
        "first_opening_seconds": starts[0] - began,
        "all_joined_seconds": max(joined) - began,
        "first_release_seconds": released[order[0]] - began,
        "contribution_bytes": max(sealed),
        "contribution_wire_bytes": figures.summary(wire),
        "phases": phases(found, order),
    }


def phases(found, order):
    """Where the time of a round goes: medians over rounds of the last of each event after the opening."""
    marks = [
        ("trained", "round_trained", "local-train"), ("sealed", "contribution_sealed", "encrypt"),
        ("counted", "contribution_counted", "aggregate"), ("closed", "round_closed", "aggregate"),
        ("released", "round_released", "publish"),
    ]
    opened = {e["round"]: e["at"] for e in found if e["event"] == "round_opened"}
    result = {}
    for name, event, stage in marks:
        last = {}
        for e in found:
            if e["event"] == event and e["stage"] == stage:
                last[e["round"]] = max(last.get(e["round"], 0), e["at"])
        samples = [last[number] - opened[number] for number in order[1:] if number in last]
        if samples:
            result[name] = figures.summary(samples)["median"]
    return result


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description="One empty run of ours, as JSON.")
    parser.add_argument("--values", type=float, default=1e6)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--suite", default="clear", choices=["clear", "paillier", "threshold", "secagg"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bits", type=int, default=12)
    parser.add_argument("--keep", action="store_true", help="leave the state folder behind")
    options = parser.parse_args()
    try:
        print(
            json.dumps(
                run(
                    int(options.values), options.rounds, options.suite, bits=options.bits, threads=options.threads,
                    keep=options.keep), indent=1))
    except Failed as failure:
        raise SystemExit(f"federation.py: {failure}")
