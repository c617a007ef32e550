"""Faults on real processes and a simulated network: what is done to a run, and whether the adapter is still that of the quiet run.

usage: sudo python3 Tests/Network/faults.py [--only TEXT] [--binaries DIR] [--out FILE]

Every cloud is a network namespace (network.py), every stage a real process under a real launcher. Each fault is healed before the
round's deadline, so the adapter must be the same, byte for byte. That could as well be because the fault missed the round: each must
also have left what it leaves where it happens (another start, a process that stands still, lost connections, lost packets, a stage that
waits for room), or it has failed. `make faults` runs all.
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
STATISTICS, EVALUATION = 1, 6  # four updates lie between them
CUT = 12  # seconds of a cut or a standstill: beyond the heartbeats' timeout of 10 s
PHASES = {  # after which event whose stage is hit, and in which round, where that is not ROUND
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
    "statistics: encrypt, before sealing": ("round_joined", "west/encrypt", "west/encrypt", STATISTICS),
    "statistics: aggregate, counting": ("contribution_counted", "{office}/aggregate", "{office}/aggregate", STATISTICS),
    "statistics: publish, open": ("round_joined", "{office}/aggregate", "{office}/publish", STATISTICS),
    "evaluation: local-train": ("round_joined", "west/encrypt", "west/local-train", EVALUATION),
    "evaluation: aggregate, counting": ("contribution_counted", "{office}/aggregate", "{office}/aggregate", EVALUATION),
    "evaluation: publish, closed": ("round_closed", "{office}/aggregate", "{office}/publish", EVALUATION),
}


def round_of(phase):
    return (*PHASES[phase], ROUND)[3]


def require(holds, what):
    if not holds:
        raise Failed(f"the fault has left no trace: {what}")


def starts(run, stage):
    run.read()
    return sum(event["event"] == "stage_started" and event["from"] == stage for event in run.events)


def at(run, phase):
    event, of, stage = (text.format(office=OFFICE) for text in PHASES[phase][:3])
    run.event(event, of, round_of(phase))
    return stage


# Each fault answers with what is to be found of it once the run has ended: a function that requires it.
def kill(phase):
    def fault(run):
        stage = at(run, phase)
        run.read()
        # Else the run went on beside it, and it was not in the middle of anything.
        require(not released(run, round_of(phase)), f"round {round_of(phase)} was released before {stage} was killed")
        before = starts(run, stage)
        run.signal(stage, signal.SIGKILL)
        return lambda: require(starts(run, stage) > before, f"{stage} was killed and has not said `stage_started` again")
    return fault


def released(run, round):
    return [event for event in run.events if event["event"] == "round_released" and event.get("round") == round]


def state_of(pid):
    with open(f"/proc/{pid}/stat") as file:  # proc(5)
        return file.read().rsplit(")", 1)[1].split()[0]


def stand_still(phase):
    def fault(run):
        stage = at(run, phase)
        pid = run.signal(stage, signal.SIGSTOP)
        time.sleep(CUT)
        state = state_of(pid)
        os.kill(pid, signal.SIGCONT)
        run.read()
        require(state == "T", f"{stage}'s process {pid} was in state {state} after {CUT} s of SIGSTOP")
        late = not released(run, ROUND)
        return lambda: require(late, f"round {ROUND} was released while {stage} stood still")
    return fault


def cut(cloud):
    def fault(run):
        run.event("round_joined", "west/encrypt", ROUND)
        met, began = run.federation.network.met(), time.time()
        run.federation.network.link(cloud, is_up=False)
        time.sleep(CUT)
        run.federation.network.link(cloud, is_up=True)
        dropped = run.federation.network.met()["down"] - met["down"]

        def found():
            require(dropped > 0, f"no packet was dropped at {cloud}'s link")
            lost = [event for event in run.events if event["event"] == "hub_disconnected" and event["at"] >= began]
            require(lost, f"no stage says `hub_disconnected` after {cloud}'s link was cut for {CUT} s")
        return found
    return fault


def kill_host(cloud):
    """Everything of a cloud at once, launcher and all, and started again."""
    def fault(run):
        run.event("contribution_sealed", "west/encrypt", ROUND)
        stages = ["aggregate", "publish"] if cloud == OFFICE else ["ingest", "local-train", "encrypt"]
        before = {f"{cloud}/{stage}": starts(run, f"{cloud}/{stage}") for stage in stages}
        os.killpg(run.launchers[cloud].pid, signal.SIGKILL)
        run.launchers[cloud].wait()
        time.sleep(1)
        run.start(cloud)

        def found():
            for stage, count in before.items():
                require(starts(run, stage) > count, f"{stage} was killed with its host and has not said `stage_started` again")
        return found
    return fault


def slow_down(rate):
    """All links at once, in the middle of a round, until the run is over."""
    def fault(run):
        run.event("round_joined", "west/encrypt", ROUND)
        before = run.federation.network.met()
        for host in run.federation.network.hosts:
            run.federation.network.link(host, rate=rate)

        def found():
            waited = run.federation.network.met()["queued"] - before["queued"]
            require(waited > 100, f"{waited} packets waited for a link of {rate:.0f} bit/s")
        return found
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
        troubled, until = set(), time.monotonic() + seconds
        stages = ["aggregate", "publish"] if cloud == OFFICE else ["ingest", "local-train", "encrypt"]
        while time.monotonic() < until:
            for stage in stages:
                try:
                    recorded = run.recorded(f"{cloud}/{stage}")
                except (ValueError, KeyError):  # while it is written anew
                    continue
                if any(each["kind"] == "disk" for each in recorded.get("troubles") or []):
                    troubled.add(stage)
            time.sleep(0.1)
        os.remove(filler)
        return lambda: require(troubled, f"no stage of {cloud} was told to wait for room: nothing of `disk` in its launcher's record")
    return fault


def all_links(*traces, **settings):
    """With the packets that the relay must have counted for each of these."""
    return {"links": settings, "traces": traces}


FAULTS = {
    **{f"kill -9: {phase}": {"do": kill(phase), "round": round_of(phase)} for phase in PHASES},
    **{f"SIGSTOP for {CUT} s: {phase}": {"do": stand_still(phase)} for phase in (
        "local-train, training", "encrypt, before sealing", "aggregate, opened", "publish, open")},
    **{f"link down for {CUT} s: {cloud}": {"do": cut(cloud)} for cloud in ("west", OFFICE)},
    **{f"host killed and started again: {cloud}": {"do": kill_host(cloud)} for cloud in ("west", OFFICE)},
    "5 % loss and 200 ms, all links": all_links("lost", "delayed", loss=0.025, delay=0.05),
    "duplicates and reordering, all links": all_links("duplicated", "reordered", duplicate=0.05, reorder=0.05, delay=0.01, jitter=0.005),
    "1 Mbit/s, all links": all_links("queued", rate=1e6),
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
    before = network.met()
    for host in network.hosts:
        network.link(host, **settings)
    began = time.monotonic()
    try:
        for cloud in (OFFICE, *CLOUDS):
            run.start(cloud)
        healed = found = None
        if "do" in fault:
            found = fault["do"](run)
            healed = time.time()
        run.finish()
        seconds = time.monotonic() - began
        if found:
            found()
        met = {what: count - before[what] for what, count in network.met().items()}
        for what in fault.get("traces", ()):
            require(met[what] > 20, f"{met[what]} packets were {what}")
        after = [event["at"] - healed for event in released(run, fault.get("round", ROUND))] if healed else []
        lost = [event for event in run.events if event["event"] == "round_abandoned"]
        return {"seconds": seconds, "recovered_seconds": max(0.0, after[0]) if after else None, "adapter": run.adapter(),
                "abandoned": len(lost), "packets": met}
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
        federation = Federation(f"{folder}/f", os.path.abspath(options.binaries), network, evaluates=True)
        quiet = carry_out(federation, "quiet", {})
        print(f"{'quiet':52} {quiet['seconds']:6.1f} s", flush=True)
        for name, fault in chosen.items():
            try:
                result = carry_out(federation, name, fault)
                same = result["adapter"] == quiet["adapter"] and result["abandoned"] == 0
                # What lasts as long as the run is never healed: what it has cost is what the run took beyond the quiet one.
                result["surplus_seconds"] = result["seconds"] - quiet["seconds"]
                recovered = (f", {result['recovered_seconds']:.1f} s after it was healed" if result["recovered_seconds"] is not None
                             else f", {result['surplus_seconds']:.1f} s more than the quiet run")
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
