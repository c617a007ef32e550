"""What per-unit clipping is with PyTorch alone, over the folders that a test wrote (see peft_reference.py).

usage: private_reference.py private FOLDER

`patient` of the shard says whose records they are; settings.json has `clip`, `lr`, `steps`, `optimizer` and `expected`. Writes
reference.safetensors: `sum.UNIT.NAME`, the sum over records or patients of their mean loss's gradient, each shortened to `clip`, and
`value.NAME` after so many steps of patients' sums over `expected`.
"""

import json
import sys

import torch
from peft import PeftModel
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
folder = sys.argv[2]
settings = json.load(open(f"{folder}/settings.json"))
with safe_open(f"{folder}/shard.safetensors", "pt") as file:
    tokens, offsets, answer, patient = (file.get_tensor(name).long() for name in ("tokens", "offsets", "answer", "patient"))
model = PeftModel.from_pretrained(
    AutoModelForCausalLM.from_pretrained(f"{folder}/base", dtype=torch.float32), f"{folder}/adapter", is_trainable=True)
for name, parameter in model.named_parameters():
    if "lora_A" in name:
        parameter.requires_grad_(False)
model.train()
trained = {name.replace(".default", ""): p for name, p in model.named_parameters() if p.requires_grad}


def loss(record):
    ids = tokens[offsets[record]:offsets[record + 1]]
    logits = model(input_ids=ids[None]).logits[0, answer[record] - 1]
    return torch.nn.functional.cross_entropy(logits[None], ids[answer[record]][None])


def clipped_sum(units):
    total = {name: torch.zeros_like(p, dtype=torch.float64) for name, p in trained.items()}
    for unit in units:
        gradients = torch.autograd.grad(sum(loss(record) for record in unit) / len(unit), list(trained.values()))
        norm = torch.cat([g.double().flatten() for g in gradients]).norm()
        factor = min(1.0, settings["clip"] / float(norm))
        for name, gradient in zip(trained, gradients):
            total[name] += factor * gradient.double()
    return total


records = [[record] for record in range(len(answer))]
patients = [[r for r in range(len(answer)) if patient[r] == number] for number in sorted(set(patient.tolist()))]
output = {}
for kind, units in (("record", records), ("patient", patients)):
    for name, value in clipped_sum(units).items():
        output[f"sum.{kind}.{name}"] = value.float()
if settings["optimizer"] == "adamw":
    optimizer = torch.optim.AdamW(trained.values(), lr=settings["lr"], betas=(0.9, 0.99), eps=1e-8, weight_decay=0.01)
else:
    optimizer = torch.optim.SGD(trained.values(), lr=settings["lr"])
for step in range(settings["steps"]):
    for name, value in clipped_sum(patients).items():
        trained[name].grad = (value / settings["expected"]).float()
    if settings["optimizer"] == "sgd":
        with torch.no_grad():
            for parameter in trained.values():
                parameter.mul_(1 - settings["lr"] * 0.01)
    optimizer.step()
for name, parameter in trained.items():
    output[f"value.{name}"] = parameter.detach().clone()
save_file(output, f"{folder}/reference.safetensors")
