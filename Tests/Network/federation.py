"""A federation of real stages, each cloud on a host of its own of the simulated network, under a launcher of its own."""
import datetime
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLOUDS, OFFICE = ["north", "west", "east"], "office"
MAPPINGS = {"north": "mimic-carevue", "west": "mimic-metavision", "east": "eicu"}


class Failed(Exception):
    pass


class Federation:
    """What all runs share: tables, configs, topology, keys. Made once in `folder`."""

    def __init__(self, folder, binaries, network, rounds=4, steps=4, suite="paillier", extra="", values=0, evaluates=False):
        """With `values` nothing is trained: updates of so many values are made up, and no release is written."""
        self.folder, self.binaries, self.network = folder, binaries, network
        self.suite, self.extra, self.values = suite, extra, values
        os.makedirs(folder)
        self.tool("tributary-lab", "generate", "--seed", "7", "--stays", "48", "--out", f"{folder}/tables")
        base = f"{ROOT}/models/base"
        for cloud in CLOUDS:
            self.write(f"ingest-{cloud}.yaml", f"""tables: tables/{cloud}
variables: {ROOT}/configs/variables.yaml
mapping: {ROOT}/configs/mappings/{MAPPINGS[cloud]}.yaml
split: {{salt: test, validation: 0.2, test: 0.3}}
""")
        self.write("local-train.yaml", "trainer: none\n" if values else f"trainer: lora\nbase: {base}\nthreads: 1\n")
        self.write("encrypt.yaml", "threads: 1\n")
        self.write("aggregate.yaml", "threads: 1\n")
        self.write("publish.yaml", f"""values: {values}
rounds: {rounds}
minimum-cohort: 3
deadline: 30m
validate-every: 0
test: false
threads: 1
""" if values else f"""base: {base}
base-name: tributary-base
variables: {ROOT}/configs/variables.yaml
seed: 3
rounds: {rounds}
local-steps: {steps}
batch-size: 8
adapter: {{rank: 4, alpha: 8, targets: [q_proj, v_proj]}}
minimum-cohort: 3
deadline: 5m
attempts: 1
validate-every: 0
test: {str(evaluates).lower()}
threads: 1
""")
        self.write_topology("topology.yaml")

    def write_topology(self, name, aggregate=OFFICE):
        """With aggregate in one of the clouds, and the keys that it takes."""
        def stages(cloud):
            address = self.network.address(cloud)
            yield from [f"ingest: {{config: ingest-{cloud}.yaml}}", "local-train: {config: local-train.yaml}",
                        "encrypt: {config: encrypt.yaml}"] if cloud != OFFICE else []
            if cloud == aggregate:
                yield f"aggregate: {{config: aggregate.yaml, bind: {address}, work: 7101, news: 7102}}"
            if cloud == OFFICE:
                yield f"publish: {{config: publish.yaml, bind: {address}, work: 7111, news: 7112}}"
        clouds = "".join(f"  {cloud}:\n    owner: Owner of {cloud}\n    stages:\n" + "".join(f"      {line}\n" for line in stages(cloud))
                         for cloud in (*CLOUDS, OFFICE))
        self.write(name, f"version: 1\nfederation: faults\nsuite: {self.suite}\n{self.extra}clouds:\n{clouds}")
        self.tool("tributary", "keys", f"{self.folder}/{name}", "--state", f"{self.folder}/all")

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w") as file:
            file.write(text)

    def tool(self, program, *words):
        subprocess.run([f"{self.binaries}/{program}", *words], check=True, stdout=subprocess.DEVNULL)


