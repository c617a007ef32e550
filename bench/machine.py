"""What the benchmarks read of the machine: /proc alone, no package."""

import datetime
import os
import platform
import time


def describe():
    """The machine as a benchmark's JSON names it."""
    model = "unknown"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) * 1024
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_bytes": memory,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def load():
    """Load average of the last minute."""
    return os.getloadavg()[0]


def now():
    """Seconds since 1970, as the stages' events count them."""
    return time.time()


class ForeignWork:
    """Cores used by anything but our own processes between `start` and `stop`: what makes a figure provisional.

    Busy time of all cores (/proc/stat) less that of the children of this process that have ended meanwhile.
    """

    TICK = os.sysconf("SC_CLK_TCK")

    def __init__(self):
        self.began = time.monotonic()
        self.busy = self._busy()
        self.own = self._own()

    @classmethod
    def _busy(cls):
        with open("/proc/stat") as file:
            fields = [int(field) for field in file.readline().split()[1:]]
        # user, nice, system, irq, softirq; guest time is inside user (proc(5)).
        return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6]) / cls.TICK

    @staticmethod
    def _own():
        times = os.times()
        return times.user + times.system + times.children_user + times.children_system

    def cores(self):
        """To be asked once the measured processes have been waited for."""
        elapsed = time.monotonic() - self.began
        return max(0.0, (self._busy() - self.busy - (self._own() - self.own)) / elapsed) if elapsed > 0 else 0.0


def tree(root):
    """Process ids of `root` and all that descend from it."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    # The name in parentheses may hold anything; what follows the last ")" is fixed (proc(5)).
                    parents.setdefault(int(file.read().rsplit(")", 1)[1].split()[1]), []).append(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                continue
    found, todo = [], [root]
    while todo:
        process = todo.pop()
        found.append(process)
        todo += parents.get(process, [])
    return found


def memory(process):
    """(resident set now, its high-water mark) in bytes; None if the process is gone."""
    try:
        with open(f"/proc/{process}/status") as file:
            fields = dict(line.split(":", 1) for line in file if line.startswith(("VmRSS", "VmHWM")))
    except (FileNotFoundError, ProcessLookupError):
        return None
    if len(fields) < 2:
        return None  # a zombie has no memory
    return tuple(int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))


def proportional(process):
    """The resident set with every shared page divided by the processes that share it; None where that may not be read."""
    try:
        with open(f"/proc/{process}/smaps_rollup") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        return None
    return None


def processor_seconds(process):
    """User and system time of a process so far; None if it is gone."""
    try:
        with open(f"/proc/{process}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return (int(fields[11]) + int(fields[12])) / ForeignWork.TICK


def command(process):
    """The words that the process was started with; empty if it is gone."""
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            return [word.decode(errors="replace") for word in file.read().split(b"\0") if word]
    except (FileNotFoundError, ProcessLookupError):
        return []


def report(kind):
    """The head of a report, printed as well: what the machine is, and whether it is quiet."""
    head = {
        "version": 1,
        "kind": kind,
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": describe(),
        "load_at_start": load(),
    }
    print(f"{head['machine']['cpu']}, {head['machine']['cores']} cores; load average {head['load_at_start']:.2f}")
    if head["load_at_start"] > 0.5:
        print("The machine is not quiet: take the figures as provisional, and run again when it is.")
    return head
