"""Encrypting and adding, one thread: ours beside TenSEAL at NVIDIA FLARE's settings and python-paillier."""

import json
import os

import environments
import federation
import figures
import machine
from figures import Table, number, ratio, shown
from talk import Talk

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "apps", "sealing_peer.py")
# python-paillier is six times slower without gmpy2.
PACKAGES = ["tenseal", "phe", "gmpy2", "numpy"]
COHORT = 3
# python-paillier takes some 40 ms a value: what it does with so many is scaled.
PHE_VALUES = 2_000
TASKS = ["encrypt", "aggregate", "open"]
NAMES = {
    "ours-8": "ours, 8 bits", "ours-12": "ours, 12 bits", "tenseal": "TenSEAL, FLARE's settings", "phe": "python-paillier",
}


def measure(options):
    values = 1_000_000 if options.long else 200_000
    talks, absent, installed = {}, {}, []
    foreign, load = machine.ForeignWork(), machine.load()
    for bits in (8, 12):
        talks[f"ours-{bits}"] = Talk(
            f"ours, {bits} bits",
            [federation.program("tributary-lab"), "bench-sealing", "--values", str(values), "--bits", str(bits), "--cohort",
             str(COHORT)])
    try:
        python = environments.environment("sealing", PACKAGES)
        installed = environments.versions(python, PACKAGES)
        for which, count in (("tenseal", values), ("phe", PHE_VALUES)):
            try:
                talks[which] = Talk(
                    which, [python, PEER, which, str(count), str(COHORT)], greeting="ready",
                    env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
            except federation.Failed as failure:
                absent[which] = str(failure)
    except environments.NotInstalled as failure:
        absent = {name: str(failure) for name in ("tenseal", "phe")}
    samples = {}
    repeats = 3
    for repetition in range(repeats):
        for task in TASKS:
            for who, talk in talks.items():
                # Once is enough where each takes a minute.
                if who == "phe" and repetition > 0:
                    continue
                if task == "open" and who != "tenseal" and repetition > 0:
                    continue
                print(f"sealing: {NAMES[who]}: {task} ({repetition + 1}/{repeats})", flush=True)
                samples.setdefault((who, task), []).append(json.loads(talk.ask(task)))
    for talk in talks.values():
        talk.end()
    rows = []
    for (who, task), answers in samples.items():
        row = {
            "who": who,
            "task": task,
            "values": answers[0]["values"],
            "values_per_second": figures.summary([answer["values"] / answer["seconds"] for answer in answers]),
            "bytes_per_value": answers[-1]["bytes"] / answers[-1]["values"],
            "extrapolated": who == "phe",
        }
        if "largest_error" in answers[-1]:
            row["largest_error"] = answers[-1]["largest_error"]
        rows.append(row)
    peers = {(row["who"], row["task"]): row for row in rows}
    for row in rows:
        if row["who"].startswith("ours"):
            row["ratio_to"] = {
                peer: {
                    "speed": ratio(row["values_per_second"], peers[peer, row["task"]]["values_per_second"]),
                    "bytes": row["bytes_per_value"] / peers[peer, row["task"]]["bytes_per_value"],
                }
                for peer in ("tenseal", "phe") if (peer, row["task"]) in peers}
    return {
        "cohort": COHORT, "versions": installed, "absent": absent, "rows": rows, "load": load,
        "foreign_cores": foreign.cores()}


def show(report):
    table = Table(
        f"Sealing on one thread: values a second, {report['cohort']} contributions to a sum, Paillier of 3072 bits",
        ["task", "who", "values/s", "x TenSEAL", "x phe", "B/value", "of TenSEAL's", "largest error"])
    for task in TASKS:
        for row in report["rows"]:
            if row["task"] != task:
                continue
            against = row.get("ratio_to", {})

            def times(peer, what):
                return number(against[peer][what]) if peer in against else ""

            table.row(
                task, NAMES[row["who"]], shown(row["values_per_second"]) + (" scaled" if row["extrapolated"] else ""),
                times("tenseal", "speed"), times("phe", "speed"), number(row["bytes_per_value"]), times("tenseal", "bytes"),
                number(row["largest_error"], 2) if "largest_error" in row else "")
    table.note("encrypt: real values to bytes for the wire; aggregate: the cohort's bytes, checked, to the sum's bytes, in values of")
    table.note("the sum; open: the sum's bytes to real values. The error is of the mean, of values in -1...1; ours is the")
    table.note("rounding to so many bits. python-paillier sends one ciphertext a value and is scaled from 2,000 values.")
    for name, why in report["absent"].items():
        table.note(f"{NAMES[name]} is missing: {why.splitlines()[0]}")
    table.note(f"{', '.join(report['versions'])}; cores used by others meanwhile: {report['foreign_cores']:.1f}")
    table.show()
