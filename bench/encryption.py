"""Encryption alone, on one core, alternating in one run: our profiles beside TenSEAL, python-paillier, textbook Paillier and
ciphers that do not add up. docs/benchmarks.md describes the JSON.

usage: python3 bench/encryption.py [--all] [--paper] [--setting SETTING] [--only ROW] [--values N] [--repeat N] [--out FILE]
"""

import argparse
import array
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import environments
import federation
import figures
import machine
from figures import Table, number, shown
from talk import Talk

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "apps", "sealing_peer.py")
PACKAGES = ["tenseal", "phe", "gmpy2", "numpy"]
PROFILES = ["conservative", "standard", "turbo"]
CIPHERS = ["aes-256-gcm", "xchacha20-poly1305"]
TASKS = ["encrypt", "aggregate", "open"]
# One value a ciphertext: milliseconds each.
FEW = {"phe": 2_000, "textbook": 2_000}
# Of the paper's own table.
THREADS = sorted({1, 2, os.cpu_count() or 1})
REFERENCE = "tenseal"
NAMES = {
    "tenseal": "TenSEAL, FLARE's settings", "tenseal-lean": "TenSEAL, 4096, [40, 40]", "phe": "python-paillier",
    "textbook": "textbook Paillier", "aes-256-gcm": "AES-256-GCM", "xchacha20-poly1305": "XChaCha20-Poly1305",
    "secagg": "ours, pairwise masks",
} | {profile: f"ours, {profile}" for profile in PROFILES} | {f"{profile}-pool": f"ours, {profile}, pool" for profile in PROFILES}
# At 3072 bits, 8 bits a value, 3 clouds: times TenSEAL's rate (bytes: at most this part of TenSEAL's).
TARGETS = [
    ("standard", "encrypt", 3), ("turbo", "encrypt", 5), ("standard", "aggregate", 20), ("standard", "open", 0.2),
    ("standard", "bytes", 1 / 20),
]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


# Clouds that seal values of their own; with more of them they begin again with the first's.
CLIENTS = 3


def draw(file, values):
    """What the clients seal, ours and the peers' alike: values from -1 to 1, float32."""
    drawn = random.Random(1)
    numbers = array.array("f", (drawn.uniform(-1, 1) for _ in range(CLIENTS * values)))
    if sys.byteorder == "big":
        numbers.byteswap()
    numbers.tofile(file)
    file.flush()


def ours(name, values, bits, cohort, modulus, threads=1, block=65_536, vectors=None):
    command = [
        federation.program("tributary-lab"), "bench-sealing", "--values", str(values), "--bits", str(bits), "--cohort", str(cohort),
        "--modulus", str(modulus), "--threads", str(threads), "--block", str(block), "--at-least", "0.2"]
    if vectors:
        command += ["--vectors", vectors]
    if name in CIPHERS or name == "secagg":
        return Talk(name, command + ["--scheme", name])
    profile, _, pool = name.partition("-")
    return Talk(name, command + ["--profile", profile] + (["--pool"] if pool else []))


def rate(answer):
    """Values a second of one processor: what else runs on the machine shows less than on a clock on the wall."""
    return answer["values"] / answer["processor_seconds"]


EVERY = [(modulus, bits, cohort) for modulus in (2048, 3072) for bits in (8, 16) for cohort in (3, 8, 64)]


def setting(text):
    """A row of the grid as it is asked for by name: 3072/16/3."""
    chosen = tuple(int(part) for part in text.split("/"))
    if chosen not in EVERY:
        raise argparse.ArgumentTypeError(f"{text} is none of " + ", ".join("/".join(map(str, each)) for each in EVERY))
    return chosen


def grid(options):
    if options.setting:
        return options.setting
    if options.all:
        return EVERY
    return [(3072, 8, 3)]


