"""Peers that mean harm, for hostile.py: each runs in a process of its own, and counts what it has done.

What they send is made of sound messages, mutated: bits, lengths, truncations, insertions, frames too many or too few, nesting,
texts of other rounds, runs and epochs, and the same again. An insider has a valid key of its role and signs what it likes with it.
"""
import ctypes
import multiprocessing
import os
import random
import select
import socket
import struct
import time

import msgpack
import zmq
from nacl.public import PrivateKey
from nacl.signing import SigningKey
from zmq.utils import z85

CHUNK = 128 << 10
KINDS = ("opening", "release", "abandonment", "offer", "want", "chunk", "receipt", "hello", "beat", "heard", "nonsense")
WHATS = ("shard", "vector", "contribution", "record", "evidence", "sum", "share", "shortfall", "adapter", "advertisement",
         "roster", "shares", "agreement", "survivors", "consent", "consents", "disclosure", "withdrawal")


class Tally:
    """Counters that all processes share."""

    def __init__(self, *names):
        self.values = {name: multiprocessing.Value(ctypes.c_uint64, 0) for name in names}

    def add(self, name, count=1):
        with self.values[name].get_lock():
            self.values[name].value += count

    def __getitem__(self, name):
        return self.values[name].value


class Keys:
    def __init__(self, state, stage):
        self.stage = stage
        cloud = stage.split("/")[0]
        self.curve = self.secret(f"{state}/keys/secret/{stage}.curve")
        self.signing = SigningKey(self.secret(f"{state}/keys/secret/{stage}.sign"))
        self.public = bytes(PrivateKey(self.curve).public_key)
        self.cloud = cloud

    @staticmethod
    def secret(path):
        with open(path) as file:
            return bytes.fromhex(file.read().strip().split(":")[1])

    @staticmethod
    def card(state, stage):
        with open(f"{state}/keys/public/{stage}.pub") as file:
            return bytes.fromhex(dict(line.split(": ", 1) for line in file.read().splitlines())["curve"])


