"""Virtual environments of the peers, under .cache/, made once."""

import os
import subprocess

import federation


class NotInstalled(Exception):
    """A package that could not be installed here, with what pip said."""


def environment(name, packages):
    """The python of the environment `.cache/bench-NAME` with these packages in it; makes it if need be."""
    folder = os.path.join(federation.CACHE, f"bench-{name}")
    python = os.path.join(folder, "bin", "python")
    stamp = os.path.join(folder, "stamp")
    wanted = " ".join(packages)
    if os.path.exists(stamp):
        with open(stamp) as file:
            if file.read().strip() == wanted:
                return python
    print(f"installing {wanted} into {folder} (once; a minute or two)", flush=True)
    os.makedirs(federation.CACHE, exist_ok=True)
    for command in (
        ["python3", "-m", "venv", "--clear", folder],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            said = "\n  ".join((done.stderr or done.stdout).strip().splitlines()[-6:])
            raise NotInstalled(f"{' '.join(command)}: exit status {done.returncode}\n  {said}")
    with open(stamp, "w") as file:
        file.write(wanted + "\n")
    return python


def versions(python, packages):
    """What is installed of these packages."""
    code = "import importlib.metadata as m, sys; print(*(f'{p} {m.version(p)}' for p in sys.argv[1:]), sep='\\n')"
    done = subprocess.run([python, "-c", code, *packages], capture_output=True, text=True)
    return done.stdout.strip().splitlines()
