"""Tokens per second of transformers + PEFT on the folder that SpeedTests.swift wrote; one thread.

usage: peft_speed.py FOLDER MODE STEPS BATCH

MODE says what is computed beside the layers:
  labels   what a script with `labels` does: logits after every token, all but the answer's ignored
  answers  tuned by hand: logits after each answer's predecessor alone
  all      the loss of every token
"""

import random
import sys
import time

import torch
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
folder, mode, steps, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

with safe_open(f"{folder}/shard.safetensors", "pt") as file:
    tokens, offsets, answer = (file.get_tensor(name).long() for name in ("tokens", "offsets", "answer"))
examples = [
    (tokens[begin:end], int(a)) for begin, end, a in zip(offsets[:-1].tolist(), offsets[1:].tolist(), answer.tolist())
]
examples.sort(key=lambda example: len(example[0]))
batches = []
for first in range(0, len(examples) - size + 1, size):
    chosen = examples[first : first + size]
    width = max(len(ids) for ids, _ in chosen)
    ids = torch.zeros(size, width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, -100)
    for row, (sequence, a) in enumerate(chosen):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
        if mode == "all":
            labels[row, : len(sequence)] = sequence
        else:
            labels[row, a] = sequence[a]
    batches.append((ids, mask, labels, torch.tensor([a for _, a in chosen]), int(mask.sum())))
random.Random(1).shuffle(batches)

model = PeftModel.from_pretrained(
    AutoModelForCausalLM.from_pretrained(f"{folder}/base", dtype=torch.float32), f"{folder}/adapter", is_trainable=True
)
for name, parameter in model.named_parameters():
    if "lora_A" in name:
        parameter.requires_grad_(False)
model.train()
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-3, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
llama = model.get_base_model()


def step(ids, mask, labels, answers):
    optimizer.zero_grad()
    if mode == "answers":
        hidden = llama.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        rows = torch.arange(len(answers))
        loss = torch.nn.functional.cross_entropy(
            llama.lm_head(hidden[rows, answers - 1]), ids[rows, answers])
    else:
        loss = model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    return float(loss)


for index in range(5):
    step(*batches[index % len(batches)][:4])
count = 0
begin = time.perf_counter()
for index in range(steps):
    batch = batches[index % len(batches)]
    step(*batch[:4])
    count += batch[4]
print(count / (time.perf_counter() - begin))
