"""What differential privacy costs: the AUROC of adapters trained under DP-SGD, by epsilon of a patient.

Real stages of three generated clouds. For each epsilon the noise is what dp-accounting (Google's) says it takes over the run's steps; the
epsilon that publish signed in its manifest is shown beside it. `inf` samples and clips the same, with almost no noise; `without` is
the ordinary run with as many steps. The figure is the AUROC on the test patients of all clouds after the last update; nothing is
chosen by them. Needs the reference environment (`make reference`).
"""

import argparse
import json
import logging
import os
import shutil
import statistics
import tempfile
import time

import federation
import learning
from figures import Table

DELTA = 1e-5
# Steps under noise so small that epsilon says nothing: what sampling and clipping alone cost.
BARELY = 0.001


def multiplier(epsilon, sampling, steps):
    """The least noise, in clips, that keeps so many sampled steps within an epsilon, to a thousandth."""
    logging.disable(logging.WARNING)  # it leaves small fractional orders out, and says so for each
    from dp_accounting import dp_event
    from dp_accounting.rdp import RdpAccountant

    def spent(noise):
        step = dp_event.PoissonSampledDpEvent(sampling, dp_event.GaussianDpEvent(noise))
        return RdpAccountant().compose(dp_event.SelfComposedDpEvent(step, steps)).get_epsilon(DELTA)

    low, high = 0.1, 200.0
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (low, middle) if spent(middle) <= epsilon else (middle, high)
    return high


def run(name, seed, options):
    state = tempfile.mkdtemp(prefix="tb-", dir="/tmp")
    try:
        noise = None
        if name != "without":
            noise = BARELY if name == "inf" else multiplier(float(name), options.sampling, options.updates * options.steps)
        steps = (f"privacy: {{noise: {noise}, clip: {options.clip}, sampling: {options.sampling}, delta: {DELTA:.1e}}}\n"
                 if noise else "batch-size: 32\n")
        topology = learning.write(
            state, suite="clear", seed=seed, tables=["--stays", str(options.stays)], bits=12,
            split="{salt: privacy, validation: 0.1, test: 0.3}", limits="maximum-share: 0.6",
            publish=f"rounds: {options.updates}\nlocal-steps: {options.steps}\nlearning-rate: {options.rate if noise else options.rate_without}\n"
            f"adapter: {{mode: {options.adapter}, rank: {options.rank}, alpha: {2 * options.rank}}}\nvalidate-every: 0\ntest: true\nkeep-releases: 2\n{steps}")
        began = time.monotonic()
        found = learning.carry_out(state, topology, options.limit, f"epsilon {name}, seed {seed}")
        with open(os.path.join(state, "release", "publish", "releases", "latest", "manifest.json")) as file:
            said = json.load(file)["privacy"].get("differential_privacy")
        return {"auroc": learning.test_auroc(found),
                "noise": noise, "signed": said["training"]["epsilon"] if said else None, "seconds": time.monotonic() - began}
    finally:
        shutil.rmtree(state, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--epsilons", nargs="*", default=["1", "2", "4", "8", "inf", "without"])
    parser.add_argument("--stays", type=int, default=1000, help="of a cloud")
    parser.add_argument("--steps", type=int, default=6, help="local steps of an update")
    parser.add_argument("--updates", type=int, default=5)
    parser.add_argument("--sampling", type=float, default=0.2)
    parser.add_argument("--clip", type=float, default=0.1)
    parser.add_argument("--rate", type=float, default=0.05, help="of steps under noise: the clip was chosen with it, on population 11")
    parser.add_argument("--rate-without", type=float, default=0.02)
    parser.add_argument("--adapter", default="core", help="the fewer values, the less noise in all")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--limit", type=int, default=1800, help="seconds a run")
    parser.add_argument("--json", default=os.path.join(federation.ROOT, "out", "privacy.json"), help="goes on from what is in it")
    options = parser.parse_args()
    results = {}
    if os.path.exists(options.json):
        with open(options.json) as file:
            results = json.load(file)
    os.makedirs(os.path.dirname(options.json), exist_ok=True)
    settings = f"{options.stays} {options.updates} {options.steps} {options.sampling} {options.clip} {options.rate} {options.adapter} {options.rank}"
    for seed in options.seeds:
        for name in options.epsilons:
            key = f"{name} | {seed} | {settings}"
            if key in results:
                continue
            results[key] = made = run(name, seed, options)
            print(f"{key}: AUROC {made['auroc']:.3f}, noise {made['noise']}, epsilon {made['signed']}, {made['seconds']:.0f} s", flush=True)
            with open(options.json, "w") as file:
                json.dump(results, file, indent=1)
    table = Table(
        f"AUROC by epsilon of a patient, delta {DELTA:.0e}, means over seeds {options.seeds} (least to most)",
        ["epsilon", "noise, in clips", "signed", "AUROC"])
    for name in options.epsilons:
        made = [results[f"{name} | {seed} | {settings}"] for seed in options.seeds]
        values = [each["auroc"] for each in made]
        noise, signed = made[0]["noise"], max((each["signed"] or 0 for each in made), default=0)
        table.row(
            name, f"{noise:.3f}" if noise else "-", f"{signed:.4f}" if signed else "-",
            f"{statistics.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})")
    table.show()


if __name__ == "__main__":
    main()
