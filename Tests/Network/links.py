"""Holds what `tributary probe` says of links against ping and iperf3, on links that tc's token bucket filter shapes.

usage: sudo python3 Tests/Network/links.py [--rates MBIT,MBIT,MBIT] [--delay SECONDS] [--megabytes N] [--binaries DIR] [--out FILE]

Each cloud is a network namespace (network.py): delay and jitter are the relay's, rates are tbf's at the cloud's own device. What a
link carries is asked of iperf3 before the run, and of the office's host, which has only been sent contributions, after it.
`make links` runs it.
"""
import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from check import iperf
from federation import CLOUDS, OFFICE, ROOT, Failed, Federation, Run
from network import Network

TOLERANCE = 0.2
JITTERY, JITTER = "east", 0.012


def shape(network, cloud, rate):
    """tbf at the only device of a cloud's namespace."""
    (device,) = [name for name in re.findall(r"^\d+: (\S+?):", network.host(cloud).run(
        ["ip", "link"], capture_output=True, text=True).stdout, re.M) if name != "lo"]
    network.host(cloud).run(["tc", "qdisc", "replace", "dev", device, "root", "tbf", "rate", f"{rate:g}mbit", "burst", "64kb",
                             "latency", "200ms"], check=True)


def ping(network, cloud):
    """The least round trip to the office, in seconds."""
    words = ["ping", "-c", "10", "-i", "0.1", network.address(OFFICE)]
    text = network.host(cloud).run(words, capture_output=True, text=True).stdout
    return min(float(time) for time in re.findall(r"time=([\d.]+) ms", text)) / 1e3


def probe(federation, run, cloud, *words, status=0):
    """What `tributary probe` says on a cloud's host."""
    result = federation.network.host(cloud).run(
        [f"{federation.binaries}/tributary", "probe", f"{federation.folder}/topology.yaml", "--state", run.state(cloud), "--format", "json",
         *words], capture_output=True, text=True)
    if result.returncode != status:
        raise Failed(f"`tributary probe` ended with {result.returncode}: {result.stderr[-800:]}{result.stdout[-800:]}")
    return json.loads(result.stdout)["data"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rates", default="40,20,10", help="of north, west and east, Mbit/s")
    parser.add_argument("--delay", type=float, default=0.05, help="there and back, seconds")
    parser.add_argument("--megabytes", type=int, default=12, help="of a contribution")
    parser.add_argument("--binaries", default=f"{ROOT}/.build/release")
    parser.add_argument("--out", default=f"{ROOT}/out/links.json")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    folder = tempfile.mkdtemp(prefix="tributary-links-", dir="/tmp")
    rates = dict(zip(CLOUDS, map(float, options.rates.split(","))))
    failures, table = [], []

    def check(what, found, low, high):
        fine = found is not None and low <= found <= high
        print(f"{'ok  ' if fine else 'FAIL'} {what}: {found if found is None else format(found, '.4g')}, expected {low:.4g} to {high:.4g}", flush=True)
        if not fine:
            failures.append(what)

    print("delay and jitter are simulated, rates are tbf's; stages, iperf3 and ping are real\n")
    with Network([*CLOUDS, OFFICE], mtu=9000) as network:
        for host in network.hosts:
            # A way is two links, and there and back is two ways.
            network.link(host, delay=options.delay / 4)
        for cloud, rate in rates.items():
            shape(network, cloud, rate)
        trips = {cloud: ping(network, cloud) for cloud in CLOUDS}
        streams = {cloud: iperf(network, cloud, OFFICE, seconds=4) for cloud in CLOUDS}
        network.link(JITTERY, jitter=JITTER)
        federation = Federation(f"{folder}/f", os.path.abspath(options.binaries), network, rounds=2, suite="clear",
                                extra="allow-clear: true\n", values=options.megabytes * 1_000_000 // 2)
        path = f"{federation.folder}/topology.yaml"
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(text.replace(f"  {OFFICE}:\n", f"  {OFFICE}:\n    probe: {network.address(OFFICE)}:5201\n"))
        run = Run(federation, "run")
        try:
            for cloud in (OFFICE, *CLOUDS):
                run.start(cloud)
            run.event("contribution_sealed", "north/encrypt", 2, 300)
            (busy,) = probe(federation, run, "north", "--active", "--cloud", "north", "--to", OFFICE, "--seconds", "1", status=1)["active"]
            print(f"     an active probe in the middle of a transfer: {busy['refusal']}")
            check("it is refused, as the link is in use (1 or 0)", float("in use" in busy["refusal"]), 1, 1)
            run.finish()
            links = {(link["from"], link["to"]): link for link in probe(federation, run, OFFICE)["links"]}
            text = network.host(OFFICE).run(
                [f"{federation.binaries}/tributary", "probe", path, "--state", run.state(OFFICE)], capture_output=True, text=True).stdout
            print("\n" + text)
            for cloud in CLOUDS:
                link = links[cloud, OFFICE]
                stream = streams[cloud] / 8
                table.append({"cloud": cloud, "rate": rates[cloud] * 1e6, "iperf3": stream, "ping": trips[cloud], "probe": link})
                check(f"{cloud} to the office, bytes/s", link["goodput_bytes_per_second"], stream * (1 - TOLERANCE), stream * (1 + TOLERANCE))
                if cloud != JITTERY:
                    check(f"{cloud}: round trip, s", link["round_trip_seconds"], trips[cloud] * (1 - TOLERANCE), trips[cloud] * (1 + TOLERANCE))
            jitters = {cloud: next((link["jitter_seconds"] for link in probe(federation, run, cloud)["links"]
                                    if (link["from"], link["to"]) == (OFFICE, cloud)), None) for cloud in CLOUDS}
            print(f"     jitter of beats to the clouds, ms: " + ", ".join(f"{cloud} {1e3 * (jitter or 0):.2f}" for cloud, jitter in jitters.items()))
            # Two draws from -12 to 12 ms lie 8 ms apart on average; RFC 3550's average has 16 beats' memory and starts at none.
            check(f"{JITTERY}'s jitter, s", jitters[JITTERY], 0.001, 0.012)
            (refused,) = probe(federation, run, "north", "--active", "--cloud", "north", "--to", "west", status=1)["active"]
            check("a cloud that allows no probe is not measured (1 or 0)", float("allows no active probes" in refused["refusal"]), 1, 1)
            listener = network.host(OFFICE).start(["iperf3", "-s"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                (active,) = probe(federation, run, "west", "--active", "--cloud", "west", "--to", OFFICE)["active"]
            finally:
                listener.kill()
                listener.wait()
            stream = streams["west"] / 8
            check("an active probe of an idle link, bytes/s", active["up_bytes_per_second"], stream * (1 - TOLERANCE), stream * (1 + TOLERANCE))
        finally:
            run.stop()
    os.makedirs(os.path.dirname(options.out), exist_ok=True)
    with open(options.out, "w") as file:
        json.dump(table, file, indent=1)
    if failures:
        print(f"what was left is in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
