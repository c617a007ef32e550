"""How long it takes to a model that is as good as averaging makes it, by the links' rate and delay, where one cloud computes slowly.

usage: sudo python3 Tests/Network/target.py [--rates MBIT,...] [--delays MS,...] [--modes MODE,...] [--rounds N] [--share S] [--slow FACTOR]
                                            [--stays N] [--seeds SEED ...] [--slack A] [--binaries DIR] [--out FILE]

Each cloud is a network namespace (network.py: rate and delay by the relay); training is real. Every cloud's local-train has a CPU quota
(quota.py) so that the clouds' speeds are what is said and not what the others leave them: --share of a CPU, and of that one part in
--slow for west's. In clear, as the way to the target is the same encrypted. Rates at 50 ms there and back, delays at 100 Mbit/s.

Of each run all releases are scored afterwards on patients whom no cloud trained on; what counts is the mean of three releases in a row. The target is
what plain averaging in 32 bits comes to in the same setting and with the same seed (the median of its later half), less --slack. Printed: seconds from the
second update's opening to the first release that is as good, times quicker than plain, and how far the planner's expectations were off. `make
target` runs it.
"""
import argparse
import concurrent.futures
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

from federation import CLOUDS, MAPPINGS, OFFICE, ROOT, Failed, Federation, Run
from network import Network
from quota import Quota

SLOW = "west"
SCORING = concurrent.futures.ThreadPoolExecutor(1)
PLAIN = "plain, fp32"
ALL = "quorum: 3\nminimum-cohort: 3\n"
MODES = {
    PLAIN: ALL + "bits: 30\n",
    "plain, 8 bits": ALL + "bits: 8\n",
    "planned": ALL + "bits: 8\nplanner: {least-bits: 6}\n",
    "buffered": "quorum: 2\nminimum-cohort: 2\nbits: 8\npace: {mode: buffered}\n",
}


def prepare(folder, options, network, mode, rounds, seed):
    made = Federation(folder, os.path.abspath(options.binaries), network, suite="clear", extra="allow-clear: true\n")
    shutil.rmtree(f"{folder}/tables")
    made.tool("tributary-lab", "generate", "--seed", str(seed), "--stays", str(options.stays), "--split", "even", "--out", f"{folder}/tables")
    for cloud in CLOUDS:
        made.write(f"ingest-{cloud}.yaml", f"tables: tables/{cloud}\nvariables: {ROOT}/configs/variables.yaml\n"
                   f"mapping: {ROOT}/configs/mappings/{MAPPINGS[cloud]}.yaml\nsplit: {{salt: target, validation: 0.02, test: 0.48}}\n")
    made.write("encrypt.yaml", "threads: 1\nlimits: {minimum-cohort: 2, maximum-share: 0.6, rounds: 100000}\n")
    made.write("publish.yaml", f"""base: {ROOT}/models/base
base-name: tributary-base
variables: {ROOT}/configs/variables.yaml
seed: {seed}
rounds: {rounds}
local-steps: {options.steps}
batch-size: {options.batch}
learning-rate: {options.learning_rate}
schedule: constant
adapter: {{rank: {options.rank}, alpha: {2 * options.rank}}}
deadline: 30m
validate-every: 0
test: false
threads: 1
{mode}""")
    return made