class Mutator:
    """Messages without end, from one seed."""

    def __init__(self, seed, keys, run, others, seeds):
        self.chance, self.keys, self.run, self.others = random.Random(seed), keys, run, others
        self.seeds = seeds  # sound documents of every kind, with the kind of the messages that carry them
        self.carried = [each for each in seeds if each[0]]
        self.sent = []

    def envelope(self, **changes):
        chance = self.chance
        fields = {"v": 1, "kind": chance.choice(KINDS), "from": self.keys.stage, "epoch": chance.choice((0, 1, 1, 1, 2, 2**63, 2**64 - 1)),
                  "seq": chance.choice((0, 0, 1, 2**32, 2**64 - 1)), "transfer": None, "first": 0, "end": 0}
        if fields["kind"] in ("want", "chunk", "nonsense"):
            fields.update(transfer=self.name(), first=chance.choice((0, 1, 2**31, 2**40)), end=chance.choice((0, 9, 2**31)))
        fields.update(changes)
        return msgpack.packb(fields)

    def name(self):
        chance = self.chance
        return "/".join((chance.choice((self.run, self.run, "elsewhere")), chance.choice(WHATS), str(chance.choice((0, 1, 2, 3, 4, 99, 2**32 - 1))),
                         chance.choice((self.keys.cloud, *self.others)), str(chance.choice((0, 1, 7)))))

    def offer(self):
        """Signed, and about a transfer that nobody asked for, or that is much too long."""
        chance = self.chance
        about = {"opening": chance.randbytes(32), "suite": "paillier", "profile": "standard", "key": chance.randbytes(16), "bits": 12,
                 "room": 4, "weight": chance.choice((0, 1, 2**32 - 1))}
        # Half of them are what a stage of its cloud may offer, of a round that is over.
        name = f"{self.run}/contribution/{chance.choice((0, 1))}/{self.keys.cloud}/0" if chance.random() < 0.5 else self.name()
        content = {"name": name, "maker": self.keys.stage, "bytes": chance.choice((1, CHUNK, 2**31, 2**31 + 1)),
                   "digest": chance.randbytes(32), "about": chance.choice((about, {}, {"opening": chance.randbytes(32)}, nested(chance.choice((3, 7, 9, 500)))))}
        try:
            document = msgpack.packb(content)
        except ValueError:  # deeper than this packer goes
            document = b"\x91" * 5000
        return document, self.keys.signing.sign(b"tributary 1 offer\n" + document).signature

    def sound(self):
        chance = self.chance
        which = chance.random()
        if which < 0.3:
            document, signature = self.offer()
            return [self.envelope(kind="offer"), document, signature, chance.randbytes(chance.choice((0, 1, 100)))]
        if which < 0.8:
            # Half of them as the kind that they are: these are decoded, and refused for what they say.
            kind, document = chance.choice(self.carried if chance.random() < 0.5 else self.seeds)
            kind = kind if kind and chance.random() < 0.8 else chance.choice(KINDS)
            return [self.envelope(kind=kind), document, self.keys.signing.sign(f"tributary 1 {kind}\n".encode() + document).signature, b""]
        return [self.envelope(), b"", b"", b""]

    def message(self):
        chance = self.chance
        if self.sent and chance.random() < 0.1:
            return chance.choice(self.sent)  # the same again
        frames = self.sound()
        which = chance.random()
        if which < 0.70:
            place = chance.choice((0, 0, 1, 1, 2, 3))
            frames[place] = self.mutated(frames[place])
        elif which < 0.75:
            frames = frames[:chance.randrange(1, 4)] if chance.random() < 0.5 else frames + [b""] * chance.choice((1, 4, 60))
        elif which < 0.80:
            frames[chance.choice((0, 1))] = deep(chance)
        elif which < 0.82:
            frames[1] = chance.randbytes(64) * chance.choice((16, 4096, 4097))  # to what a hub takes, and beyond
        elif which < 0.83:
            frames[3] = bytes(CHUNK + 1)
        elif which < 0.86:
            frames[0] = self.envelope(**{"from": chance.choice(("office/publish", "north/encrypt", "office/aggregate", "x/y", "../..", "a" * 900))})
        # Else as it is: signed, and of this stage.
        if len(self.sent) < 200:
            self.sent.append(frames)
        return frames

    def mutated(self, frame):
        chance, data = self.chance, bytearray(frame)
        for _ in range(chance.choice((1, 1, 2, 8))):
            which = chance.randrange(6)
            if which == 0 or not data:
                data[chance.randrange(len(data) + 1):0] = chance.randbytes(chance.choice((1, 4, 32)))
            elif which == 1:
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            elif which == 2:
                data[chance.randrange(len(data))] = chance.choice((0xc1, 0xdf, 0xdd, 0xdb, 0xc6, 0xff, 0x00, 0x80, 0xc0, 0xcb, 0xd9))
            elif which == 3:
                del data[chance.randrange(len(data)):]
            elif which == 4:
                at = chance.randrange(len(data))
                data[at:at + 4] = b"\xff\xff\xff\xff"
            else:
                at = chance.randrange(len(data))
                data[at:at] = data[at:at + chance.randrange(64)]
        return bytes(data)


def nested(depth):
    value = []
    for _ in range(min(depth, 400)):
        value = [value]
    return value


def deep(chance):
    depth = chance.choice((3, 9, 1000, 60_000))
    return chance.choice((b"\x91" * depth, b"\x81\xa1a" * depth, b"\xdd\xff\xff\xff\xff" * min(depth, 1000), b"\xdc\xff\xff" * min(depth, 1000)))


def insider(seed, keys, server, hub, run, others, seeds, tally, until):
    """Sends mutated messages to a hub by a key that it admits, and mutated subscriptions to its news."""
    mutator = Mutator(seed, keys, run, others, seeds)
    context = zmq.Context()

    def dial(kind, port):
        each = context.socket(kind)
        each.curve_serverkey, each.curve_publickey, each.curve_secretkey = z85.encode(server), z85.encode(keys.public), z85.encode(keys.curve)
        each.setsockopt(zmq.LINGER, 2000)
        each.setsockopt(zmq.RECONNECT_IVL, 50)
        each.connect(f"tcp://127.0.0.1:{port}")
        return each

    work, news = dial(zmq.PUSH, hub[0]), dial(zmq.XSUB, hub[1])
    chance = mutator.chance
    number = messages = frames = 0
    while not until.is_set():
        number += 1
        if number % 50 == 0:
            news.send(chance.choice((b"\1", b"\0")) + mutator.mutated(chance.choice((b"all\n", b"to north/encrypt\n", b"to office/publish\n"))))
            frames += 1
        message = mutator.message()
        if number % 20_000 == 0:
            message = [message[0], bytes((1 << 20) + 200), b"", b""]  # beyond ZMQ_MAXMSGSIZE: the hub hangs up
        try:
            work.send_multipart(message, zmq.NOBLOCK)
        except zmq.Again:
            work.poll(100, zmq.POLLOUT)
            continue
        messages, frames = messages + 1, frames + len(message)
        if messages % 500 == 0:
            tally.add("messages", 500)
            tally.add("frames", frames)
            frames = 0
    context.destroy()


