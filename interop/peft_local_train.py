#!/usr/bin/env python3
"""A local-train stage that trains with transformers and PEFT, on whatever torch finds.

    tributary swap local-train@north TOPOLOGY --binary interop/peft_local_train.py      (or `binary:` in the topology)

It reads the stage's own config (`base`, `threads`, `event`, `no-event`), and does what ours does: shards of ingest and adapters of publish
come in, clipped deltas and histograms of scores go to encrypt. It trains under `freezeA`, `alternate` and `inexact`, and sits out rounds
that ask for other adapters or for sensitivities. The protocol is in stage_protocol.py; beside what that needs, this one needs torch,
transformers, peft, tokenizers and numpy. Batches are drawn in another order than ours.
"""
import hashlib
import json
import os
import random
import struct
import time
import warnings

import msgpack
import numpy
import torch
import yaml
from peft import LoraConfig, get_peft_model
from safetensors.torch import load
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM
from transformers.utils import logging

import local_train
import stage_protocol


def blake2b(data, **options):
    return hashlib.blake2b(data, digest_size=32, **options)


def chacha20(key, count):
    """So many bytes of the stream of RFC 8439, nonce 0."""
    state = numpy.zeros((16, -(-count // 64)), dtype=numpy.uint32)
    state[:4].T[:] = struct.unpack("<4I", b"expand 32-byte k")
    state[4:12].T[:] = struct.unpack("<8I", key)
    state[12] = numpy.arange(state.shape[1])
    x = state.copy()
    rounds = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
    for a, b, c, d in rounds * 10:
        for to, by, mixed, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[to] += x[by]
            x[mixed] ^= x[to]
            x[mixed] = x[mixed] << numpy.uint32(turn) | x[mixed] >> numpy.uint32(32 - turn)
    return (x + state).T.astype("<u4").tobytes()[:count]


def initial_a(name, shape, seed):
    """The A that every cloud derives from the run's seed (docs/protocol.md, "The frozen A")."""
    key = blake2b(b"tributary adapter initialisation 1 " + struct.pack("<Q", seed)).digest()
    words = numpy.frombuffer(chacha20(blake2b(name.encode(), key=key).digest(), 4 * shape.numel()), dtype="<u4")
    bound = numpy.float32(1 / shape[1] ** 0.5)
    return torch.from_numpy(bound * (2 * ((words >> 8).astype(numpy.float32) * numpy.float32(2**-24)) - 1)).reshape(shape)


class PEFTTrain(local_train.LocalTrain):
    purposes = ("update", "evaluation", "sensitivity")
    model = None

    def __init__(self, options):
        super().__init__(options)
        with open(self.config) as file:
            config = yaml.safe_load(file)
        self.base, self.threads = os.path.join(os.path.dirname(self.config), config["base"]), config.get("threads", 1)
        with open(f"{self.base}/tokenizer.json", "rb") as file:
            self.tokenizer = blake2b(file.read()).hexdigest()
        words = Tokenizer.from_file(f"{self.base}/tokenizer.json")
        answers = [words.encode(config.get(*each), add_special_tokens=False).ids for each in (("event", " died"), ("no-event", " survived"))]
        (self.event,), (self.no_event,) = answers  # one token each

    def base_digest(self):
        """Of config.json and of each tensor's name, type and bytes, as they lie on the disk and in the order in which a token meets them."""
        with open(f"{self.base}/config.json", "rb") as file:
            text = file.read()
        with open(f"{self.base}/model.safetensors", "rb") as file:
            weights = file.read()
        begin, hasher, config = 8 + int.from_bytes(weights[:8], "little"), blake2b(text), json.loads(text)
        header = json.loads(weights[8:begin])
        parts = ("input_layernorm", *(f"self_attn.{each}_proj" for each in "qkvo"), "post_attention_layernorm",
                 *(f"mlp.{each}_proj" for each in ("gate", "up", "down")))
        names = ["model.embed_tokens", *(f"model.layers.{layer}.{part}" for layer in range(config["num_hidden_layers"]) for part in parts),
                 "model.norm", *([] if config.get("tie_word_embeddings") else ["lm_head"])]
        for name in (f"{name}.weight" for name in names):
            first, last = header[name]["data_offsets"]
            hasher.update(f"\n{name} {header[name]['dtype']}\n".encode() + weights[begin + first:begin + last])
        return hasher.hexdigest()

    def is_ready(self, opening):
        """All shards are here, and the adapter that the round starts from; what `made` needs of the journal is taken out of it."""
        shards = {int(name.split("/")[4]): msgpack.unpackb(offer)["about"] for name, offer in self.db.execute(
            "SELECT name, offer FROM arrival WHERE kind = 'shard' AND state = 'held'")}
        if not shards or len(shards) < shards[min(shards)]["of"]:
            return False
        self.start = None
        if opening["starts-from"]:
            kept = [self.payload(*row) for table, state in (("arrival", "held"), ("departure", "kept")) for row in self.db.execute(
                f"SELECT payload, file FROM {table} WHERE kind = 'adapter' AND round = ? AND state = ?", (opening["starts-from"], state))]
            found = [values for values in kept if stage_protocol.content_digest(values) == opening["adapter-digest"]]
            if not found:
                return False
            self.start = torch.frombuffer(bytearray(found[0]), dtype=torch.float32)
        if not hasattr(self, "examples"):
            self.examples = {"train": [], "validation": [], "test": []}
            for part, about in sorted(shards.items()):
                row = self.db.execute("SELECT payload, file FROM arrival WHERE name LIKE '%/shard/0/%/' || ?", (str(part),)).fetchone()
                shard = load(self.payload(*row))
                pieces = torch.tensor_split(shard["tokens"].long(), shard["offsets"][1:-1])
                self.examples[about["split"]] += zip(pieces, shard["answer"].tolist(), shard["label"].tolist())
            self.tokenizers = {about["tokenizer"] for about in shards.values()}
        return True

    def payload(self, inline, file):
        if inline is not None:
            return inline
        with open(f"{self.state}/{self.me}/spool/{file}", "rb") as spooled:
            return spooled.read()

    def prepare(self, opening):
        """The model under the opening's adapter, at the values that the round starts from."""
        torch.set_num_threads(self.threads)
        plan = opening["adapter"]
        if plan["trains"] not in ("b", "both", "alternate") or opening["purpose"] == "sensitivity":
            raise ValueError(f"no {opening['purpose']} of an adapter that trains {plan['trains']} here")
        if self.model is None:
            self.digest = self.base_digest()
            self.model = get_peft_model(
                AutoModelForCausalLM.from_pretrained(self.base, dtype=torch.float32), LoraConfig(r=plan["rank"], lora_alpha=plan["alpha"], target_modules=plan["targets"], lora_dropout=0.0))
        if plan["base-digest"] != self.digest or {plan["tokenizer-digest"]} != self.tokenizers | {self.tokenizer}:
            raise ValueError("another base model or tokenizer than this cloud's")
        factors = {name.replace(".default", ""): value for name, value in self.model.named_parameters() if "lora_" in name}
        released = {name: value for name, value in factors.items() if plan["trains"] != "b" or "lora_B" in name}
        with torch.no_grad():
            for name, value in factors.items():
                value.copy_(initial_a(name, value.shape, plan["seed"]) if "lora_A" in name else torch.zeros_like(value))
            if self.start is not None:
                torch.nn.utils.vector_to_parameters(self.start, released.values())
        return released

    def logits(self, batch):
        """After the token before each answer."""
        tokens = torch.nn.utils.rnn.pad_sequence([tokens for tokens, _answer, _label in batch], batch_first=True)
        lengths, rows = torch.tensor([len(tokens) for tokens, _answer, _label in batch]), torch.arange(len(batch))
        answers = torch.tensor([answer for _tokens, answer, _label in batch])
        output = self.model(input_ids=tokens, attention_mask=(torch.arange(tokens.shape[1]) < lengths[:, None]).long())
        return output.logits[rows, answers - 1], tokens[rows, answers]

    def made(self, opening):
        released = self.prepare(opening)
        about = {"records": len(self.examples["train"]), "loss": None, "trained": None, "base": None, "unit": None,
                 "partition": None}
        if opening["purpose"] == "update":
            vector, milliseconds, fields = self.update(opening, released)
            excess = max(0, milliseconds.bit_length() - 4)
            return vector, about | {"trained": milliseconds >> excess << excess}, fields
        vector, loss = self.scores(self.examples[opening["split"]])
        if opening["split"] == "validation" and loss > 0:
            about["loss"] = int(max(1, min(loss * 1024, 1 << 24)))
        return vector, about, {"loss": loss}

    def update(self, opening, released):
        plan, began = opening["training"], time.monotonic()
        turn = ("lora_A" if "lora_A" in opening["layout"][0][0] else "lora_B") if opening["adapter"]["trains"] == "alternate" else ""
        expected = {name: value for name, value in released.items() if turn in name}
        if [segment[:2] for segment in opening["layout"]] != [[name, list(value.shape)] for name, value in expected.items()]:
            raise ValueError("its layout is not that of the adapter it describes")
        trained = list(expected.values())
        for value in self.model.parameters():
            value.requires_grad_(any(value is each for each in trained))
        start = [value.detach().clone() for value in trained]
        steps = next((each["steps"] for each in plan["pacing"] or () if each["cloud"] == self.cloud), plan["steps"])
        rule = dict(lr=plan["rate"], weight_decay=plan["decay"], betas=(0.9, 0.99)) if plan["optimizer"] == "adamw" else dict(lr=plan["rate"])
        optimizer = (torch.optim.AdamW if plan["optimizer"] == "adamw" else torch.optim.SGD)(trained, **rule)
        order, ready, losses = random.Random(plan["seed"] + opening["round"]), [], []
        examples = self.examples["train"]
        size = min(plan["batch"], len(examples))
        for _step in range(steps):
            if len(ready) < size:
                ready = order.sample(examples, len(examples))
            batch, ready = ready[:size], ready[size:]
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(*self.logits(batch))
            loss.backward()
            for value, before in zip(trained, start):
                value.grad += plan["proximal"] * (value.detach() - before)
                if plan["optimizer"] == "sgd":
                    value.data *= 1 - plan["rate"] * plan["decay"]
            if plan["gradient-clip"] > 0:
                torch.nn.utils.clip_grad_norm_(trained, plan["gradient-clip"])
            optimizer.step()
            losses.append(loss.item())
        delta = torch.cat([(value.detach() - before).flatten() for value, before in zip(trained, start)]).double()
        norm = delta.norm().item()
        if not norm < float("inf"):
            raise ValueError("training went astray: the update is not finite")
        if 0 < opening["clip"] < norm:
            delta *= opening["clip"] / norm
        milliseconds = max(1, int(1000 * (time.monotonic() - began)))
        return delta.float().numpy().astype("<f4").tobytes(), milliseconds, {
            "trainer": "peft", "delta_norm": norm, "first_loss": losses[0], "last_loss": losses[-1], "seconds": milliseconds / 1000}

    @torch.no_grad()
    def scores(self, examples):
        """Histograms of the event's logit less that of its absence (docs/protocol.md, "Clear vector"), and the mean loss."""
        found, losses = [], []
        for first in range(0, len(examples), 64):
            logits, targets = self.logits(examples[first:first + 64])
            found += (logits[:, self.event] - logits[:, self.no_event]).tolist()
            losses += torch.nn.functional.cross_entropy(logits, targets, reduction="none").tolist()
        reach, counts = numpy.arcsinh(200.0), numpy.zeros((2, 4096))
        for score, (_tokens, _answer, label) in zip(found, examples):
            place = (numpy.arcsinh(score / 0.1) + reach) / (2 * reach) * 4096
            counts[1 - label, int(min(max(place, 0), 4095)) if place == place else 0] += 1
        return counts.astype("<f8").tobytes(), sum(losses) / max(1, len(losses))


if __name__ == "__main__":
    logging.disable_progress_bar()
    warnings.simplefilter("ignore")  # standard error has the log, a line of JSON for each event
    stage_protocol.main(PEFTTrain)
