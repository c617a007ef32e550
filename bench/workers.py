"""What a cloud of two workers does when one of them becomes slow: round times with records parted once and for all, and by the speeds that are seen.

Real stages of three generated clouds; north has two local-train. Each local-train has --share of a CPU, its own whatever the others do;
after a third of the updates north's second worker is left a quarter of that.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time

import federation
import learning
from figures import Table

sys.path.append(os.path.join(federation.ROOT, "Tests", "Network"))
from quota import Quota  # noqa: E402

SLOW = ("north", "2")


def run(mode, options):
    state = tempfile.mkdtemp(prefix="tb-", dir="/tmp")
    quotas = []
    try:
        topology = learning.write(
            state, suite="clear", seed=1, tables=["--stays", str(options.stays), "--split", "even"], bits=12,
            split="{salt: workers, validation: 0.02, test: 0.2}",
            publish=f"rounds: {options.updates}\nlocal-steps: {options.steps}\nbatch-size: {options.batch}\nlearning-rate: 0.003\n"
                    "adapter: {rank: 8, alpha: 16}\nvalidate-every: 0\ntest: false\n", limits="maximum-share: 0.6")
        with open(topology) as file:
            text = file.read()
        with open(topology, "w") as file:
            file.write(text.replace(
                "  north:\n    owner: north\n", f"  north:\n    owner: north\n    partition: {{mode: {mode}}}\n").replace(
                "      local-train: {config: local-train.yaml}\n",
                "      local-train: {config: local-train.yaml}\n      local-train-2: {config: local-train.yaml}\n", 1))
        federation.subprocess.run(
            [federation.program("tributary"), "keys", topology, "--state", state], check=True, stdout=federation.subprocess.DEVNULL)
        found = learning.carry_out(
            state, topology, options.limit, mode,
            lambda launcher: threading.Thread(target=slow_down, args=(launcher, state, options, quotas), daemon=True).start())
    finally:
        for quota in quotas:
            quota.end()
        shutil.rmtree(state, ignore_errors=True)
        for quota in quotas:
            quota.remove()
    releases = sorted(
        federation.instant(event["time"]) for event in found
        if event["event"] == "round_released" and event["purpose"] == "update" and event["stage"] == "publish")
    parts = [event["parts"] for event in found if event["event"] == "partition_changed"]
    return [later - earlier for earlier, later in zip(releases, releases[1:])], parts


def slow_down(launcher, state, options, quotas):
    """Quotas as soon as the stages are there; the slow worker's after a third of the updates."""
    seen, slow = {}, None
    while launcher.poll() is None:
        with open(f"/proc/{launcher.pid}/task/{launcher.pid}/children") as file:
            for process in map(int, file.read().split()):
                words = federation.machine.command(process)
                if process in seen or not words or os.path.basename(words[0]) != "tributary-local-train" or "--cloud" not in words:
                    continue
                name = words[words.index("--cloud") + 1], words[words.index("--worker") + 1] if "--worker" in words else "1"
                seen[process] = name
                quotas.append(Quota(options.share))
                quotas[-1].add(process)
        told = federation.events(state) if os.path.isdir(os.path.join(state, "logs")) else []
        done = sum(event["event"] == "round_released" and event["stage"] == "publish" for event in told)
        if slow is None and done > options.updates // 3:
            slow = Quota(options.share / 4)
            quotas.append(slow)
            for process, name in seen.items():
                if name == SLOW:
                    slow.add(process)
        time.sleep(0.2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stays", type=int, default=300, help="of a cloud, on average")
    parser.add_argument("--updates", type=int, default=30)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--share", type=float, default=0.3, help="of a CPU, for each local-train")
    parser.add_argument("--limit", type=int, default=600, help="seconds a run")
    parser.add_argument("--json", default=os.path.join(federation.ROOT, "out", "workers.json"))
    options = parser.parse_args()
    table = Table(
        "seconds of an update round (medians)", ["", "both as fast", "the second slowed: first 4", "last 5", "north's records, in the end"])
    results = {}
    for mode in ("fixed", "monitored"):
        rounds, parts = run(mode, options)
        third = options.updates // 3
        results[mode] = {"rounds": rounds, "parts": parts}
        table.row(
            mode, *(f"{statistics.median(some):.2f}" for some in (rounds[2:third], rounds[third + 1:third + 5], rounds[-5:])),
            ", ".join(parts[-1]))
    os.makedirs(os.path.dirname(options.json), exist_ok=True)
    with open(options.json, "w") as file:
        json.dump(results, file, indent=1)
    table.show()


if __name__ == "__main__":
    main()