def knocker(seed, keys, server, port, tally, until):
    """Shows one wrong key after another: strangers', none at all, and `keys`, which is a stage's that has no business there."""
    chance = random.Random(seed)
    context = zmq.Context()
    while not until.is_set():
        try:
            each = context.socket(zmq.PUSH)
        except zmq.ZMQError:  # those that were closed are not gone yet
            time.sleep(0.1)
            continue
        each.setsockopt(zmq.LINGER, 0)
        secret = PrivateKey.generate() if chance.random() < 0.7 else PrivateKey(keys.curve)
        if chance.random() < 0.9:
            each.curve_serverkey = z85.encode(server)
            each.curve_publickey, each.curve_secretkey = z85.encode(bytes(secret.public_key)), z85.encode(bytes(secret))
        each.connect(f"tcp://127.0.0.1:{port}")
        each.poll(50, zmq.POLLOUT)
        each.close()
        tally.add("knocks")
    context.destroy()


def crowd(seed, ports, count, tally, until):
    """Keeps so many connections open that say nothing, or a byte now and then, or nonsense; who is cut off dials again."""
    chance = random.Random(seed)
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE" + bytes(15) + b"\0" + bytes(31)
    poller, peers = select.epoll(), {}

    def dial():
        peer = socket.socket()
        peer.setblocking(False)
        peer.connect_ex(("127.0.0.1", chance.choice(ports)))
        peers[peer.fileno()] = (peer, chance.choice(("silent", "slow", "nonsense", "greeting")))
        poller.register(peer.fileno(), select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR)
        tally.add("connections")

    while not until.is_set():
        for _ in range(min(count - len(peers), 100)):
            dial()
        for number, _events in poller.poll(0.02):
            peer, _manner = peers[number]
            try:
                if peer.recv(4096):
                    continue
            except BlockingIOError:
                continue
            except OSError:
                pass
            poller.unregister(number)
            peer.close()
            del peers[number]
        for number in chance.sample(list(peers), min(len(peers), 50)):
            peer, manner = peers[number]
            try:
                if manner == "slow":
                    peer.send(greeting[:1] if chance.random() < 0.5 else chance.randbytes(1))
                elif manner == "nonsense":
                    peer.send(chance.randbytes(chance.choice((1, 64, 4096))))
                elif manner == "greeting":
                    peer.send(greeting + struct.pack(">BBB", 4, chance.randrange(256), 5) + chance.randbytes(32))
            except OSError:
                pass
            tally.add("raw")
    for peer, _manner in peers.values():
        peer.close()


def start(target, *words):
    process = multiprocessing.Process(target=calm, args=(target, *words), daemon=True)
    process.start()
    return process


def calm(target, *words):
    try:
        target(*words)
    except KeyboardInterrupt:
        pass


SIGNED = ("opening", "release", "abandonment", "offer", "receipt")


def seeds():
    """Sound documents, and of those that a message carries its kind: the seeds of the decoders' fuzzer, after their first two bytes, which
    choose the decoder."""
    folder = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Fuzzing", "seeds")
    found = []
    for name in sorted(os.listdir(folder)):
        with open(f"{folder}/{name}", "rb") as file:
            document = file.read()[2:]
        kind = name.split("-")[0]
        # `opening-0` is of a sum, by a share of its key.
        is_carried = kind in SIGNED and name != "opening-0"
        if 0 < len(document) < 20_000:
            found.append((kind if is_carried else None, document))
    check(found)
    return found


def check(found):
    """Refuses seeds that are not sound any more, as they are once a seed begins with more or fewer bytes than are cut off: what is mutated
    of such ones is refused for its first byte, whatever else is in it."""
    fields = {"opening": "cohort", "release": "opening", "abandonment": "missing", "offer": "maker", "receipt": "outcome"}
    for kind, field in fields.items():
        sound = 0
        for document in (document for each, document in found if each == kind):
            try:
                content = msgpack.unpackb(document, strict_map_key=False)
                sound += isinstance(content, dict) and field in content
            except (ValueError, msgpack.exceptions.ExtraData):
                pass
        if sound == 0 or sound < sum(each == kind for each, _ in found):
            raise SystemExit(f"{sound} of {sum(each == kind for each, _ in found)} seeds of an {kind} are sound documents: look at how "
                             "Tests/Fuzzing/Harness.swift puts its seeds together, and at `seeds` here")
