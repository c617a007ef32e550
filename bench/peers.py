"""Empty rounds of ours, of NVIDIA FLARE and of Flower in alternation: three clients, FedAvg, one array.

usage: python3 bench/peers.py [--sizes 1e6,...] [--repeat N] [--peers flare,flower] [--out FILE]
"""

import argparse
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import environments
import federation
import figures
import machine
from figures import Table, megabytes, number, ratio, shown
from rounds import SIZES
from run import words

APPS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "apps")
PACKAGES = {"flare": ["nvflare==2.9.0", "numpy"], "flower": ["flwr==1.41.0", "numpy"]}
ROUNDS = {"flare": {"1e7": 6}, "flower": {"1e7": 4}}


# NVIDIA FLARE's processes name their folder: the server's parent and its job, and a site's.
SERVER = re.compile(r"/server(/|\s|$)")


class Failed(Exception):
    """A peer's run that did not end well, with what it said."""


class TreeWatch(threading.Thread):
    """Peak memory of processes that the words of their command lines tell apart: at each look the sum over the group, of
    resident sets (pages that processes share are counted for each) and of proportional ones (shared pages divided)."""

    INTERVAL = 0.25

    def __init__(self, group):
        super().__init__(daemon=True)
        self.group = group
        self.peaks = {}
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(self.INTERVAL):
            sums = {}
            for entry in os.listdir("/proc"):
                if not entry.isdigit():
                    continue
                name = self.group(int(entry))
                reading = machine.memory(entry) if name else None
                if reading:
                    resident, proportional = sums.get(name, (0, 0))
                    sums[name] = (resident + reading[0], proportional + (machine.proportional(entry) or reading[0]))
            for name, (resident, proportional) in sums.items():
                before = self.peaks.get(name, {"resident": 0, "proportional": 0})
                self.peaks[name] = {
                    "resident": max(before["resident"], resident),
                    "proportional": max(before["proportional"], proportional),
                }


def tail(path, lines=8):
    try:
        with open(path, errors="replace") as file:
            return "\n".join(file.read().splitlines()[-lines:])
    except FileNotFoundError:
        return f"{path} was not written"


def expect_steps(final, rounds):
    """The mean of the clients' steps, so often: 0.002 a round. Otherwise it was not these rounds that were measured."""
    wanted = 0.002 * rounds
    if not final or any(abs(value - wanted) > 1e-3 * wanted for value in final):
        raise Failed(f"the final model lies in {final}, expected {wanted:.4f}: not every client was in every round")


def flare(python, values, rounds, folder):
    def group(process):
        text = " ".join(machine.command(process))
        if folder not in text or "flare_job.py" in text:
            return None
        return "server" if SERVER.search(text) else ("site" if "/site-1" in text else None)

    watch = TreeWatch(group)
    watch.start()
    began = machine.now()
    environment = os.environ | {"NVFLARE_POC_WORKSPACE": os.path.join(folder, "poc"), "HOME": folder}
    environment["PATH"] = os.path.dirname(python) + os.pathsep + environment["PATH"]
    with open(os.path.join(folder, "said.txt"), "w") as said:
        status = subprocess.run(
            [python, os.path.join(APPS, "flare_job.py"), str(values), str(rounds), folder], env=environment, cwd=folder,
            stdout=said, stderr=subprocess.STDOUT, timeout=1200).returncode
    watch.ended.set()
    watch.join()
    if status != 0 or not os.path.exists(os.path.join(folder, "driver.json")):
        raise Failed(f"exit status {status}\n{tail(os.path.join(folder, 'said.txt'))}")
    with open(os.path.join(folder, "driver.json")) as file:
        driver = json.load(file)
    receipts = []
    for path in glob.glob(os.path.join(folder, "*.times")):
        with open(path) as file:
            notes = [[float(word) for word in line.split()] for line in file]
        receipts.append([time for time, *_ in notes])
        if len(notes) != rounds:
            raise Failed(f"{path} has {len(notes)} tasks, expected {rounds}; the job: {driver['status']}")
        # What it was given last is the mean of all rounds before.
        expect_steps(notes[-1][1:], rounds - 1)
    if len(receipts) != 3:
        raise Failed(f"{len(receipts)} sites had tasks, expected 3; the job: {driver['status']}")
    firsts = [min(times) for times in zip(*receipts)]
    return {
        "round_seconds": figures.summary([after - before for before, after in zip(firsts[1:], firsts[2:])]),
        "first_task_seconds": firsts[0] - began,
        "server": watch.peaks.get("server"),
        "site": watch.peaks.get("site"),
    }


