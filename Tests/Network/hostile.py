"""Hostile peers against a live federation: what they cost the honest clouds, and whether the adapter is still the same.

usage: python3 Tests/Network/hostile.py [--frames N] [--rounds N] [--share S] [--frames-share S] [--binaries DIR] [--out FILE] [--seed N]

Real stages under a real launcher, over real sockets with CURVE. Four clouds have keys; three are honest, the fourth, mallory, runs
no stage: its keys are in the hands of whoever attacks, and so is that of north's ingest. Three runs with the same keys:

  quiet   nobody attacks
  frames  insiders send mutated frames to aggregate, publish and an encrypt hub, whose bounds for a peer are as good as off, so that
          every frame is decoded and answered, until the hubs have read N frames
  flood   the bounds as they are by default; all at once: insiders, wrong keys, and connections by the thousand that are half open,
          slow, or talk nonsense

The attackers have a CPU quota of their own: cgroup v2 cpu.max, or v1 cpu.cfs_quota_us, or, without root, SIGSTOP in turns. Under
attack no stage may end, the adapter must be the same byte for byte, and the honest clouds' round time at most twice
the quiet one in the median: from publish's opening to the last honest contribution counted, and from the closing to the release. What lies
between, aggregate's wait for mallory until the round's deadline, is the same in all and is left out.
"""
import argparse
import json
import multiprocessing
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import hostile_peers
from hostile_peers import Keys, Tally
from quota import Quota

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HONEST, OFFICE = ("north", "west", "east"), "office"
MAPPINGS = {"north": "mimic-carevue", "west": "mimic-metavision", "east": "eicu", "mallory": "eicu"}
DEADLINE = 4  # seconds that a round waits for mallory


class Failed(Exception):
    pass


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Federation:
    """Topology, configs, tables and keys that all runs share."""

    def __init__(self, folder, binaries, rounds):
        self.folder, self.binaries = folder, binaries
        self.ports = dict(zip(("aggregate", "publish", "encrypt"), zip(*[iter(free_ports(6))] * 2)))
        self.tool("tributary-lab", "generate", "--seed", "7", "--stays", "32", "--out", f"{folder}/tables")
        os.symlink("east", f"{folder}/tables/mallory")
        base = f"{ROOT}/models/base"
        for cloud, mapping in MAPPINGS.items():
            self.write(f"ingest-{cloud}.yaml", f"tables: tables/{cloud}\nvariables: {ROOT}/configs/variables.yaml\n"
                       f"mapping: {ROOT}/configs/mappings/{mapping}.yaml\nsplit: {{salt: test, validation: 0.2, test: 0.3}}\n")
        self.write("local-train.yaml", "trainer: none\n")
        self.write("encrypt.yaml", "threads: 1\nlimits: {maximum-share: 0.6}\n")
        self.write("aggregate.yaml", "threads: 1\n")
        self.write("publish.yaml", f"""base: {base}
base-name: tributary-base
seed: 3
rounds: {rounds}
adapter: {{rank: 8, alpha: 8, targets: [q_proj, v_proj]}}
quorum: 3
minimum-cohort: 3
deadline: {DEADLINE}s
validate-every: 0
test: false
end-grace: 2s
threads: 1
""")
        self.topology("quiet", "")
        self.topology("frames", "peer-limits: {messages: 10000000, bytes: 1TiB}\n")
        self.topology("flood", "")
        self.tool("tributary", "keys", f"{folder}/quiet.yaml", "--state", f"{folder}/all")

    def topology(self, name, limits):
        def cloud(name):
            encrypt = "encrypt.yaml"
            if name == "north":  # its hub is reached over tcp, so that it can be attacked
                encrypt += ", bind: 127.0.0.1, work: {}, news: {}".format(*self.ports["encrypt"])
            return f"""  {name}:
    owner: Owner of {name}
    stages:
      ingest: {{config: ingest-{name}.yaml}}
      local-train: {{config: local-train.yaml}}
      encrypt: {{config: {encrypt}}}
"""
        hubs = "".join("      {0}: {{config: {0}.yaml, bind: 127.0.0.1, work: {1}, news: {2}}}\n".format(kind, *self.ports[kind])
                       for kind in ("aggregate", "publish"))
        self.write(f"{name}.yaml", f"version: 1\nfederation: hostile\nsuite: paillier\nthreshold: 2\n{limits}clouds:\n"
                   + "".join(map(cloud, MAPPINGS)) + f"  {OFFICE}:\n    owner: Office\n    stages:\n{hubs}")

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w") as file:
            file.write(text)

    def tool(self, program, *words):
        subprocess.run([f"{self.binaries}/{program}", *words], check=True, stdout=subprocess.DEVNULL)


