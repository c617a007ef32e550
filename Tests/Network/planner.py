"""Update rounds with the planner and without it, where one cloud computes at a fraction of the others' speed and another's link is slow.

usage: sudo python3 Tests/Network/planner.py [--slow FACTOR] [--rates MBIT,MBIT,MBIT] [--delay SECONDS] [--rounds N] [--steps N]
                                             [--binaries DIR] [--out FILE]

Each cloud is a network namespace (network.py); training is real. The slow cloud's local-train has a share of a CPU (quota.py). Both ways do the same work: on average a cloud does --steps local steps a round. Printed: seconds of a round, what the
planner expected of each and what it took. `make links` runs it.
"""
import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile

from federation import CLOUDS, OFFICE, ROOT, Failed, Federation, Run
from network import Network
from quota import Quota

SLOW = "west"


def carry_out(folder, options, network, planner):
    federation = Federation(f"{folder}/{'planned' if planner else 'plain'}", os.path.abspath(options.binaries), network,
                            rounds=options.rounds, steps=options.steps, suite="clear", extra="allow-clear: true\n")
    path = f"{federation.folder}/publish.yaml"
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text + planner)
    run, brake = Run(federation, "run"), None
    try:
        for cloud in (OFFICE, *CLOUDS):
            run.start(cloud)
        # Once the engine is there.
        run.wait("training", lambda event: event["event"] == "training_started" and event["cloud"] == SLOW, 300)
        brake = Quota(1 / options.slow)
        brake.add(run.pid(f"{SLOW}/local-train"))
        run.wait("the last update's release", lambda event: event["event"] == "round_released" and event.get("final"), 600)
        brake.end()
        run.finish()
    finally:
        if brake:
            brake.end()
        run.stop()
        if brake:
            brake.remove()
    opened = {event["round"]: event["at"] for event in run.events if event["event"] == "round_opened" and event["purpose"] == "update"}
    seconds = [event["at"] - opened[event["round"]] for event in run.events
               if event["event"] == "round_released" and event["from"] == f"{OFFICE}/publish" and event["round"] in opened]
    compared = [(event["predicted_seconds"], event["actual_seconds"]) for event in run.events if event["event"] == "plan_compared"]
    paces = [event["paces"] for event in run.events if event["event"] == "round_planned"]
    return {"seconds": seconds, "compared": compared, "paces": paces}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slow", type=float, default=4, help=f"how many times {SLOW} is slower")
    parser.add_argument("--rates", default="100,100,100", help="of north, west and east, Mbit/s")
    parser.add_argument("--delay", type=float, default=0.05, help="there and back, seconds")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--binaries", default=f"{ROOT}/.build/release")
    parser.add_argument("--out", default=f"{ROOT}/out/planner.json")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    folder = tempfile.mkdtemp(prefix="tributary-planner-", dir="/tmp")
    with Network([*CLOUDS, OFFICE], mtu=9000) as network:
        for host in network.hosts:
            network.link(host, delay=options.delay / 4)
        for cloud, rate in zip(CLOUDS, map(float, options.rates.split(","))):
            network.link(cloud, rate=rate * 1e6)
        try:
            results = {name: carry_out(folder, options, network, planner)
                       for name, planner in (("plain", ""), ("planned", "planner: {}\n"))}
        except Failed as failure:
            print(f"FAILED: {failure}\nwhat was left is in {folder}")
            return 1
    # The first round loads the engine, the second is the first that is planned, by what the first was like.
    plain = statistics.median(results["plain"]["seconds"][2:])
    planned = statistics.median(results["planned"]["seconds"][2:])
    errors = [predicted / actual - 1 for predicted, actual in results["planned"]["compared"][1:]]
    for paces, (predicted, actual) in zip(results["planned"]["paces"], results["planned"]["compared"]):
        print(f"  {', '.join(paces):40} expected {predicted:6.2f} s, took {actual:6.2f} s")
    print(f"{SLOW} {options.slow:g} times slower, {options.rates} Mbit/s, {options.delay * 1e3:g} ms: a round takes {plain:.2f} s without the planner and "
          f"{planned:.2f} s with it (medians from the third on): {plain / planned:.2f} times as quick; expectations are off by "
          f"{100 * statistics.median(map(abs, errors)):.0f} % in the middle and {100 * max(map(abs, errors)):.0f} % at most")
    os.makedirs(os.path.dirname(options.out), exist_ok=True)
    with open(options.out, "w") as file:
        json.dump(results, file, indent=1)
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