def carry_out(folder, options, network, mode, seed):
    """Seconds after the first opening of each release, with its AUROC; and what the planner expected."""
    made = prepare(folder, options, network, MODES[mode], options.rounds * (2 if mode == "buffered" else 1), seed)
    run, quotas = Run(made, "run"), []
    try:
        for cloud in (OFFICE, *CLOUDS):
            run.start(cloud)
        for cloud in CLOUDS:
            run.wait(f"{cloud}'s engine", lambda event, cloud=cloud: event["event"] == "training_started" and event["cloud"] == cloud, 300)
            quotas.append(Quota(options.share / (options.slow if cloud == SLOW else 1)))
            quotas[-1].add(run.pid(f"{cloud}/local-train"))
        run.wait("the last release", lambda event: event["event"] == "round_released" and event.get("final"), options.limit)
        for quota in quotas:
            quota.end()
        run.finish()
    finally:
        for quota in quotas:
            quota.end()
        run.stop()
        for quota in quotas:
            quota.remove()
    run.read()
    updates = [event for event in run.events if event["event"] == "round_opened" and event["purpose"] == "update"]
    # The first round has the engine's start in it, and ran without quotas.
    began = updates[1]["at"]
    released = {event["round"]: event["at"] - began for event in run.events
                if event["event"] == "round_released" and event["from"] == f"{OFFICE}/publish" and event["purpose"] == "update"}
    folders = sorted(os.path.join(parent, name) for parent, names, _ in os.walk(f"{run.state(OFFICE)}/{OFFICE}/publish/releases")
                     for name in names if name != "latest" and os.path.exists(os.path.join(parent, name, "adapter_model.safetensors")))
    compared = [(event["predicted_seconds"], event["actual_seconds"]) for event in run.events if event["event"] == "plan_compared"]
    times = sorted(released.values())
    return {"curve": SCORING.submit(scored, made, folders, released), "compared": compared, "trained": training(run), "update": statistics.median(b - a for a, b in zip(times, times[1:]))}


def scored(made, folders, released):
    """Seconds, AUROC and round of each release. The next run goes on meanwhile, so this has the lowest priority."""
    lines = subprocess.run(["nice", "-n", "19", f"{made.binaries}/tributary-lab", "score", f"{made.folder}/topology.yaml", *folders],
                           check=True, capture_output=True, text=True).stdout.splitlines()
    curve = []
    for line in lines:
        auroc, release = line.split(" ", 1)
        with open(f"{release}/manifest.json") as file:
            number = json.load(file)["round"]
        if number in released:
            curve.append((released[number], float(auroc), number))
    return sorted(curve)


def training(run):
    """Median seconds from an opening to its vector, by cloud, once quotas held."""
    opened = {event["round"]: event["at"] for event in run.events if event["event"] == "round_opened"}
    taken = {}
    for event in run.events:
        if event["event"] == "round_trained" and event["round"] in opened:
            taken.setdefault(event["cloud"], []).append(event["at"] - opened[event["round"]])
    return {cloud: statistics.median(seconds[2:] or seconds) for cloud, seconds in taken.items()}


def smoothed(curve):
    """A release's AUROC is the mean of its own and the two before it: a single one goes up and down by a hundredth."""
    return [(at, statistics.fmean(auroc for _, auroc, _ in curve[max(0, place - 2):place + 1])) for place, (at, _, _) in enumerate(curve)]


