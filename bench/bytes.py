"""Bytes to a target: what each cloud sends and gets until the federation's model is as good as fp32 FedAvg makes it.

Generated clouds as the demo's. The peer is federated averaging of both factors in 32 bits a value, in clear (`adapter: {mode:
inexact}`, whose sum is not exact); the others are encrypted. Each run is evaluated after every update. The target is the best
validation AUROC of the peer over its updates, less `--slack`; counted is all that goes over the links of a cloud's stages to other
clouds, both directions: openings, contributions, what clouds show each other to open a sum, receipts, adapters, beats. What
evaluations alone add (contributions, shares and evidence of those rounds) is counted apart, as it is a matter of how often one looks.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time

import federation
import learning
from figures import Table

ADAPTER = "rank: 16, alpha: 32"
SPARSE = "{fraction: 0.1, rotation: 0.2, margin: 2, error-feedback: 0.9}"
MODES = {
    "fp32 FedAvg, A and B": dict(suite="clear", adapter="mode: inexact", bits=30),
    "freezeA, 8 bits, secagg": dict(suite="secagg", adapter="mode: freezeA", bits=8),
    "freezeA, 5 bits, a tenth of the values, secagg": dict(
        suite="secagg", adapter="mode: freezeA", bits=5, compression=SPARSE),
    "freezeA, 5 bits, a tenth of the values, threshold": dict(
        suite="threshold", adapter="mode: freezeA", bits=5, compression=SPARSE),
    "alternate, 8 bits, secagg": dict(suite="secagg", adapter="mode: alternate", bits=8),
    "core, 6 bits, secagg": dict(suite="secagg", adapter="mode: core", bits=6, compression="{margin: 2}", rate=0.02),
    "core, 6 bits, publisher's key": dict(
        suite="paillier", adapter="mode: core", bits=6, compression="{margin: 2}", rate=0.02),
    "core, 6 bits, threshold": dict(
        suite="threshold", adapter="mode: core", bits=6, compression="{margin: 2}", rate=0.02),
}
PEER = next(iter(MODES))
LINE = re.compile(r'^tributary_link_bytes_total\{(.*)\} (\S+)$')


class Traffic(threading.Thread):
    """The link counters of each data cloud's stages, again and again: (how old at most, bytes by cloud)."""

    def __init__(self, state):
        super().__init__(daemon=True)
        self.state, self.samples, self.ended = state, [], threading.Event()

    def look(self):
        oldest, totals = float("inf"), {}
        for cloud in federation.CLOUDS:
            for kind in ("ingest", "local-train", "encrypt"):
                path = os.path.join(self.state, cloud, kind, "metrics.prom")
                try:
                    oldest = min(oldest, os.stat(path).st_mtime)
                    with open(path) as file:
                        text = file.read()
                except FileNotFoundError:
                    return
                for line in text.splitlines():
                    if found := LINE.match(line):
                        peer = dict(re.findall(r'(\w+)="([^"]*)"', found[1]))["peer"]
                        if peer.split("/")[0] != cloud and peer != "followers":
                            totals[cloud] = totals.get(cloud, 0) + float(found[2])
        self.samples.append((oldest, totals))

    def run(self):
        while not self.ended.wait(0.25):
            self.look()

    def at(self, moment):
        """Bytes by cloud as first counted after a moment."""
        return next((totals for oldest, totals in self.samples if oldest >= moment), self.samples[-1][1])


def run(mode, seed, updates, target, options):
    state = tempfile.mkdtemp(prefix="tb-", dir="/tmp")
    try:
        compression = f"compression: {mode['compression']}\n" if "compression" in mode else ""
        topology = learning.write(
            state, suite=mode["suite"], seed=seed, tables=["--stays", str(options.stays)], bits=mode["bits"],
            split="{salt: bytes, validation: 0.3, test: 0.1}", limits="maximum-share: 0.6, inexact: true",
            publish=f"rounds: {updates}\nlocal-steps: {options.steps}\nbatch-size: 32\nschedule: constant\n"
            f"learning-rate: {mode.get('rate', 0.006)}\nadapter: {{{ADAPTER}, {mode['adapter']}}}\n"
            f"test: false\nkeep-releases: 2\n{compression}")
        traffic = Traffic(state)
        traffic.start()
        with open(os.path.join(state, "up.txt"), "w+") as output:
            launcher = subprocess.Popen(
                [federation.program("tributary"), "up", topology, "--state", state, "--fail-fast", "--stages", federation.programs()],
                stdout=output, stderr=subprocess.STDOUT)
            status = wait(launcher, state, target, options.limit)
        traffic.look()
        traffic.ended.set()
        traffic.join()
        found = federation.events(state)
        if status != 0:
            raise federation.Failed("\n".join([f"exit status {status}"] + federation.complaints(found)[-8:]))
        return curve(found, traffic)
    finally:
        shutil.rmtree(state, ignore_errors=True)


