"""Training on one thread: ours beside transformers + PEFT on the same model, adapter, shard and torch."""

import os
import shutil
import subprocess
import tempfile

import environments
import federation
import figures
import machine
from figures import Table, number, ratio, shown
from talk import Talk

SCRIPT = os.path.join(federation.ROOT, "Tests", "FineTuningTests", "Reference", "peft_speed.py")
PACKAGES = ["torch==2.13.0", "transformers", "peft", "safetensors", "numpy"]
SHAPES = {
    "small": ["--hidden", "128", "--intermediate", "344", "--layers", "2", "--heads", "4", "--vocabulary", "512",
              "--shortest", "14", "--longest", "26", "--batch", "32", "--steps", "60"],
    "middle": ["--hidden", "384", "--intermediate", "1024", "--layers", "6", "--heads", "6", "--vocabulary", "8192",
               "--shortest", "48", "--longest", "80", "--batch", "16", "--steps", "8"],
}
TEXTS = {
    "small": "2 layers of 128, about 20 tokens, batch 32", "middle": "6 layers of 384, about 64 tokens, batch 16"}
# What PEFT computes beside the layers, and the loss of ours that it is held against.
MODES = {"labels": "answers", "answers": "answers", "all": "all"}
MODE_TEXTS = {
    "labels": "PEFT as its users write it (labels; logits of every token)",
    "answers": "PEFT tuned by hand (logits of the answers alone)", "all": "the loss of every token"}


def interpreter():
    """The python that tests compare with, if it is there, or one of our own."""
    given = os.environ.get("TRIBUTARY_PYTHON")
    if given:
        probe = subprocess.run([given, "-c", "import torch, transformers, peft"], capture_output=True, text=True)
        if probe.returncode == 0:
            return given
        print(f"TRIBUTARY_PYTHON lacks torch, transformers or peft: {probe.stderr.strip().splitlines()[-1]}")
    return environments.environment("training", PACKAGES)


def measure(options):
    try:
        python = interpreter()
    except environments.NotInstalled as failure:
        raise federation.Failed(f"transformers and PEFT could not be installed: {failure}") from failure
    shapes = list(SHAPES) if options.long else ["small"]
    rows = []
    load = machine.load()
    for shape in shapes:
        folder = tempfile.mkdtemp(prefix="tt-", dir="/tmp")
        foreign = machine.ForeignWork()
        try:
            ours = Talk(
                "ours", [federation.program("tributary-lab"), "bench-training", "--folder", folder, *SHAPES[shape]],
                greeting="ready")
            size = dict(zip(SHAPES[shape][::2], SHAPES[shape][1::2]))
            samples = {mode: ([], []) for mode in MODES}
            for repetition in range(3):
                for mode, own in MODES.items():
                    print(f"training: {TEXTS[shape]}: {mode} ({repetition + 1}/3)", flush=True)
                    samples[mode][0].append(float(ours.ask(own)))
                    done = subprocess.run(
                        [python, SCRIPT, folder, mode, size["--steps"], size["--batch"]], capture_output=True, text=True)
                    if done.returncode != 0:
                        raise federation.Failed(f"peft_speed.py: {done.stderr.strip()[-400:]}")
                    samples[mode][1].append(float(done.stdout.strip().splitlines()[-1]))
            ours.end()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        for mode, (mine, theirs) in samples.items():
            mine, theirs = figures.summary(mine), figures.summary(theirs)
            rows.append({
                "shape": shape, "mode": mode, "ours": mine, "peft": theirs, "ratio": ratio(mine, theirs),
                "foreign_cores": foreign.cores()})
    return {
        "rows": rows,
        "load": load,
        "versions": environments.versions(python, ["torch", "transformers", "peft"]),
        "skipped": [] if options.long else [{"shape": "middle", "reason": "`--long` measures it"}],
    }


def show(report):
    table = Table(
        "Training on one thread: tokens a second, same torch, model, adapter and examples",
        ["model", "compared with", "ours", "transformers + PEFT", "ours/theirs"])
    for row in report["rows"]:
        table.row(TEXTS[row["shape"]], MODE_TEXTS[row["mode"]], shown(row["ours"]), shown(row["peft"]), number(row["ratio"]))
    for skipped in report["skipped"]:
        table.row(TEXTS[skipped["shape"]], f"not run: {skipped['reason']}", "", "", "")
    table.note(f"{', '.join(report['versions'])}; ours computes the logits of the answers alone unless every token counts")
    table.show()
