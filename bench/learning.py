"""A federation of ours that learns: three generated clouds, the committed base model, real stages and sockets."""

import os
import subprocess

import federation


def write(state, suite, seed, tables, bits, split, publish, limits):
    """Tables, topology, configs and keys in a state folder; answers the topology's path.

    `tables`: what `tributary-lab generate` is told beside the seed; `publish`: lines of publish's config beside the base, the
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
    put("encrypt.yaml", f"limits: {{minimum-cohort: 3, {limits}}}\n")
    put(
        "publish.yaml",
        f"base: {federation.ROOT}/models/base\nbase-name: tributary-base\nvariables: {federation.ROOT}/configs/variables.yaml\n"
        f"seed: {seed}\nbits: {bits}\nminimum-cohort: 3\ndeadline: 10m\n{publish}")
    subprocess.run(
        [federation.program("tributary"), "keys", topology, "--state", state], check=True, stdout=subprocess.DEVNULL)
    return topology