def flower(python, values, rounds, folder):
    binaries = os.path.dirname(python)
    home = os.path.join(folder, "home")
    app = os.path.join(folder, "app")
    os.makedirs(home)
    shutil.copytree(os.path.join(APPS, "flower"), app)
    ports = federation.free_ports(4)
    link = f"127.0.0.1:{ports[0]}"
    with open(os.path.join(home, "config.toml"), "w") as file:
        file.write(f'[superlink]\ndefault = "bench"\n\n[superlink.bench]\naddress = "{link}"\ninsecure = true\n')
    environment = os.environ | {
        "FLWR_HOME": home, "HOME": folder, "FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1",
        "PATH": binaries + os.pathsep + os.environ["PATH"], "TRIBUTARY_BENCH": folder}
    roots = {}
    processes = []

    def group(process):
        return next((name for name in roots if process in trees.get(name, ())), None)

    trees = {}

    def refresh():
        for name, root in roots.items():
            trees[name] = set(machine.tree(root))

    def start(name, *command):
        said = open(os.path.join(folder, f"{name}.txt"), "w")
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
        said.close()
        processes.append(process)
        return process

    watch = TreeWatch(group)
    began = machine.now()
    try:
        server = start(
            "superlink", f"{binaries}/flower-superlink", "--insecure", "--host", "127.0.0.1", "--port", str(ports[0]),
            "--disable-runtime-dependency-installation")
        roots["server"] = server.pid
        refresher = Refresher(refresh)
        refresher.start()
        watch.start()
        wait_for_port(ports[0], server, os.path.join(folder, "superlink.txt"))
        for index in range(3):
            node = start(
                f"supernode-{index}", f"{binaries}/flower-supernode", "--insecure", "--superlink", link, "--port",
                str(ports[1 + index]), "--node-config", f"partition-id={index} num-partitions=3")
            if index == 0:
                roots["site"] = node.pid
        config = f'values={values} rounds={rounds} folder="{folder}"'
        submit = subprocess.run(
            [f"{binaries}/flwr", "run", app, "bench", "--run-config", config], env=environment, cwd=folder,
            capture_output=True, text=True, timeout=120)
        if submit.returncode != 0:
            raise Failed(f"flwr run: exit status {submit.returncode}\n{(submit.stdout + submit.stderr)[-800:]}")
        done = os.path.join(folder, "driver.json")
        deadline = time.monotonic() + 900
        while not os.path.exists(done):
            if time.monotonic() > deadline or server.poll() is not None:
                raise Failed(
                    f"no end after {machine.now() - began:.0f} s\n{submit.stdout[-400:]}\n"
                    + tail(os.path.join(folder, "superlink.txt")))
            time.sleep(0.1)
        with open(done) as file:
            driver = json.load(file)
    finally:
        watch.ended.set()
        if watch.is_alive():
            watch.join()
            refresher.ended.set()
        for process in reversed(processes):
            end(process)
    expect_steps(driver["final"], rounds)
    noted = driver["rounds"]
    return {
        "round_seconds": figures.summary([each["ended"] - each["began"] for each in noted[1:]]),
        "first_task_seconds": noted[0]["began"] - began,
        "first_release_seconds": noted[0]["ended"] - began,
        "server": watch.peaks.get("server"),
        "site": watch.peaks.get("site"),
    }


class Refresher(threading.Thread):
    """Calls something a few times a second."""

    def __init__(self, body):
        super().__init__(daemon=True)
        self.body = body
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(0.2):
            self.body()


