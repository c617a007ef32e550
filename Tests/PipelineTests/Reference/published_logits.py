"""What transformers and PEFT compute from a base model and a published adapter, as a user would load them.

usage: published_logits.py BASE ADAPTER FOLDER

FOLDER holds prompts.json: a list of lists of token ids. Writes logits.safetensors there: `base.N` and `adapter.N`, the logits
after every token of prompt N.
"""

import json
import sys

import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
base, adapter, folder = sys.argv[1:4]
prompts = json.load(open(f"{folder}/prompts.json"))


@torch.no_grad()
def logits(model, ids):
    return model(input_ids=torch.tensor([ids])).logits[0].float().contiguous()


model = AutoModelForCausalLM.from_pretrained(base).eval()
output = {f"base.{index}": logits(model, ids) for index, ids in enumerate(prompts)}
model = PeftModel.from_pretrained(model, adapter).eval()
output |= {f"adapter.{index}": logits(model, ids) for index, ids in enumerate(prompts)}
save_file(output, f"{folder}/logits.safetensors")
