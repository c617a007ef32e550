"""How good the model becomes by each way of putting clouds' updates together, where clouds are alike, differ, are slow, or lie.

Real stages of three generated clouds (`tributary-lab generate --split`): every cloud measures alike; patients are dealt evenly, or by a
Dirichlet distribution of outcomes. `slow`: one cloud's local-train has a quarter of a CPU. `lying`: one cloud trains on turned
outcomes. Every run does the same number of local steps. The figure is the AUROC on the test patients of all clouds, who are as
they are even in the lying cloud, after the last update; nothing is chosen by them.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time

import federation
import learning
from figures import Table

sys.path.append(os.path.join(federation.ROOT, "Tests", "Network"))
from quota import Quota  # noqa: E402

VALIDATION, TEST = 0.15, 0.35
SPLIT = f"{{salt: modes, validation: {VALIDATION}, test: {TEST}}}"
LIAR = ["--liar", "east", "--salt", "modes", "--validation", str(VALIDATION), "--test", str(TEST)]
SETTINGS = {
    "even": ["--split", "even"],
    "Dirichlet .5": ["--split", "dirichlet", "--alpha", "0.5"],
    "Dirichlet .1": ["--split", "dirichlet", "--alpha", "0.1"],
    "slow": ["--split", "even"],
    "lying": ["--split", "even", *LIAR],
}
# The second paper's aggregators are `fedavg`, `quality` (its dynamic weights, in the form that can be defended), `gradient` and `buffered`.
MODES = {
    "fedavg": "",
    "uniform": "weights: {mode: uniform}",
    "quality": "weights: {mode: quality, beta: 1}",
    "qffl": "weights: {mode: qffl}",
    "reciprocal": "weights: {mode: reciprocal}",
    "literal": "weights: {mode: literal}",
    "nesterov": "outer: {optimizer: nesterov}",
    "adam": "outer: {optimizer: adam}",
    "proximal": "proximal: 0.01",
    "buffered": "quorum: 2\npace: {mode: buffered}",
    "gradient": "local-optimizer: sgd\nouter: {optimizer: adam, rate: 0.006}",
}
LIMITS = "weights: [fedavg, uniform, quality, qffl, reciprocal, literal], tells-loss: true, maximum-share: 1"


def publish(name, options):
    """A gradient's round is one step: as many rounds as the others do steps. A buffer holds two of three updates: half as many again."""
    rounds, steps, every, rate = options.updates, options.steps, 1, "0.006"
    if name == "gradient":
        # What is sent is the gradient itself, no longer than `gradient-clip`; the outer Adam steps at the others' rate.
        rounds, steps, every, rate = options.updates * options.steps, 1, options.steps, "1\nrange: 0.05"
    if name == "buffered":
        rounds += rounds // 2
    return (f"rounds: {rounds}\nlocal-steps: {steps}\nbatch-size: 32\nlearning-rate: {rate}\nadapter: {{rank: 16, alpha: 32}}\n"
            f"validate-every: {every}\nkeep-releases: 2\n{MODES[name]}\n")


def run(name, setting, seed, options):
    state = tempfile.mkdtemp(prefix="tb-", dir="/tmp")
    quota = None
    try:
        topology = learning.write(
            state, suite="clear", seed=seed, tables=["--stays", str(options.stays), *SETTINGS[setting]], bits=12,
            split=SPLIT, publish=publish(name, options), limits=LIMITS,
            least=2 if name == "buffered" else 3)
        began = time.monotonic()

        def slow_down(launcher):
            nonlocal quota
            if setting == "slow":
                quota = slowed(launcher)

        found = learning.carry_out(state, topology, options.limit, f"{name}, {setting}, seed {seed}", slow_down)
        return {"auroc": learning.test_auroc(found), "seconds": time.monotonic() - began}
    finally:
        if quota:
            quota.end()
        shutil.rmtree(state, ignore_errors=True)
        if quota:
            quota.remove()


def slowed(launcher):
    """A quarter of a CPU for west's local-train, as soon as it is there."""
    quota = Quota(0.25)
    while launcher.poll() is None:
        with open(f"/proc/{launcher.pid}/task/{launcher.pid}/children") as file:
            for process in file.read().split():
                try:
                    with open(f"/proc/{process}/cmdline") as command:
                        words = command.read().split("\0")
                except FileNotFoundError:
                    continue
                if words[0].endswith("tributary-local-train") and "west" in words:
                    quota.add(int(process))
                    return quota
        time.sleep(0.05)
    return quota


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--stays", type=int, default=500, help="of a cloud, on average")
    parser.add_argument("--steps", type=int, default=12, help="local steps of an update")
    parser.add_argument("--updates", type=int, default=5)
    parser.add_argument("--modes", nargs="*", default=list(MODES), choices=list(MODES), metavar="MODE")
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS), choices=list(SETTINGS), metavar="SETTING")
    parser.add_argument("--limit", type=int, default=900, help="seconds a run")
    parser.add_argument("--json", default=os.path.join(federation.ROOT, "out", "modes.json"), help="goes on from what is in it")
    options = parser.parse_args()
    results = {}
    if os.path.exists(options.json):
        with open(options.json) as file:
            results = json.load(file)
    os.makedirs(os.path.dirname(options.json), exist_ok=True)
    for seed in options.seeds:
        for setting in options.settings:
            for name in options.modes:
                key = f"{name} | {setting} | {seed} | {options.stays} {options.updates} {options.steps}"
                if key in results:
                    continue
                results[key] = run(name, setting, seed, options)
                print(f"{key}: AUROC {results[key]['auroc']:.3f}, {results[key]['seconds']:.0f} s", flush=True)
                with open(options.json, "w") as file:
                    json.dump(results, file, indent=1)
    table = Table(
        f"AUROC on all clouds' test patients, means over seeds {options.seeds} (least to most)", ["", *options.settings])
    for name in options.modes:
        cells = []
        for setting in options.settings:
            values = [
                results[f"{name} | {setting} | {seed} | {options.stays} {options.updates} {options.steps}"]["auroc"]
                for seed in options.seeds]
            cells.append(f"{statistics.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})")
        table.row(name, *cells)
    table.show()


if __name__ == "__main__":
    main()