def level(curve):
    """What a run comes to: the median over the later half of its updates."""
    values = [auroc for _, auroc in smoothed(curve)]
    return statistics.median(values[len(values) // 2:])


def reached(curve, target):
    return next((seconds for seconds, auroc in smoothed(curve)[2:] if auroc >= target), None)


def table(results, modes):
    """Times as quick as plain, the median over the seeds, with each seed's; and how far expectations were off, of all seeds' updates."""
    lines = ["| rate | there and back | " + " | ".join(modes) + " | expected, off by |", "|---" * (len(modes) + 3) + "|"]
    for rate, delay in dict.fromkeys((row["rate"], row["delay"]) for row in results):
        rows = [row for row in results if (row["rate"], row["delay"]) == (rate, delay)]
        cells = []
        for mode in modes:
            of_mode = [row for row in rows if row["mode"] == mode]
            ratios = [row["ratio"] or 0 for row in of_mode]
            if mode == modes[0]:
                cells.append(f"{statistics.median(row['seconds'] for row in of_mode):.1f} s")
            else:
                cells.append(f"**{statistics.median(ratios):.2f}** ({', '.join(f'{ratio:.2f}' if ratio else 'never' for ratio in ratios)})")
        errors = [error for row in rows for error in row["errors"]]
        cells.append(f"{100 * statistics.median(errors):.0f} % in the middle, {100 * sorted(errors)[len(errors) * 9 // 10]:.0f} % nine of ten" if errors else "-")
        lines.append(f"| {rate:g} Mbit/s | {delay:g} ms | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rates", default="10,50,100,300,1000", help="Mbit/s, at 50 ms")
    parser.add_argument("--delays", default="5,20,100,200", help="ms there and back, at 100 Mbit/s")
    parser.add_argument("--modes", default=";".join(MODES), help="separated by semicolons; the plain one is always run")
    parser.add_argument("--rounds", type=int, default=30, help="updates; twice as many buffered ones")
    parser.add_argument("--steps", type=int, default=4, help="local steps of an update")
    parser.add_argument("--batch", type=int, default=4, help="records of a step")
    parser.add_argument("--learning-rate", type=float, default=0.0006)
    parser.add_argument("--rank", type=int, default=128)
    parser.add_argument("--stays", type=int, default=400)
    parser.add_argument("--share", type=float, default=0.4, help="of a CPU, for a cloud's local-train")
    parser.add_argument("--slow", type=float, default=4, help=f"how many times slower {SLOW} computes")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2], help="of the patients and of the training")
    parser.add_argument("--slack", type=float, default=0.01)
    parser.add_argument("--limit", type=int, default=900, help="seconds a run")
    parser.add_argument("--binaries", default=f"{ROOT}/.build/release")
    parser.add_argument("--keep", action="store_true", help="what the runs leave")
    parser.add_argument("--out", default=f"{ROOT}/out/target.json")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    settings = [(float(rate), 50.0) for rate in filter(None, options.rates.split(","))]
    settings += [(100.0, float(delay)) for delay in filter(None, options.delays.split(","))]
    modes = [PLAIN] + [name for name in MODES if name != PLAIN and name in options.modes.split(";")]
    folder, results = tempfile.mkdtemp(prefix="tributary-target-", dir="/tmp"), []
    os.makedirs(os.path.dirname(os.path.abspath(options.out)), exist_ok=True)
    for seed in options.seeds:
        for rate, delay in settings:
            runs = {}
            for mode in modes:
                with Network([*CLOUDS, OFFICE], mtu=9000) as network:
                    for host in network.hosts:
                        network.link(host, delay=delay / 4000)
                    for cloud in CLOUDS:
                        network.link(cloud, rate=rate * 1e6)
                    try:
                        runs[mode] = carry_out(f"{folder}/{len(results)}-{len(runs)}", options, network, mode, seed)
                    except Failed as failure:
                        print(f"FAILED: {failure}\nwhat was left is in {folder}")
                        return 1
            for mode, result in runs.items():
                result["curve"] = result["curve"].result()
                if mode == PLAIN:
                    target = level(result["curve"]) - options.slack
                    plain = reached(result["curve"], target)
                seconds = reached(result["curve"], target)
                errors = [abs(predicted / actual - 1) for predicted, actual in result["compared"][1:]]
                said = f"{seconds:.1f} s, {plain / seconds:.2f} times as quick" if seconds else "not reached"
                if errors:
                    said += f"; expectations off by {100 * statistics.median(errors):.0f} % in the middle, {100 * max(errors):.0f} % at most"
                print(f"{rate:g} Mbit/s, {delay:g} ms, seed {seed}, {mode}: AUROC {target:.4f} {said}; an update {result['update']:.2f} s, "
                      "to the vector " + ", ".join(f"{cloud} {took:.2f} s" for cloud, took in sorted(result["trained"].items())), flush=True)
                results.append({"rate": rate, "delay": delay, "seed": seed, "mode": mode, "target": target, "seconds": seconds,
                                "ratio": plain / seconds if seconds else None, "errors": errors, **result})
            with open(options.out, "w") as file:
                json.dump(results, file, indent=1)
    print(table(results, modes))
    if options.keep:
        print(f"kept: {folder}")
    else:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