class Run:
    def __init__(self, federation, name):
        self.federation, self.name = federation, name
        self.state, self.offset, self.events = f"{federation.folder}/{name}", {}, []
        os.makedirs(self.state, mode=0o700)
        shutil.copytree(f"{federation.folder}/all/keys", f"{self.state}/keys")
        runtime = f"{federation.folder}/sockets"
        os.makedirs(runtime, mode=0o700, exist_ok=True)
        words = [f"{federation.binaries}/tributary", "up", f"{federation.folder}/{name}.yaml", "--state", self.state]
        for cloud in (*HONEST, OFFICE):
            words += ["--cloud", cloud]
        self.log = open(f"{federation.folder}/{name}.log", "w")
        self.launcher = subprocess.Popen(words, stdout=self.log, stderr=self.log, start_new_session=True,
                                         env={**os.environ, "NO_COLOR": "1", "XDG_RUNTIME_DIR": runtime})

    def read(self):
        folder = f"{self.state}/logs"
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            path = f"{folder}/{name}"
            with open(path, "rb") as file:
                file.seek(self.offset.get(path, 0))
                lines = file.read()
            whole = lines[:lines.rfind(b"\n") + 1]
            self.offset[path] = self.offset.get(path, 0) + len(whole)
            for line in whole.splitlines():
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                hours, minutes, seconds = event["time"][11:-1].split(":")
                event["at"] = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
                self.events.append(event)

    def wait(self, what, matches, seconds=120):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.read()
            for event in self.events:
                if matches(event):
                    return event
            if self.launcher.poll() is not None:
                raise Failed(f"{self.name}: the launcher ended with {self.launcher.poll()} before {what}")
            time.sleep(0.2)
        raise Failed(f"{self.name}: no {what} in {seconds} s")

    def finish(self, seconds):
        try:
            status = self.launcher.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name}: has not ended after {seconds} s") from None
        self.read()
        if status != 0:
            raise Failed(f"{self.name}: the launcher ended with {status}; see {self.federation.folder}/{self.name}.log")
        starts = [event for event in self.events if event["event"] == "stage_started"]
        if len(starts) != 3 * len(HONEST) + 2:
            raise Failed(f"{self.name}: {len(starts)} starts of {3 * len(HONEST) + 2} stages: one has ended and was started again")
        for event in self.events:
            if event["event"] in ("round_abandoned", "stage_failed"):
                raise Failed(f"{self.name}: {event}")

    def times(self):
        """Of each update round: what the honest clouds and the office have taken, without the wait for mallory."""
        rounds = {}
        for event in self.events:
            if isinstance(event.get("round"), int):
                rounds.setdefault(event["round"], []).append(event)
        times = []
        for number in sorted(rounds):
            def at(name, stage, which=max):
                found = [event["at"] for event in rounds[number] if event["event"] == name and event["stage"] == stage]
                return which(found) if found else None
            opened, counted = at("round_opened", "publish"), at("contribution_counted", "aggregate")
            closed, released = at("round_closed", "aggregate"), at("round_released", "publish")
            if None not in (opened, counted, closed, released):
                times.append((counted - opened) + (released - closed))
        return times

    def adapter(self):
        contents = {}
        for name in ("adapter_model.safetensors", "adapter_config.json"):
            with open(f"{self.state}/{OFFICE}/publish/releases/latest/{name}", "rb") as file:
                contents[name] = file.read()
        return contents

    def count(self, name):
        return sum(event["event"] == name for event in self.events)

    def stop(self):
        if self.launcher.poll() is None:
            os.killpg(self.launcher.pid, signal.SIGTERM)
            try:
                self.launcher.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.launcher.pid, signal.SIGKILL)
        self.log.close()


class Attack:
    """All who attack, in processes of their own under one quota."""

    def __init__(self, federation, run, seed, share, is_flood):
        self.tally = Tally("messages", "frames", "knocks", "connections", "raw")
        self.until = multiprocessing.Event()
        self.quota = Quota(share)
        self.processes = []
        seeds = hostile_peers.seeds()
        office = {kind: Keys.card(run.state, f"{OFFICE}/{kind}") for kind in ("aggregate", "publish")}
        cards = {**office, "encrypt": Keys.card(run.state, "north/encrypt")}
        insiders = [("mallory/encrypt", "aggregate"), ("mallory/encrypt", "publish"), ("mallory/local-train", "publish"), ("north/ingest", "encrypt")]
        for number, (stage, hub) in enumerate(insiders):
            self.start(hostile_peers.insider, seed + number, Keys(run.state, stage), cards[hub], federation.ports[hub], "hostile",
                       [*HONEST, OFFICE], seeds, self.tally, self.until)
        if is_flood:
            # Keys of the federation that have no business at these hubs, and strangers'.
            for number, (stage, hub) in enumerate((("west/ingest", "aggregate"), ("mallory/encrypt", "encrypt"))):
                for port in federation.ports[hub]:
                    self.start(hostile_peers.knocker, seed + 10 + number, Keys(run.state, stage), cards[hub], port, self.tally, self.until)
            ports = [port for pair in federation.ports.values() for port in pair]
            self.start(hostile_peers.crowd, seed + 20, ports, 3000, self.tally, self.until)

    def start(self, target, *words):
        process = hostile_peers.start(target, *words)
        self.quota.add(process.pid)
        self.processes.append(process)

    def end(self):
        self.until.set()
        self.quota.end()
        for process in self.processes:
            process.join(20)
            if process.is_alive():
                process.kill()
                process.join()
        self.quota.remove()


