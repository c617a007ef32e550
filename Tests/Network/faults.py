"""Faults on real processes and a simulated network: what is done to a run, and whether the adapter is still that of the quiet run.

usage: sudo python3 Tests/Network/faults.py [--only TEXT] [--binaries DIR] [--out FILE]

Every cloud is a network namespace (network.py), every stage a real process under a real launcher. Each fault is healed before the
round's deadline, so the adapter must be the same, byte for byte. `make faults` runs all.
"""
import argparse
import errno
import json
import os
import shutil
import signal
import sys
import tempfile
import time

from federation import CLOUDS, OFFICE, ROOT, Failed, Federation, Run
from network import Network

ROUND = 3  # the second update round: the first is of statistics
CUT = 12  # seconds of a cut or a standstill: beyond the heartbeats' timeout of 10 s
PHASES = {  # after which event whose stage is hit
    "ingest": ("round_joined", "{office}/aggregate", "west/ingest"),
    "local-train, training": ("round_joined", "west/encrypt", "west/local-train"),
    "local-train, trained": ("round_trained", "west/local-train", "west/local-train"),
    "encrypt, before sealing": ("round_joined", "west/encrypt", "west/encrypt"),
    "encrypt, sealed": ("contribution_sealed", "west/encrypt", "west/encrypt"),
    "encrypt, opening": ("round_closed", "{office}/aggregate", "west/encrypt"),
    "aggregate, opened": ("round_joined", "{office}/aggregate", "{office}/aggregate"),
    "aggregate, counting": ("contribution_counted", "{office}/aggregate", "{office}/aggregate"),
    "aggregate, closed": ("round_closed", "{office}/aggregate", "{office}/aggregate"),
    "publish, open": ("round_joined", "{office}/aggregate", "{office}/publish"),
    "publish, closed": ("round_closed", "{office}/aggregate", "{office}/publish"),
    "publish, a share made": ("share_made", "north/encrypt", "{office}/publish"),
}


def at(run, phase):
    event, of, stage = (text.format(office=OFFICE) for text in PHASES[phase])
    run.event(event, of, ROUND)
    return stage


def kill(phase):
    return lambda run: run.signal(at(run, phase), signal.SIGKILL)


def stand_still(phase):
    def fault(run):
        stage = at(run, phase)
        pid = run.signal(stage, signal.SIGSTOP)
        time.sleep(CUT)
        os.kill(pid, signal.SIGCONT)
    return fault


def cut(cloud):
    def fault(run):
        run.event("round_joined", "west/encrypt", ROUND)
        run.federation.network.link(cloud, is_up=False)
        time.sleep(CUT)
        run.federation.network.link(cloud, is_up=True)
    return fault


def kill_host(cloud):
    """Everything of a cloud at once, launcher and all, and started again."""
    def fault(run):
        run.event("contribution_sealed", "west/encrypt", ROUND)
        os.killpg(run.launchers[cloud].pid, signal.SIGKILL)
        run.launchers[cloud].wait()
        time.sleep(1)
        run.start(cloud)
    return fault


def slow_down(rate):
    """All links at once, in the middle of a round, until the run is over."""
    def fault(run):
        run.event("round_joined", "west/encrypt", ROUND)
        for host in run.federation.network.hosts:
            run.federation.network.link(host, rate=rate)
    return fault