class Run:
    """One run: a state root and a launcher for each cloud, each with its own secrets alone."""

    def __init__(self, federation, name):
        self.federation, self.folder = federation, f"{federation.folder}/{name}"
        self.launchers, self.offsets, self.events = {}, {}, []
        for cloud in (*CLOUDS, OFFICE):
            keys = f"{self.state(cloud)}/keys"
            os.makedirs(f"{keys}/secret", mode=0o700)
            os.chmod(self.state(cloud), 0o700)
            shutil.copytree(f"{federation.folder}/all/keys/public", f"{keys}/public")
            shutil.copytree(f"{federation.folder}/all/keys/secret/{cloud}", f"{keys}/secret/{cloud}")

    def state(self, cloud):
        return f"{self.folder}/{cloud}"

    def start(self, cloud):
        host = self.federation.network.host(cloud)
        words = [f"{self.federation.binaries}/tributary", "up", f"{self.federation.folder}/topology.yaml",
                 "--state", self.state(cloud), "--cloud", cloud]
        runtime = f"{self.folder}/sockets"
        os.makedirs(runtime, mode=0o700, exist_ok=True)
        with open(f"{self.folder}/{cloud}.log", "a") as log:
            self.launchers[cloud] = host.start(words, stdout=log, stderr=log, start_new_session=True,
                                               env={**os.environ, "NO_COLOR": "1", "XDG_RUNTIME_DIR": runtime})

    def apply(self, cloud, topology):
        """Brings a cloud's part of the running federation to another topology, as its operator does."""
        words = [f"{self.federation.binaries}/tributary", "apply", f"{self.federation.folder}/{topology}", "--state", self.state(cloud)]
        result = self.federation.network.host(cloud).run(
            words, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1", "XDG_RUNTIME_DIR": f"{self.folder}/sockets"})
        if result.returncode != 0:
            raise Failed(f"`tributary apply` on {cloud} ended with {result.returncode}:\n{(result.stdout + result.stderr)[-1500:]}")

    def pid(self, stage):
        """Of a stage's process now, or None."""
        return self.recorded(stage).get("pid")

    def recorded(self, stage):
        """What the launcher's record has of a stage."""
        with open(f"{self.state(stage.split('/')[0])}/launcher.json") as file:
            stages = {each["stage"]: each for each in json.load(file)["stages"]}
        return stages[stage]

    def signal(self, stage, number):
        pid = self.pid(stage)
        if not pid:
            raise Failed(f"{stage} has no process that could get signal {number}: {self.recorded(stage)}")
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            raise Failed(f"{stage}'s process {pid} was gone before it could get signal {number}") from None
        return pid

    def read(self):
        """Takes up what was logged since."""
        for cloud in (*CLOUDS, OFFICE):
            logs = f"{self.state(cloud)}/logs"
            for name in os.listdir(logs) if os.path.isdir(logs) else []:
                if not name.endswith(".jsonl"):
                    continue
                path = f"{logs}/{name}"
                with open(path, "rb") as file:
                    file.seek(self.offsets.get(path, 0))
                    lines = file.read()
                whole = lines[:lines.rfind(b"\n") + 1]
                self.offsets[path] = self.offsets.get(path, 0) + len(whole)
                for line in whole.splitlines():
                    try:
                        event = json.loads(line)
                    except ValueError:
                        continue
                    event["from"] = f"{event['cloud']}/{event['stage']}"
                    # All hosts of the simulated network have this machine's clock.
                    event["at"] = datetime.datetime.fromisoformat(event["time"][:26]).replace(tzinfo=datetime.UTC).timestamp()
                    self.events.append(event)

    def wait(self, what, matches, seconds=120):
        """The first event that matches, past or to come."""
        until, looked = time.monotonic() + seconds, 0
        while True:
            self.read()
            for event in self.events[looked:]:
                if matches(event):
                    return event
            looked = len(self.events)
            if time.monotonic() > until:
                raise Failed(f"{what} did not come within {seconds} s; last: " + "; ".join(
                    f"{event['from']} {event['event']} {event.get('reason', '')}" for event in self.events[-6:]))
            for cloud, launcher in self.launchers.items():
                if launcher.poll() not in (None, 0):
                    with open(f"{self.folder}/{cloud}.log") as file:
                        raise Failed(f"the launcher of {cloud} ended with {launcher.poll()}:\n{file.read()[-1500:]}")
            time.sleep(0.02)

    def event(self, name, stage, round, seconds=120):
        return self.wait(f"{name} of {stage} in round {round}",
                         lambda event: event["event"] == name and event["from"] == stage and event.get("round") == round, seconds)

    def finish(self, seconds=300):
        for cloud, launcher in self.launchers.items():
            try:
                status = launcher.wait(seconds)
            except subprocess.TimeoutExpired:
                raise Failed(f"{cloud} did not end within {seconds} s") from None
            if status != 0:
                with open(f"{self.folder}/{cloud}.log") as file:
                    raise Failed(f"the launcher of {cloud} ended with {status}:\n{file.read()[-1500:]}")
        self.read()

    def adapter(self):
        digest = hashlib.sha256()
        if self.federation.values:
            folder = f"{self.state(OFFICE)}/{OFFICE}/publish"
            (name,) = (name for name in os.listdir(folder) if name.startswith("adapter-"))
            with open(f"{folder}/{name}", "rb") as file:
                digest.update(file.read())
            return digest.hexdigest()
        for name in ("adapter_model.safetensors", "adapter_config.json"):
            with open(f"{self.state(OFFICE)}/{OFFICE}/publish/releases/latest/{name}", "rb") as file:
                digest.update(file.read())
        return digest.hexdigest()

    def stop(self):
        for launcher in self.launchers.values():
            if launcher.poll() is None:
                os.killpg(launcher.pid, signal.SIGKILL)
                launcher.wait()
