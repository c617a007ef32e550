"""A share of a CPU for some processes: cgroup v2 cpu.max, or v1 cpu.cfs_quota_us, or, without root, SIGSTOP in turns."""
import os
import signal
import threading
import time

# Microseconds. The kernel's own tenth of a second would stop a small share for most of it after every few milliseconds of work, so that what
# is quick takes as long as what is not: a clock that stands still, and not a slow processor.
PERIOD = 20_000


class Quota:
    """A share of one CPU for some processes, together."""

    def __init__(self, share):
        self.share, self.folder, self.pids, self.ended = share, None, [], threading.Event()
        period = max(PERIOD, int(1000 / share))  # the kernel takes no quota below a millisecond
        name = f"tributary-{os.getpid()}-{id(self)}"
        for parent, how in (("/sys/fs/cgroup/cpu", "v1"), ("/sys/fs/cgroup", "v2")):
            knob = "cpu.cfs_quota_us" if how == "v1" else "cpu.max"
            try:
                os.mkdir(f"{parent}/{name}")
                if how == "v1":
                    with open(f"{parent}/{name}/cpu.cfs_period_us", "w") as file:
                        file.write(str(period))
                with open(f"{parent}/{name}/{knob}", "w") as file:
                    file.write(str(int(share * period)) if how == "v1" else f"{int(share * period)} {period}")
                self.folder, self.words = f"{parent}/{name}", f"cgroup {how}, {knob}"
                return
            except OSError:
                if os.path.isdir(f"{parent}/{name}"):
                    os.rmdir(f"{parent}/{name}")
        self.words = "SIGSTOP and SIGCONT in turns, every 50 ms"
        threading.Thread(target=self.take_turns, daemon=True).start()

    def add(self, pid):
        self.pids.append(pid)
        if self.folder:
            with open(f"{self.folder}/cgroup.procs", "w") as file:
                file.write(str(pid))

    def take_turns(self):
        while not self.ended.is_set():
            on = min(1.0, self.share / max(1, len(self.pids)))
            for number, seconds in ((signal.SIGCONT, 0.05 * on), (signal.SIGSTOP, 0.05 * (1 - on))):
                for pid in self.pids:
                    try:
                        os.kill(pid, number)
                    except ProcessLookupError:
                        pass
                time.sleep(seconds)

    def end(self):
        self.ended.set()
        for pid in self.pids if not self.folder else []:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass

    def remove(self):
        if self.folder:
            os.rmdir(self.folder)