def cell(options, modulus, bits, cohort, python, vectors):
    """All rows of one setting, in alternation, over the same values."""
    rows = [profile for profile in PROFILES] + ["standard-pool", "turbo-pool", "secagg"] + CIPHERS
    peers = ["tenseal", "tenseal-lean", "textbook", "phe"]
    if options.only:
        rows = [name for name in rows if name in options.only]
        peers = [name for name in peers if name in options.only or name == REFERENCE]
    talks, absent = {}, {}
    for name in rows:
        talks[name] = ours(name, options.values, bits, cohort, modulus, vectors=vectors)
    for name in peers:
        if python is None:
            absent[name] = "its package is not installed"
            continue
        try:
            talks[name] = Talk(
                name, [python, PEER, name, str(FEW.get(name, options.values)), str(cohort), str(modulus), "1",
                       f"{vectors}:{options.values}"], greeting="ready", env=ENVIRONMENT)
        except federation.Failed as failure:
            absent[name] = str(failure)
    samples = {}
    for repetition in range(options.repeat):
        for task in TASKS:
            for name, talk in talks.items():
                if repetition > 0 and name in FEW:
                    continue
                if task == "aggregate" and name in CIPHERS:
                    continue
                samples.setdefault((name, task), []).append(json.loads(talk.ask(task)))
    for talk in talks.values():
        talk.end()
    result = []
    for name in talks:
        row = {"who": name, "extrapolated": name in FEW}
        for task in TASKS:
            answers = samples.get((name, task))
            if not answers:
                continue
            row[task] = figures.summary([rate(answer) for answer in answers])
            if task == "encrypt":
                row["bytes_per_value"] = answers[-1]["bytes"] / answers[-1]["values"]
            if task == "open":
                row["largest_error"] = answers[-1]["largest_error"]
                row["rms_error"] = answers[-1]["rms_error"]
            reference = samples.get((REFERENCE, task))
            if reference and name != REFERENCE:
                # Of neighbours in time: what slows one down slows the other down.
                row.setdefault("ratio", {})[task] = figures.summary([
                    rate(own) / rate(other) for own, other in zip(answers, reference)])
        result.append(row)
    return {"modulus": modulus, "bits": bits, "cohort": cohort, "rows": result, "absent": absent}


def targets(part):
    """What the default setting must reach, and whether it does."""
    rows = {row["who"]: row for row in part["rows"]}
    if REFERENCE not in rows or any(who not in rows for who, _, _ in TARGETS):
        return []
    answers = []
    for who, what, wanted in TARGETS:
        if what == "bytes":
            found = rows[who]["bytes_per_value"] / rows[REFERENCE]["bytes_per_value"]
            answers.append({"who": who, "what": what, "wanted": wanted, "found": found, "reached": found <= wanted})
        else:
            found = rows[who]["ratio"][what]["median"]
            answers.append({"who": who, "what": what, "wanted": wanted, "found": found, "reached": found >= wanted})
    return answers