def wait(launcher, state, target, limit):
    """Until the run ends, or is as good as the target: what it would do after that is of no account."""
    log, ends = os.path.join(state, "logs", "release-publish.jsonl"), time.monotonic() + limit
    while launcher.poll() is None:
        time.sleep(1)
        if time.monotonic() > ends:
            launcher.terminate()
            launcher.wait()
            return None
        if target is None or not os.path.exists(log):
            continue
        with open(log) as file:
            reached = [
                event for event in map(json.loads, filter(lambda line: line.endswith("\n"), file))
                if event["event"] == "round_released" and event.get("auroc", 0) >= target]
        if reached:
            time.sleep(2.5)  # counters are written once a second
            launcher.terminate()
            launcher.wait()
            return 0
    return launcher.returncode


def curve(found, traffic):
    """After each evaluation: updates so far, AUROC, bytes by cloud, and what of them evaluations alone have cost."""
    purposes = {e["round"]: e["purpose"] for e in found if e["event"] == "round_opened"}
    points, updates = [], 0
    for event in (e for e in found if e["event"] == "round_released"):
        updates += event["purpose"] == "update"
        if event["purpose"] != "evaluation":
            continue
        looks = {cloud: 0 for cloud in federation.CLOUDS}
        for other in found:
            if other.get("at", 0) <= event["at"] and purposes.get(other.get("round")) == "evaluation":
                looks_at = other.get("cloud")
                if other["event"] in ("contribution_receipted", "share_receipted"):
                    looks[looks_at] += other["wire_bytes"]
                elif other["event"] == "share_made":
                    looks[looks_at] += other["evidence_bytes"]
        points.append({"updates": updates, "auroc": event.get("auroc"), "bytes": traffic.at(event["at"]), "looks": looks})
    return points


def reached(points, target):
    """The first point that is as good: updates, mean bytes a cloud without and with what evaluations cost."""
    for point in points:
        if point["auroc"] is not None and point["auroc"] >= target:
            total = statistics.mean(point["bytes"].values())
            return point["updates"], total - statistics.mean(point["looks"].values()), total
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--stays", type=int, default=600, help="of each cloud")
    parser.add_argument("--steps", type=int, default=12, help="local steps of an update")
    parser.add_argument("--updates", type=int, default=10, help="of the peer; the others may take five times as many")
    parser.add_argument("--slack", type=float, default=0.005)
    parser.add_argument("--modes", nargs="*", default=[], help="parts of names; all without any")
    parser.add_argument("--limit", type=int, default=1800, help="seconds a run")
    parser.add_argument("--json", help="write everything there")
    options = parser.parse_args()
    names = [PEER] + [
        name for name in MODES if name != PEER and (not options.modes or any(part in name for part in options.modes))]
    results = {name: {} for name in names}
    for seed in options.seeds:
        target = None
        for name in names:
            began = time.monotonic()
            points = run(MODES[name], seed, options.updates * (1 if name == PEER else 5), target, options)
            if name == PEER:
                target = max(point["auroc"] for point in points) - options.slack
            results[name][seed] = {"target": target, "points": points, "reached": reached(points, target)}
            hit = results[name][seed]["reached"]
            said = f"{hit[1]:,.0f} bytes in {hit[0]} updates" if hit else "not reached"
            print(
                f"seed {seed}, {name}: {said} to AUROC {target:.4f}; {time.monotonic() - began:.0f} s; AUROC "
                + " ".join(f"{point['auroc']:.3f}" for point in points), flush=True)
            if options.json:
                with open(options.json, "w") as file:
                    json.dump(results, file, indent=1)
    table = Table(
        f"Bytes a cloud to the target, medians over seeds {options.seeds} (least to most)",
        ["", "updates", "bytes", "with evaluations", "times fewer than fp32 FedAvg"])
    for name in names:
        hits = [results[name][seed]["reached"] for seed in options.seeds]
        if None in hits:
            table.row(name, f"reached in {len([hit for hit in hits if hit])} of {len(hits)}", "", "", "")
            continue
        ratios = [results[PEER][seed]["reached"][1] / results[name][seed]["reached"][1] for seed in options.seeds]

        def spread(values, shown="{:,.0f}"):
            return f"{shown} ({shown} to {shown})".format(statistics.median(values), min(values), max(values))

        table.row(
            name, spread([hit[0] for hit in hits]), spread([hit[1] for hit in hits]), spread([hit[2] for hit in hits]),
            spread(ratios, "{:.1f}"))
    table.show()


if __name__ == "__main__":
    main()