def full_disk(cloud, seconds):
    """The stages' disk is full for a time: a file takes all that is left of the small disk that the state lies on."""
    def fault(run):
        run.event("round_opened", f"{OFFICE}/publish", ROUND)
        filler = f"{run.state(cloud)}/filler"
        file = os.open(filler, os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(file, bytes(4096))
        except OSError as full:
            assert full.errno == errno.ENOSPC, full
        os.close(file)
        time.sleep(seconds)
        os.remove(filler)
    return fault


def all_links(**settings):
    return {"links": settings}


FAULTS = {
    **{f"kill -9: {phase}": {"do": kill(phase)} for phase in PHASES},
    **{f"SIGSTOP for {CUT} s: {phase}": {"do": stand_still(phase)} for phase in (
        "local-train, training", "encrypt, before sealing", "aggregate, opened", "publish, open")},
    **{f"link down for {CUT} s: {cloud}": {"do": cut(cloud)} for cloud in ("west", OFFICE)},
    **{f"host killed and started again: {cloud}": {"do": kill_host(cloud)} for cloud in ("west", OFFICE)},
    "5 % loss and 200 ms, all links": all_links(loss=0.025, delay=0.05),
    "duplicates and reordering, all links": all_links(duplicate=0.05, reorder=0.05, delay=0.01, jitter=0.005),
    "1 Mbit/s, all links": all_links(rate=1e6),
    "1 Mbit/s from the middle of a round on": {"do": slow_down(1e6)},
    # 100 s is longer than a stage is started again that ends for other reasons.
    **{f"full disk for {seconds} s: {cloud}": {"do": full_disk(cloud, seconds), "disk": cloud}
       for seconds in (5, 100) for cloud in ("west", OFFICE)},
}


def carry_out(federation, name, fault):
    """Runs with a fault, and says how long it took and what came of it."""
    run = Run(federation, str(list(FAULTS).index(name) + 1) if name in FAULTS else name)
    network = federation.network
    disk = fault.get("disk")
    if disk:
        state = run.state(disk)
        os.rename(state, f"{state}.keys")
        os.mkdir(state, 0o700)
        if os.system(f"mount -t tmpfs -o size=96m,mode=700 none '{state}'") != 0:
            raise Failed("mount -t tmpfs failed")
        shutil.copytree(f"{state}.keys/keys", f"{state}/keys")
    settings = fault.get("links", {})
    for host in network.hosts:
        network.link(host, **settings)
    began = time.monotonic()
    try:
        for cloud in (OFFICE, *CLOUDS):
            run.start(cloud)
        healed = None
        if "do" in fault:
            fault["do"](run)
            healed = time.time()
        run.finish()
        seconds = time.monotonic() - began
        after = [event["at"] - healed for event in run.events if event["event"] == "round_released"
                 and event.get("round") == ROUND] if healed else []
        lost = [event for event in run.events if event["event"] == "round_abandoned"]
        return {"seconds": seconds, "recovered_seconds": max(0.0, after[0]) if after else None, "adapter": run.adapter(),
                "abandoned": len(lost)}
    finally:
        run.stop()
        for host in network.hosts:
            network.link(host, delay=0.0, jitter=0.0, loss=0.0, duplicate=0.0, reorder=0.0, rate=None, is_up=True)
        if disk:
            os.system(f"umount '{run.state(disk)}'")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="faults whose name holds this text")
    parser.add_argument("--binaries", default=f"{ROOT}/.build/release")
    parser.add_argument("--out", default=f"{ROOT}/out/faults.json")
    options = parser.parse_args()
    chosen = {name: fault for name, fault in FAULTS.items() if options.only in name}
    folder = tempfile.mkdtemp(prefix="tributary-faults-", dir="/tmp")
    results, failed = {}, []
    print("the network is simulated (TUN devices and a relay), clouds are namespaces of this machine, stages are real processes\n")
    with Network([*CLOUDS, OFFICE]) as network:
        federation = Federation(f"{folder}/f", os.path.abspath(options.binaries), network)
        quiet = carry_out(federation, "quiet", {})
        print(f"{'quiet':52} {quiet['seconds']:6.1f} s", flush=True)
        for name, fault in chosen.items():
            try:
                result = carry_out(federation, name, fault)
                same = result["adapter"] == quiet["adapter"] and result["abandoned"] == 0
                recovered = f", {result['recovered_seconds']:.1f} s after it was healed" if result["recovered_seconds"] is not None else ""
                print(f"{name:52} {result['seconds']:6.1f} s  {'same adapter' if same else 'DIFFERS'}{recovered}", flush=True)
            except Failed as failure:
                result, same = {"failed": str(failure)}, False
                print(f"{name:52} FAILED: {failure} ({federation.folder}/{list(FAULTS).index(name) + 1})", flush=True)
            results[name] = result
            if not same:
                failed.append(name)
    os.makedirs(os.path.dirname(options.out), exist_ok=True)
    with open(options.out, "w") as file:
        json.dump({"quiet": quiet, "faults": results}, file, indent=1)
    if not failed:
        shutil.rmtree(folder)
    print(f"\n{len(chosen) - len(failed)} of {len(chosen)} faults end with the adapter of the quiet run; written to {options.out}"
          + (f"; what was left is in {folder}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
