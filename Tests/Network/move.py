"""Moves aggregate from one host to another in the middle of a round of many bytes, over links with a rate and a delay.

usage: sudo python3 Tests/Network/move.py [--megabytes N] [--rates MBIT,...] [--delay SECONDS] [--binaries DIR] [--out FILE]

Each cloud is a network namespace (network.py) with a launcher of its own; every operator applies the same changed topology on his own
host. When it is moved, aggregate has signed for the contributions of two of the three clouds; the third's link is so slow that most of
its own is still to come. Nobody may train or seal again, and the adapter must be that of the same run undisturbed, byte for byte.
`make faults` runs it.
"""
import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time

from check import iperf
from federation import CLOUDS, OFFICE, ROOT, Failed, Federation, Run
from network import Network

ROUND, NEW = 1, "north"
# Its contribution would take minutes.
SLOW, SLOW_RATE = "east", 5e5


def carry_out(federation, name, rate, is_moved):
    network, run = federation.network, Run(federation, name)
    carried, began = network.counts["bytes"], time.monotonic()
    result = {}
    if is_moved:
        network.link(SLOW, rate=SLOW_RATE)
    try:
        for cloud in (OFFICE, *CLOUDS):
            run.start(cloud)
        if is_moved:
            for cloud in CLOUDS:
                event = "contribution_sealed" if cloud == SLOW else "contribution_receipted"
                run.event(event, f"{cloud}/encrypt", ROUND, 600)
            start = time.time()
            for cloud in sorted((*CLOUDS, OFFICE), key=lambda cloud: (cloud == SLOW, cloud != NEW, cloud != OFFICE)):
                if cloud == SLOW:
                    network.link(SLOW, rate=rate)
                run.apply(cloud, "moved.yaml")
            result["applied_seconds"] = time.time() - start
        aggregate = f"{NEW if is_moved else OFFICE}/aggregate"
        closed = run.event("round_closed", aggregate, ROUND, 600)
        released = run.event("round_released", f"{OFFICE}/publish", ROUND, 600)
        if is_moved:
            result |= {"sum_seconds": closed["at"] - start, "release_seconds": released["at"] - start}
        run.finish()
        result |= {"seconds": time.monotonic() - began, "adapter": run.adapter(), "wire_bytes": network.counts["bytes"] - carried}
    finally:
        run.stop()
        network.link(SLOW, rate=rate)

    def events(name, stage=""):
        return [event for event in run.events if event["event"] == name and stage in event["from"]]
    counts = {"trained": len(events("round_trained")), "sealed": len(events("contribution_sealed")),
              "counted": len(events("contribution_counted", aggregate)), "abandoned": len(events("round_abandoned"))}
    expected = {"trained": 3, "sealed": 3, "counted": 3, "abandoned": 0}
    if is_moved:
        counts["closed before"] = len(events("round_closed", f"{OFFICE}/aggregate"))
        counts["offered again"] = len(events("contribution_offered"))
        expected |= {"closed before": 0, "offered again": 3}
    result |= {"counts": counts, "sealed_bytes": sum(event["bytes"] for event in events("contribution_sealed"))}
    if counts != expected:
        raise Failed(f"{counts}, expected {expected} ({run.folder})")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=100, help="of contributions in the round")
    parser.add_argument("--rates", default="1000,200", help="of each host's link, Mbit/s")
    parser.add_argument("--delay", type=float, default=0.02, help="there and back, seconds")
    parser.add_argument("--binaries", default=f"{ROOT}/.build/release")
    parser.add_argument("--out", default=f"{ROOT}/out/move.json")
    options = parser.parse_args()
    # Whoever ends it early leaves no namespaces.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    folder = tempfile.mkdtemp(prefix="tributary-move-", dir="/tmp")
    # Two bytes a value, three clouds.
    values = options.megabytes * 1_000_000 // 6
    results, failed = [], 0
    print("the network is simulated (TUN devices and a relay), clouds are namespaces of this machine, stages are real processes\n")
    with Network([*CLOUDS, OFFICE], mtu=9000) as network:
        federation = Federation(f"{folder}/f", os.path.abspath(options.binaries), network, rounds=1, suite="clear",
                                extra="allow-clear: true\n", values=values)
        federation.write_topology("moved.yaml", aggregate=NEW)
        for rate in map(float, options.rates.split(",")):
            for host in network.hosts:
                # A way is two links, and there and back is two ways.
                network.link(host, rate=rate * 1e6, delay=options.delay / 4)
            found = iperf(network, "north", OFFICE)
            print(f"links of {rate:g} Mbit/s, {options.delay * 1e3:g} ms there and back; one TCP stream: {found / 1e6:.0f} Mbit/s", flush=True)
            result = {"rate": rate * 1e6, "delay": options.delay, "tcp": found}
            try:
                quiet = result["quiet"] = carry_out(federation, f"quiet-{rate:g}", rate * 1e6, is_moved=False)
                moved = result["moved"] = carry_out(federation, f"moved-{rate:g}", rate * 1e6, is_moved=True)
                is_same = moved["adapter"] == quiet["adapter"]
                failed += not is_same
                print(f"  undisturbed {quiet['seconds']:.1f} s, {quiet['wire_bytes'] / 1e6:.0f} MB between the hosts\n"
                      f"  moved       {moved['seconds']:.1f} s, {moved['wire_bytes'] / 1e6:.0f} MB between the hosts; from the first `apply` "
                      f"{moved['applied_seconds']:.1f} s until all have applied it, {moved['sum_seconds']:.1f} s to the sum, "
                      f"{moved['release_seconds']:.1f} s to the release\n"
                      f"  trained {moved['counts']['trained']} times, sealed {moved['counts']['sealed']} times, {moved['sealed_bytes']} bytes of "
                      f"contributions; {'the same adapter' if is_same else 'ANOTHER ADAPTER'}", flush=True)
            except Failed as failure:
                failed += 1
                result["failed"] = str(failure)
                print(f"  FAILED: {failure}", flush=True)
            results.append(result)
    os.makedirs(os.path.dirname(options.out), exist_ok=True)
    with open(options.out, "w") as file:
        json.dump(results, file, indent=1)
    if failed:
        print(f"what was left is in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
