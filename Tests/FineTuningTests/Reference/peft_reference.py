"""What transformers and PEFT compute from the folders that a test wrote.

usage: peft_reference.py adapter|whole|full|logits FOLDER

FOLDER holds base/ (a Hugging Face model), shard.safetensors and, for `adapter`, adapter/ (a PEFT adapter). Writes
reference.safetensors: `loss` before any step, `losses` of five steps on the whole shard, `gradient.NAME` before the first
and `value.NAME` after the last; for `adapter` also `logits` at each answer. `optimizer` in settings.json is `adamw` or
`sgd` (its decay apart from the gradient), `proximal` the mu of FedProx, `steps` another number of them. `full` is as `adapter`
where there is none and every weight is trained; `whole` counts the loss of every token. `logits` loads published/ as a user would and
writes `logits` after every token of the first example.
"""

import json
import sys

import torch
import torch.nn.utils.parametrize
from peft import PeftModel
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
mode, folder = sys.argv[1], sys.argv[2]
settings = json.load(open(f"{folder}/settings.json"))

with safe_open(f"{folder}/shard.safetensors", "pt") as file:
    tokens, offsets, answer = (file.get_tensor(name).long() for name in ("tokens", "offsets", "answer"))
lengths = offsets[1:] - offsets[:-1]
width = int(lengths.max())
ids = torch.zeros(len(answer), width, dtype=torch.long)
mask = torch.zeros_like(ids)
for row, (begin, length) in enumerate(zip(offsets[:-1].tolist(), lengths.tolist())):
    ids[row, :length] = tokens[begin : begin + length]
    mask[row, :length] = 1

# An adapter stays f32 over a base model in bf16: `autocast_adapter_dtype`, PEFT's default.
if mode == "logits":
    with torch.no_grad():
        logits = AutoModelForCausalLM.from_pretrained(f"{folder}/published")(input_ids=ids[:1, : int(lengths[0])]).logits[0]
    save_file({"logits": logits.contiguous()}, f"{folder}/reference.safetensors")
    sys.exit()
model = AutoModelForCausalLM.from_pretrained(f"{folder}/base", dtype=getattr(torch, settings.get("dtype", "float32")))
if mode == "adapter":
    model = PeftModel.from_pretrained(model, f"{folder}/adapter", is_trainable=True)
    still = {"b": "lora_A", "alternate B": "lora_A", "alternate A": "lora_B", "core": "lora_A"}.get(settings["trains"])
    for name, parameter in model.named_parameters():
        if still and still in name:
            parameter.requires_grad_(False)
    if settings["trains"] == "core":
        # B R in B's place, R the only thing that is trained; B and R come from the test, PEFT's folder has their product.
        class Folded(torch.nn.Module):
            def __init__(self, b):
                super().__init__()
                self.b = b

            def forward(self, r):
                return self.b @ r

        with safe_open(f"{folder}/core.safetensors", "pt") as file:
            for name, module in list(model.named_modules()):
                if name.endswith("lora_B.default"):
                    key = name.removesuffix(".default")
                    b, r = file.get_tensor(f"{key}.weight"), file.get_tensor(f"{key.replace('lora_B', 'lora_R')}.weight")
                    assert torch.allclose(module.weight, b @ r, atol=1e-6), key
                    module.weight = torch.nn.Parameter(r.clone())
                    torch.nn.utils.parametrize.register_parametrization(module, "weight", Folded(b), unsafe=True)
model.train()
trained = {name.replace(".default", "").replace("lora_B.parametrizations.weight.original", "lora_R.weight"): p for name, p in model.named_parameters() if p.requires_grad}


def forward():
    logits = model(input_ids=ids, attention_mask=mask).logits
    if mode in ("adapter", "full"):
        rows = torch.arange(len(answer))
        chosen = logits[rows, answer - 1].float()
        return chosen, torch.nn.functional.cross_entropy(chosen, ids[rows, answer])
    wanted = mask[:, 1:].bool()
    return None, torch.nn.functional.cross_entropy(logits[:, :-1][wanted], ids[:, 1:][wanted])


output = {}
if settings.get("optimizer", "adamw") == "adamw":
    optimizer = torch.optim.AdamW(
        trained.values(), lr=settings["lr"], betas=(0.9, 0.99), eps=1e-8, weight_decay=settings["weight_decay"]
    )
else:
    optimizer = torch.optim.SGD(trained.values(), lr=settings["lr"])
start = [parameter.detach().clone() for parameter in trained.values()]
losses = []
for step in range(settings.get("steps", 5)):
    optimizer.zero_grad()
    logits, loss = forward()
    distance = sum(((now - then) ** 2).sum() for now, then in zip(trained.values(), start))
    (loss + settings.get("proximal", 0.0) / 2 * distance).backward()
    if step == 0:
        output["loss"] = loss.detach().reshape(1)
        if logits is not None:
            output["logits"] = logits.detach().contiguous()
        for name, parameter in trained.items():
            output[f"gradient.{name}"] = parameter.grad.clone()
    torch.nn.utils.clip_grad_norm_(trained.values(), settings["clip"])
    if settings.get("optimizer") == "sgd":
        with torch.no_grad():
            for parameter in trained.values():
                parameter.mul_(1 - settings["lr"] * settings["weight_decay"])
    optimizer.step()
    losses.append(float(loss.detach()))
output["losses"] = torch.tensor(losses)
for name, parameter in trained.items():
    output[f"value.{name}"] = parameter.detach().clone()
save_file(output, f"{folder}/reference.safetensors")