def profile(missed):
    """Where the time of a missed target goes, by perf(1) if it is there."""
    if not shutil.which("perf"):
        return ["perf is not installed"]
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run(
            ["perf", "record", "-q", "-o", file.name, federation.program("tributary-lab"), "bench-sealing", "--bits", "8",
             "--profile", missed["who"]],
            input=(missed["what"] + "\n") * 60, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        told = subprocess.run(
            ["perf", "report", "-i", file.name, "--stdio", "-g", "none", "--sort", "symbol"], capture_output=True, text=True)
    lines = [line.split() for line in told.stdout.splitlines() if "%" in line and not line.startswith("#")]
    return [" ".join(words[:1] + words[2:3]) for words in lines][:10]


def show(part):
    table = Table(
        f"One core, values a second: n of {part['modulus']} bits, {part['bits']} bits a value, {part['cohort']} contributions",
        ["who", "encrypt", "x TenSEAL", "aggregate", "x TenSEAL", "open", "x TenSEAL", "B/value", "largest error", "RMS"])
    for row in part["rows"]:
        cells = [NAMES[row["who"]] + (" (scaled)" if row["extrapolated"] else "")]
        for task in TASKS:
            cells.append(shown(row[task]) if task in row else "impossible")
            cells.append(shown(row["ratio"][task], 2) if task in row.get("ratio", {}) else "")
        table.row(*cells, number(row["bytes_per_value"]), number(row["largest_error"], 2), number(row["rms_error"], 2))
    for name, why in part["absent"].items():
        table.note(f"{NAMES[name]} is missing: {why.splitlines()[0]}")
    table.note("Seconds of processor time, one thread; ratios are of neighbours in time. Ours: quantising and packing included.")
    table.show()


def paper_row(name, records, threads, answers, scale):
    seconds = {task: [answer["seconds"] * scale for answer in answers[task]] for task in ("encrypt", "open")}
    return {
        "who": name, "records": records, "threads": threads, "extrapolated": scale != 1,
        "encrypt": figures.summary(seconds["encrypt"]), "decrypt": figures.summary(seconds["open"]),
    }


def paper(options, python):
    """Block-parallel against serial (the paper's own table): encrypt and decrypt, by records and threads."""
    rows = []
    sizes = [10**5, 10**6] + ([10**7] if options.all else [])
    for records in sizes:
        for name in CIPHERS + ["standard", "secagg"]:
            for threads in THREADS:
                # Masks need others to be shared with.
                talk = ours(name, records, 8, 3 if name == "secagg" else 1, 3072, threads=threads)
                answers = {task: [json.loads(talk.ask(task)) for _ in range(options.repeat)] for task in ("encrypt",)}
                if name not in CIPHERS:
                    talk.ask("aggregate")
                answers["open"] = [json.loads(talk.ask("open")) for _ in range(options.repeat)]
                talk.end()
                rows.append(paper_row(name, records, threads, answers, scale=1))
    # One record a ciphertext, tens of milliseconds each: a few, once, are scaled.
    few = FEW["textbook"]
    for threads in THREADS if python else ():
        talk = Talk("textbook", [python, PEER, "textbook", str(few), "1", "3072", str(threads)], greeting="ready", env=ENVIRONMENT)
        answers = {task: [json.loads(talk.ask(task))] for task in TASKS}
        talk.end()
        rows += [paper_row("textbook", records, threads, answers, scale=records / few) for records in sizes]
    serial = {(row["who"], row["records"]): row for row in rows if row["threads"] == 1}
    for row in rows:
        base = serial[row["who"], row["records"]]
        row["saved"] = {task: 1 - row[task]["median"] / base[task]["median"] for task in ("encrypt", "decrypt")}
    return rows


def show_paper(rows):
    table = Table(
        "Blocks over threads against one thread: seconds, quantising included, 8 bits a record",
        ["who", "records", "threads", "encrypt", "saved", "decrypt", "saved"])
    for row in rows:
        saved = [f"{100 * row['saved'][task]:.0f} %" if row["threads"] > 1 else "" for task in ("encrypt", "decrypt")]
        table.row(
            NAMES[row["who"]] + (" (scaled)" if row["extrapolated"] else ""), row["records"], row["threads"],
            shown(row["encrypt"]), saved[0], shown(row["decrypt"]), saved[1])
    table.note("The paper claims 20, 30 and 45 % saved. Ciphers: two bytes a record, blocks of 65,536 records.")
    table.show()


def main():
    parser = argparse.ArgumentParser(description="Measures encryption alone; prints tables and writes JSON.")
    parser.add_argument("--all", action="store_true", help="every setting, and 1e7 records with --paper")
    parser.add_argument("--paper", action="store_true", help="block-parallel against serial, instead of the comparison")
    parser.add_argument("--setting", type=setting, action="append",
                        help="one of --all's settings alone: modulus/bits/clouds, such as 3072/16/3; may be given more than once")
    parser.add_argument("--only", action="append", choices=sorted(NAMES),
                        help="this row alone, beside TenSEAL's at FLARE's settings; may be given more than once")
    parser.add_argument("--values", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--out", default=os.path.join(federation.ROOT, "out", "bench-encryption.json"))
    options = parser.parse_args()

    report = machine.report("bench-encryption")
    foreign = machine.ForeignWork()
    python = None
    try:
        python = environments.environment("sealing", PACKAGES)
        report["versions"] = environments.versions(python, PACKAGES)
    except environments.NotInstalled as failure:
        print(failure, file=sys.stderr)
    if options.paper:
        report["paper"] = paper(options, python)
        show_paper(report["paper"])
    else:
        report["settings"] = []
        vectors = tempfile.NamedTemporaryFile(prefix="tributary-bench-")
        draw(vectors, options.values)
        for chosen in grid(options):
            part = cell(options, *chosen, python, vectors.name)
            report["settings"].append(part)
            show(part)
            if chosen == (3072, 8, 3):
                report["targets"] = targets(part)
                for answer in report["targets"]:
                    print(
                        f"  {NAMES[answer['who']]}, {answer['what']}: {answer['found']:.3g} x TenSEAL, wanted "
                        f"{'at most' if answer['what'] == 'bytes' else 'at least'} {answer['wanted']:.3g}"
                        + ("" if answer["reached"] else "  MISSED"))
                    if not answer["reached"] and answer["what"] != "bytes":
                        answer["profile"] = profile(answer)
                        print("\n".join("      " + line for line in answer["profile"]))
    report["foreign_cores"] = foreign.cores()
    report["load_at_end"] = machine.load()
    os.makedirs(os.path.dirname(os.path.abspath(options.out)), exist_ok=True)
    figures.write(options.out, report)
    print(f"\ncores used by others meanwhile: {report['foreign_cores']:.1f}; written to {options.out}")


if __name__ == "__main__":
    main()
