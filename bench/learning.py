"""A federation of ours that learns: three generated clouds, the committed base model, real stages and sockets."""

import os
import subprocess

import federation


def write(state, suite, seed, tables, bits, split, publish, limits, least=3):
    """Tables, topology, configs and keys in a state folder; answers the topology's path.

    `least`: the smallest cohort. `tables`: what `tributary-lab generate` is told beside the seed; `publish`: lines of publish's config beside the base, the
    seed and the cohort; `limits`: each cloud's, beside the cohort.
    """
    files = os.path.join(state, "files")
    os.mkdir(files)
    subprocess.run(
        [federation.program("tributary-lab"), "generate", "--seed", str(seed), "--out", os.path.join(files, "tables"), *tables],
        check=True, stdout=subprocess.DEVNULL)
    topology = federation.write_files(files, suite, 1, 1, bits, 1)

    def put(name, text):
        with open(os.path.join(files, name), "w") as file:
            file.write(text)

    for cloud, mapping in federation.CLOUDS.items():
        put(
            f"ingest-{cloud}.yaml",
            f"tables: {files}/tables/{cloud}\nvariables: {federation.ROOT}/configs/variables.yaml\n"
            f"mapping: {federation.ROOT}/configs/mappings/{mapping}.yaml\nsplit: {split}\n")
    put("local-train.yaml", f"base: {federation.ROOT}/models/base\nthreads: 1\n")
    put("encrypt.yaml", f"limits: {{minimum-cohort: {least}, {limits}}}\n")
    put(
        "publish.yaml",
        f"base: {federation.ROOT}/models/base\nbase-name: tributary-base\nvariables: {federation.ROOT}/configs/variables.yaml\n"
        f"seed: {seed}\nbits: {bits}\nminimum-cohort: {least}\ndeadline: 10m\n{publish}")
    subprocess.run(
        [federation.program("tributary"), "keys", topology, "--state", state], check=True, stdout=subprocess.DEVNULL)
    return topology


def carry_out(state, topology, limit, what, meanwhile=lambda launcher: None):
    """Runs it to its end and answers all stages' events; `what` names the run where it fails, `meanwhile` is called once it is started."""
    with open(os.path.join(state, "up.txt"), "w+") as output:
        launcher = subprocess.Popen(
            [federation.program("tributary"), "up", topology, "--state", state, "--fail-fast", "--stages", federation.programs()],
            stdout=output, stderr=subprocess.STDOUT)
        try:
            meanwhile(launcher)
            status = launcher.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            launcher.terminate()
            launcher.wait()
            status = None
    found = federation.events(state)
    if status != 0:
        raise federation.Failed(f"{what}: exit status {status}\n" + "\n".join(federation.complaints(found)[-8:]))
    return found


def test_auroc(found):
    """On the test patients of all clouds, after the last update."""
    return next(event["test_auroc"] for event in found if event["event"] == "round_released" and "test_auroc" in event)
