#!/usr/bin/env python3
"""A local-train stage in Python, in about a hundred lines over stage_protocol.py, which speaks the protocol for it.

    tributary swap local-train@north TOPOLOGY --binary interop/local_train.py

It trains nothing: its update is the one that the stage of `trainer: none` makes, a vector that differs from cloud to cloud and from
round to round, so that the two can take each other's place in the middle of a run and the adapter is the same. Training of your own
goes where `is_ready` and `made` are: peft_local_train.py trains with transformers and PEFT.
"""
import functools
import struct
import threading

import msgpack
import stage_protocol
from stage_protocol import digest


def update(opening, cloud):
    """A round's vector for encrypt: little-endian f32 values in layout order."""
    state = 14695981039346656037
    for byte in cloud.encode():
        state = (state ^ byte) * 1099511628211 % 2**64
    state = (state + opening["round"] * 0x9E3779B97F4A7C15) % 2**64
    values = bytearray()
    for _name, shape, reach in opening["layout"]:
        count = 1
        for size in shape:
            count *= size
        for _ in range(count):
            state ^= state << 13 & 2**64 - 1
            state ^= state >> 7
            state ^= state << 17 & 2**64 - 1
            values += struct.pack("<f", reach * ((state >> 40) / 2**23 - 1))
    return bytes(values)


def sensitivities(opening, cloud):
    """How much the loss depends on each value, over the mean of all (docs/protocol.md, "Clear vector"): here without a meaning."""
    sizes = [abs(value) for (value,) in struct.iter_unpack("<f", update(opening, cloud))]
    mean = functools.reduce(float.__add__, sizes, 0.0) / max(len(sizes), 1)  # in order: `sum` of Python 3.12 is more exact than ours
    return b"".join(struct.pack("<d", min(size / mean, 64.0) if mean > 0 else 0.0) for size in sizes)


class LocalTrain(stage_protocol.Stage):
    purposes = ("update", "sensitivity")

    def is_ready(self, opening):
        """Whether all is here that `made` needs."""
        return True

    def made(self, opening):
        """A round's vector, what its offer says about it, and fields for the log; on a thread of its own, away from the journal."""
        make = update if opening["purpose"] == "update" else sensitivities
        return make(opening, self.cloud), {"records": 0, "loss": None, "trained": None, "base": None, "unit": None,
                                               "partition": None}, {}

    def work(self):
        """Begins what the open round asks for, and offers what has been made."""
        if self.job:
            document, opening, result = self.job
            if not result:
                return
            self.job = None
            if document != self.pending:
                return  # overtaken
            self.pending = None
            if isinstance(result[0], Exception):  # this cloud sits the round out, and the reason is on record
                return self.log("opening_refused", "warning", round=opening["round"], reason=f"{type(result[0]).__name__}: {result[0]}"[:1000])
            vector, about, fields = result[0]
            self.offer(self.vector(opening), self.encrypt, vector, {"opening": digest(document), **about})
            return self.log("round_trained" if opening["purpose"] == "update" else "round_answered", round=opening["round"], **fields)
        opening = msgpack.unpackb(self.pending)
        done = self.db.execute("SELECT 1 FROM departure WHERE name = ?", (self.vector(opening),)).fetchone()
        if done or opening["purpose"] not in self.purposes or all(member["cloud"] != self.cloud for member in opening["cohort"]):
            self.pending = None
        elif (opening["privacy"] or {}).get("training"):
            # Gradients of single units are not made here: an update without noise would be one that nobody agreed to.
            self.pending = None
            self.log("opening_refused", "warning", round=opening["round"], reason="this trainer makes no updates under noise")
        elif self.is_ready(opening):
            result = []
            self.job = (self.pending, opening, result)
            threading.Thread(target=lambda: result.append(self.outcome(opening)), daemon=True).start()

    def outcome(self, opening):
        try:
            return self.made(opening)
        except Exception as fault:  # whatever the trainer throws
            return fault

    def vector(self, opening):
        return f"{self.run}/vector/{opening['round']}/{self.cloud}/1"


if __name__ == "__main__":
    stage_protocol.main(LocalTrain)