class HubFigures:
    """What the attacked hubs themselves have counted of those who attack by a key: their processes' metrics, made anew each second."""

    HUBS = (f"{OFFICE}/aggregate", f"{OFFICE}/publish", "north/encrypt")
    INSIDERS = ("mallory/encrypt", "mallory/local-train", "north/ingest")

    def __init__(self, run):
        self.run, self.first = run, None
        self.first = self.now()
        self.last = self.first

    def now(self):
        """Messages read and refused, and wrong keys. What honest stages send is as little as it was before the attack."""
        sums = {"read": 0, "refused": 0, "knocks refused": 0}
        for stage in self.HUBS:
            try:
                with open(f"{self.run.state}/{stage}/metrics.prom") as file:
                    lines = file.read().splitlines()
            except OSError:
                lines = []  # it has not been written yet
            for line in lines:
                name, labels, value = line.replace("{", "}").split("}") if "{" in line else (line, "", "0")
                if name == "tributary_link_messages_total" and 'direction="received"' in labels:
                    sums["read"] += float(value) if any(f'"{each}"' in labels for each in self.INSIDERS) else 0
                elif name == "tributary_messages_refused_total":
                    sums["refused"] += float(value) if any(f'"{each}"' in labels for each in self.INSIDERS) else 0
                elif name == "tributary_handshake_failures_total" and '"stranger"' in labels:
                    sums["knocks refused"] += float(value)
        return sums

    def look(self):
        """Since the attack began."""
        present = self.now()
        if self.first is None:
            return present
        # The files go when a stage has ended.
        self.last = {name: max(present[name], self.last[name]) for name in present}
        return {name: int(self.last[name] - self.first[name]) for name in present}


class HubTime:
    """What the attacked hubs' processes use of the CPU, in seconds a second, from now until they end."""

    HUBS = (f"{OFFICE}/aggregate", f"{OFFICE}/publish", "north/encrypt")

    def __init__(self, run):
        with open(f"{run.state}/launcher.json") as file:
            self.pids = {each["stage"]: each["pid"] for each in json.load(file)["stages"] if each["stage"] in self.HUBS}
        self.first, self.last = self.now(), None
        threading.Thread(target=self.watch, daemon=True).start()

    def now(self):
        used = {}
        for stage, pid in self.pids.items():
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            used[stage] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # proc(5): utime, stime
        return time.monotonic(), used

    def watch(self):
        try:
            while True:
                self.last = self.now()
                time.sleep(0.25)
        except OSError:
            pass  # the first of them has ended

    def shares(self):
        (began, before), (ended, after) = self.first, self.last or self.first
        return {stage: round((after[stage] - before[stage]) / max(ended - began, 0.01), 3) for stage in self.pids}


def frames_read(run, attack):
    """A message that is read is read with all of its frames."""
    return run.hubs.look()["read"] * attack.tally["frames"] // max(1, attack.tally["messages"])


# Why a message that was decoded is refused: by whose it is, by its run, by its round. "trial-7" is the run of the fuzzer's seeds.
REASONS = {"role": ("only office/publish announces",), "run": (" in run trial-7",), "round": ("is not open", "has been closed", " is over", "is open")}