def wait_for_port(port, process, log):
    import socket

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failed(f"ended with {process.returncode}\n{tail(log)}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise Failed(f"nothing listens on port {port} after 60 s\n{tail(log)}")


def end(process):
    """Ends a process and the session it leads."""
    for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            continue


def ours(values, rounds, suite="clear"):
    result = federation.run(values, rounds, suite)
    site = max(
        ({kind: sum(peak[kind] for stage, peak in result["peaks"].items() if stage.startswith(f"{cloud}/"))
          for kind in ("resident", "proportional")} for cloud in federation.CLOUDS),
        key=lambda peak: peak["resident"])
    server = {
        kind: sum(peak[kind] for stage, peak in result["peaks"].items() if stage.endswith(("/aggregate", "/publish")))
        for kind in ("resident", "proportional")}
    return {
        "round_seconds": result["round_seconds"],
        "first_task_seconds": result["first_opening_seconds"],
        "first_release_seconds": result["first_release_seconds"],
        "server": server,
        "site": site,
    }


PEERS = {"flare": flare, "flower": flower}
NAMES = {"ours": "ours (clear)", "flare": "NVIDIA FLARE", "flower": "Flower"}


def measure(options):
    pythons, versions, absent = {}, {}, {}
    for name in options.peers:
        try:
            pythons[name] = environments.environment(name, PACKAGES[name])
            versions[name] = environments.versions(pythons[name], [PACKAGES[name][0].split("==")[0]])
        except environments.NotInstalled as failure:
            absent[name] = str(failure)
            print(f"{NAMES[name]}: not installed: {failure}")
    runs = []
    for repetition in range(options.repeat):
        for size in options.sizes:
            for name in ["ours", *pythons]:
                rounds = {"1e7": 8}.get(size, 21) if name == "ours" else ROUNDS[name].get(size, 8)
                print(f"{NAMES[name]}: {size} values, {rounds} rounds ({repetition + 1}/{options.repeat})", flush=True)
                foreign, load = machine.ForeignWork(), machine.load()
                folder = tempfile.mkdtemp(prefix="tp-", dir="/tmp")
                try:
                    if name == "ours":
                        result = ours(SIZES[size], rounds)
                    else:
                        result = PEERS[name](pythons[name], SIZES[size], rounds, folder)
                except (Failed, federation.Failed, subprocess.TimeoutExpired) as failure:
                    print(f"  failed: {failure}")
                    result = {"failed": str(failure)}
                finally:
                    if not options.keep:
                        shutil.rmtree(folder, ignore_errors=True)
                runs.append(result | {"who": name, "size": size, "load": load, "foreign_cores": foreign.cores()})
    return {"versions": versions, "absent": absent, "runs": runs, "summary": summarise(runs)}


def summarise(runs):
    groups = {}
    for run in runs:
        if "failed" not in run:
            groups.setdefault((run["size"], run["who"]), []).append(run)
    rows = []
    for (size, who), group in groups.items():
        row = {
            "size": size,
            "who": who,
            "round_seconds": figures.summary([s for run in group for s in run["round_seconds"]["samples"]]),
            "first_task_seconds": figures.summary([run["first_task_seconds"] for run in group]),
            "load": [run["load"] for run in group],
        }
        for part in ("server", "site"):
            for kind in ("resident", "proportional"):
                row[f"{part}_{kind}_bytes"] = max((run[part][kind] for run in group if run[part]), default=None)
        rows.append(row)
    for row in rows:
        base = next((other for other in rows if other["size"] == row["size"] and other["who"] == "ours"), None)
        if base and row["who"] != "ours":
            row["ours_to_theirs"] = {
                "round_seconds": ratio(base["round_seconds"], row["round_seconds"]),
                "first_task_seconds": ratio(base["first_task_seconds"], row["first_task_seconds"]),
            } | {
                key: base[key] / row[key] if base[key] and row[key] else None
                for key in row if key.endswith("_bytes")
            }
    return rows


def show(report):
    table = Table(
        "Empty rounds beside peers: three clients, FedAvg, one float32 array",
        ["values", "who", "s/round", "ours/theirs", "start: first task", "server RSS", "PSS", "one site RSS", "PSS"])
    for row in report["summary"]:
        against = row.get("ours_to_theirs", {}).get("round_seconds")
        table.row(
            row["size"], NAMES[row["who"]], shown(row["round_seconds"]), f"1/{1 / against:.1f}" if against else "",
            f"{row['first_task_seconds']['median']:.1f} s",
            *(megabytes(row[key]) for key in (
                "server_resident_bytes", "server_proportional_bytes", "site_resident_bytes", "site_proportional_bytes")))
    for name, why in report["absent"].items():
        table.note(f"{NAMES[name]} is missing: {why.splitlines()[0]}")
    for run in report["runs"]:
        if "failed" in run:
            table.note(f"{NAMES[run['who']]} at {run['size']} failed: {run['failed'].splitlines()[0]}")
    table.note("A round of NVIDIA FLARE sits on a polling floor of about 2.5 s, one of Flower on sleeps of 3 s: below some size")
    table.note("theirs is waiting, not work. Ours sends 2 bytes a value up (12 bits, quantised) where theirs sends 4.")
    table.note("Flower ran in plaintext, NVIDIA FLARE over mTLS, ours over CURVE with every payload synced to disk.")
    table.show()


def main():
    parser = argparse.ArgumentParser(description="Empty rounds of ours and of the peers, in alternation.")
    parser.add_argument("--sizes", type=words(SIZES), default=list(SIZES))
    parser.add_argument("--peers", type=words(PEERS), default=list(PEERS))
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the peers' folders behind")
    parser.add_argument("--out", default=os.path.join(federation.ROOT, "out", "peers.json"))
    options = parser.parse_args()
    report = machine.report("peers")
    report |= measure(options)
    report["load_at_end"] = machine.load()
    show(report)
    os.makedirs(os.path.dirname(os.path.abspath(options.out)), exist_ok=True)
    figures.write(options.out, report)
    print(f"\nload average {report['load_at_end']:.2f}; written to {options.out}")
    return 1 if any("failed" in run for run in report["runs"]) else 0


if __name__ == "__main__":
    sys.exit(main())