def shortcomings(name, run, figures, frames):
    """What an attack must have caused, and has not: then it has attacked nobody, and the rest says nothing."""
    found = figures[name]
    least = {"read": 1000, "refused": 100, "message_refused": 10}
    if name == "frames":
        # Seven in ten are mutated; of the others most are refused for what they say.
        least |= {"read": frames / 8, "refused": found["read"] // 2, "offer_refused": 5}
    else:
        least |= {"peer_over_limit": 1, "handshake_refused": 3, "knocks": 50, "knocks refused": 50, "connections": 3000, "raw": 1000}
    for what, count in least.items():
        if found[what] < count:
            yield f"{name}: {what} is {found[what]:,}, and the attack must cause {int(count):,}: it has not reached the hubs, or they do not tell"
    if name == "frames":
        for what, words in REASONS.items():
            reasons = [event.get("reason", "") for event in run.events if event["event"] in ("message_refused", "offer_refused")
                       and str(event.get("from", "")).startswith(("mallory/", "north/ingest"))]
            if not any(word in reason for reason in reasons for word in words):
                yield (f"{name}: no message was refused for its {what} ({' or '.join(words)}): the documents are not sound before they are mutated "
                       "(hostile_peers.py, `seeds`)")


def carry_out(federation, name, arguments, rounds):
    run, attack = Run(federation, name), None
    try:
        run.wait("first round", lambda event: event["event"] == "contribution_counted")
        run.hub_time = HubTime(run)
        if name != "quiet":
            share = arguments.share if name == "flood" else arguments.frames_share
            attack = Attack(federation, run, arguments.seed, share, name == "flood")
        began = time.monotonic()
        run.hubs = HubFigures(run)
        if name == "frames":
            # The rounds may be over before: then --rounds was too small, and that is a failure. What is sent may wait in the
            # sender's socket: what counts is what the hubs have read, of as many frames each as were sent.
            while frames_read(run, attack) < arguments.frames and run.launcher.poll() is None:
                time.sleep(0.5)
            print(f"  {frames_read(run, attack):,} frames read of {attack.tally['frames']:,} in {attack.tally['messages']:,} messages sent in "
                  f"{time.monotonic() - began:.0f} s", flush=True)
            attack.end()
            attack.ended = True
        else:
            until = time.monotonic() + rounds * 60
            while run.launcher.poll() is None and time.monotonic() < until:
                run.hubs.look()
                time.sleep(0.5)
        run.finish(rounds * 60)
    finally:
        if attack and not getattr(attack, "ended", False):
            attack.end()
        run.stop()
    return run, attack


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--share", type=float, default=0.25, help="of one CPU, for all attackers of the flood together")
    parser.add_argument("--frames-share", type=float, default=1.0, help="the same for those who send frames")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="quiet, frames or flood beside the quiet run")
    parser.add_argument("--binaries", default=f"{ROOT}/.build/release")
    parser.add_argument("--out", help="a JSON file for the figures")
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16_384), hard))
    folder = tempfile.mkdtemp(prefix="tributary-hostile-", dir="/tmp")
    figures, failures = {"frames asked": arguments.frames}, []
    try:
        federation = Federation(folder, os.path.abspath(arguments.binaries), arguments.rounds)
        names = ["quiet"] + [name for name in ("frames", "flood") if arguments.only in (None, name)]
        adapter = None
        for name in names:
            print(name, flush=True)
            run, attack = carry_out(federation, name, arguments, arguments.rounds)
            times = run.times()[1:]  # the attack begins in the first
            figures[name] = {"rounds": len(times), "median": statistics.median(times), "worst": max(times),
                             "hubs_cpu": run.hub_time.shares()}
            words = (f"  {len(times)} rounds, median {statistics.median(times):.2f} s, worst {max(times):.2f} s; the hubs use "
                     f"{sum(figures[name]['hubs_cpu'].values()):.2f} CPUs")
            if attack:
                figures[name] |= {key: attack.tally[key] for key in ("messages", "frames", "knocks", "connections", "raw")}
                figures[name] |= {event: run.count(event) for event in ("message_refused", "peer_over_limit", "handshake_refused", "offer_refused")}
                figures[name] |= run.hubs.look()
                figures[name]["frames read"] = frames_read(run, attack)
                figures[name]["ratio"] = statistics.median(times) / figures["quiet"]["median"]
                figures[name]["worst ratio"] = max(times) / figures["quiet"]["median"]
                figures[name]["quota"] = f"{attack.quota.share} CPU by {attack.quota.words}"
                words += f", {figures[name]['ratio']:.2f} times the quiet one, the worst {figures[name]['worst ratio']:.2f} times"
                failures += shortcomings(name, run, figures, arguments.frames)
            print(words, flush=True)
            if name == "quiet":
                adapter = run.adapter()
            elif run.adapter() != adapter:
                failures.append(f"{name}: another adapter than that of the quiet run")
            if name == "frames" and figures[name]["frames read"] < arguments.frames:
                failures.append(f"frames: only {figures[name]['frames read']:,} were read before the run ended: more --rounds")
            if attack and figures[name]["ratio"] > 2:
                failures.append(f"{name}: the honest clouds' round time is more than twice the quiet one")
    except Failed as failure:
        failures.append(str(failure))
    finally:
        figures["failures"] = failures
        print(json.dumps(figures, indent=1))
        if arguments.out:
            with open(arguments.out, "w") as file:
                json.dump(figures, file, indent=1)
        if failures and os.environ.get("TRIBUTARY_KEEP"):
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
