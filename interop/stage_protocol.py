"""The protocol's half of a local-train stage in Python (docs/protocol.md): keys, journal, sockets, transfers and receipts. What is
trained is local_train.py's half, or peft_local_train.py's. It needs pyzmq, msgpack, PyNaCl and PyYAML, and keeps the journal of the stage
that it replaces.
"""
import argparse
import collections
import fcntl
import hashlib
import json
import os
import re
import signal
import socket
import sqlite3
import struct
import sys
import time

import msgpack
import yaml
import zmq
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey
from zmq.utils import z85

CHUNK, WINDOW, UNASKED, KIND = 128 << 10, 16, 4, "local-train"
# The journal of a stage of ours (Sources/StageKit/Journal/Journal.swift), and how that knows which form it has.
TABLES = """
CREATE TABLE arrival (
    name TEXT PRIMARY KEY, kind TEXT NOT NULL, round INTEGER NOT NULL, offer BLOB NOT NULL, signature BLOB NOT NULL,
    digest BLOB NOT NULL, peer TEXT NOT NULL, payload BLOB, file TEXT, count INTEGER NOT NULL, state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE TABLE departure (
    name TEXT NOT NULL, receiver TEXT NOT NULL, kind TEXT NOT NULL, round INTEGER NOT NULL, offer BLOB NOT NULL,
    signature BLOB NOT NULL, payload BLOB, file TEXT, count INTEGER NOT NULL, state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (name, receiver)) WITHOUT ROWID;
CREATE TABLE document (
    kind TEXT NOT NULL, round INTEGER NOT NULL, bytes BLOB NOT NULL, signature BLOB NOT NULL, PRIMARY KEY (kind, round)) WITHOUT ROWID;
CREATE TABLE fact (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
INSERT INTO grdb_migrations VALUES ('1');
"""
Message = collections.namedtuple("Message", "kind sender epoch seq transfer first end document signature bulk")


def digest(data):
    """Of a document's bytes."""
    return hashlib.blake2b(data, digest_size=32).digest()


def content_digest(data):
    """Of a payload: a tree of two levels (docs/protocol.md, "Documents")."""
    leaves = (data[at:at + 16384] for at in range(0, len(data), 16384))
    digests = b"".join(hashlib.blake2b(leaf, digest_size=32, person=b"tributary leaf 1").digest() for leaf in leaves)
    return hashlib.blake2b(digests + struct.pack("<Q", len(data)), digest_size=32, person=b"tributary root 1").digest()


def notify(text):
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(text.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)


class Stage:
    """Keys, journal, sockets, transfers and the loop. Whoever derives from it says what is done about an open round:
    `work()` is called while `pending` is an opening's document or `job` is set, and offers a vector by `offer`."""

    def __init__(self, options):
        with open(options.topology) as file:
            topology = yaml.safe_load(file)
        self.cloud, self.role = options.cloud, KIND if options.worker == 1 else f"{KIND}-{options.worker}"
        self.me = f"{self.cloud}/{self.role}"
        self.run = str(topology.get("run", topology["federation"]))
        self.state = os.path.abspath(options.state)
        places = {kind: (name, stage) for name, cloud in topology["clouds"].items() for kind, stage in cloud["stages"].items()}
        owner, hub = places["publish"]
        self.publish, self.encrypt, self.ingest = f"{owner}/publish", f"{self.cloud}/encrypt", f"{self.cloud}/ingest"
        host = hub.get("advertise", hub["bind"])
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        base = f"{runtime if runtime.startswith('/') else '/tmp'}/tributary-{os.geteuid()}"
        folder = self.folder = f"{base}/" + digest(f"{self.state}\n{self.cloud}".encode()).hex()[:12]
        self.config = options.config or os.path.join(
            os.path.dirname(os.path.abspath(options.topology)), topology["clouds"][self.cloud]["stages"][self.role].get("config", ""))
        self.ends = {self.publish: (f"tcp://{host}:{hub['work']}", f"tcp://{host}:{hub['news']}"),
                     self.encrypt: (f"ipc://{folder}/encrypt.work", f"ipc://{folder}/encrypt.news"),
                     self.me: (f"ipc://{folder}/{self.role}.work", f"ipc://{folder}/{self.role}.news")}
        self.cards = {stage: self.cards_of(stage) for stage in (*self.ends, self.ingest)}
        self.own, self.curve, signing = self.own_keys()
        self.signing = SigningKey(signing)
        self.sending, self.receiving, self.heard = {}, {}, {}
        self.pending = self.farewell = self.job = None
        self.enquiry = [time.monotonic() + 2, 2]  # when publish is asked again, and the pause before that
        self.leaving = False

    def cards_of(self, stage):
        """A stage's keys that count, the newest first: (curve, sign) of STAGE.pub, STAGE.2.pub, ... but for those revoked."""
        cloud, kind = stage.split("/")
        folder, found = f"{self.state}/keys/public/{cloud}", []
        revoked = set()
        if os.path.exists(f"{folder}/revoked"):
            with open(f"{folder}/revoked") as file:
                revoked = {tuple(line.split(" ")[:3]) for line in file}
        for name in os.listdir(folder):
            number = re.fullmatch(rf"{kind}(?:\.(\d+))?\.pub", name)
            if number:
                with open(f"{folder}/{name}") as file:
                    lines = dict(line.split(": ", 1) for line in file.read().splitlines())
                if (stage, lines["curve"], lines["sign"]) not in revoked:
                    found.append((int(number[1] or 1), bytes.fromhex(lines["curve"]), VerifyKey(bytes.fromhex(lines["sign"]))))
        if not found:
            sys.exit(f"there is no public card of {stage} in {folder} that counts")
        return [card[1:] for card in sorted(found, key=lambda card: -card[0])]

    def own_keys(self):
        """This stage's newest keys that count: the public half, and the secrets."""
        for public, verifying in self.cards_of(self.me):
            for number in range(1, 1000):
                infix = f".{number}" if number > 1 else ""
                if not os.path.exists(f"{self.state}/keys/secret/{self.me}{infix}.sign"):
                    break
                signing = self.secret(f"{infix}.sign")
                if SigningKey(signing).verify_key == verifying:
                    return public, self.secret(f"{infix}.curve"), signing
        sys.exit(f"no secret keys of {self.me} belong to a card of it that counts")

    def secret(self, suffix):
        with open(f"{self.state}/keys/secret/{self.me}{suffix}") as file:
            return bytes.fromhex(file.read().strip().split(":")[1])

    def log(self, event, level="info", **fields):
        now = time.time_ns()
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9)) + f".{now % 10**9:09d}Z"
        line = {"time": when, "level": level, "run": self.run, "cloud": self.cloud, "stage": self.role, "event": event, **fields}
        os.write(2, (json.dumps(line) + "\n").encode())

    # The journal: the tables of the stage that this one replaces, so that either goes on where the other was.

    def open_journal(self):
        self.db = sqlite3.connect(f"{self.state}/{self.me}/journal.sqlite", isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        if not self.db.execute("SELECT 1 FROM sqlite_schema").fetchone():
            self.db.executescript(f"BEGIN; {TABLES} COMMIT;")
        run = self.fact("run")
        if run is not None and run != self.run.encode():
            sys.exit(f"{self.state}/{self.me} holds run {run.decode()}, the topology names run {self.run}")
        self.epoch = int.from_bytes(self.fact("epoch") or bytes(8), "big") + 1
        self.set_fact("epoch", self.epoch.to_bytes(8, "big"))
        self.set_fact("run", self.run.encode())
        for name, receiver, offer, payload, file in self.db.execute(
                "SELECT name, receiver, offer, payload, file FROM departure WHERE state = 'sending'").fetchall():
            if payload is None:
                with open(f"{self.state}/{self.me}/spool/{file}", "rb") as spooled:
                    payload = spooled.read()
            signature = self.signing.sign(b"tributary 1 offer\n" + offer).signature  # it may be of keys that this stage had before
            self.sending[name] = [receiver, offer, signature, payload, 0.0, 0.3]
        newest = self.db.execute("SELECT bytes FROM document WHERE kind = 'opening' ORDER BY round DESC LIMIT 1").fetchone()
        if newest and not self.is_over(msgpack.unpackb(newest[0])["round"]):
            self.pending = newest[0]
        final = self.db.execute("SELECT bytes FROM document WHERE kind = 'release' ORDER BY round DESC LIMIT 1").fetchone()
        if final and msgpack.unpackb(final[0])["final"]:
            self.farewell = digest(final[0])

    def fact(self, key):
        row = self.db.execute("SELECT value FROM fact WHERE key = ?", (key,)).fetchone()
        return row and row[0]

    def set_fact(self, key, value):
        self.db.execute("INSERT OR REPLACE INTO fact (key, value) VALUES (?, ?)", (key, value))

    def is_over(self, number):
        ends = "SELECT 1 FROM document WHERE kind IN ('release', 'abandonment') AND round = ?"
        return self.db.execute(ends, (number,)).fetchone() is not None

    # Sockets and messages.

    def open_sockets(self):
        self.context = zmq.Context()
        self.pull, self.news = self.socket(zmq.PULL), self.socket(zmq.XPUB)
        self.news.setsockopt(zmq.XPUB_VERBOSE, 1)
        self.pull.bind(self.ends[self.me][0])
        self.news.bind(self.ends[self.me][1])
        self.push, self.subs, self.key = {}, {}, 0
        for stage in (self.publish, self.encrypt):
            self.dial(stage)

    def socket(self, kind):
        made = self.context.socket(kind)
        for option, value in ((zmq.LINGER, 500), (zmq.RCVHWM, 128), (zmq.HEARTBEAT_IVL, 2000), (zmq.HEARTBEAT_TIMEOUT, 10000),
                              (zmq.CONNECT_TIMEOUT, 3000), (zmq.RECONNECT_IVL, 50), (zmq.RECONNECT_IVL_MAX, 1000),
                              (zmq.MAXMSGSIZE, (4 << 20) + 64)):
            made.setsockopt(option, value)
        return made

    def dial(self, stage):
        push, sub = self.push[stage], self.subs[stage] = self.socket(zmq.PUSH), self.socket(zmq.SUB)
        push.setsockopt(zmq.IMMEDIATE, 1)
        for topic in ("all\n", f"to {self.me}\n"):
            sub.setsockopt(zmq.SUBSCRIBE, topic.encode())
        for each, end in ((push, self.ends[stage][0]), (sub, self.ends[stage][1])):
            if stage == self.publish:  # by its newest key first; `tick` tries the others
                each.curve_serverkey = z85.encode(self.cards[stage][self.key % len(self.cards[stage])][0])
                each.curve_publickey, each.curve_secretkey = z85.encode(self.own), z85.encode(self.curve)
            each.connect(end)
        self.dialled = time.monotonic()

    def send(self, kind, to, transfer=None, first=0, end=0, document=b"", signature=b"", bulk=b""):
        envelope = msgpack.packb({"v": 1, "kind": kind, "from": self.me, "epoch": self.epoch, "seq": 0, "transfer": transfer,
                                  "first": first, "end": end})
        frames = [envelope, document, signature, bulk]
        try:
            if to in self.push:
                self.push[to].send_multipart(frames, zmq.NOBLOCK)
            else:
                self.news.send_multipart([f"to {to}\n".encode(), *frames], zmq.NOBLOCK)
        except zmq.Again:
            pass  # said again until it is answered

    def sign(self, kind, content):
        document = msgpack.packb(content)
        return document, self.signing.sign(f"tributary 1 {kind}\n".encode() + document).signature

    def verified(self, kind, message):
        for _curve, verifying in self.cards[message.sender]:
            try:
                verifying.verify(f"tributary 1 {kind}\n".encode() + message.document, message.signature)
                return msgpack.unpackb(message.document)
            except BadSignatureError:
                pass
        raise ValueError(f"the signature is none of {message.sender}'s")

    def receive(self, frames, allowed):
        if len(frames) != 4 or len(frames[0]) > 1024:
            return self.log("message_refused", "warning", reason=f"{len(frames)} frames")
        try:
            envelope = msgpack.unpackb(frames[0])
            if envelope.pop("v") != 1 or envelope["from"] not in allowed:
                raise ValueError(f"version or sender {envelope['from']}")
            message = Message(envelope["kind"], envelope["from"], envelope["epoch"], envelope["seq"], envelope["transfer"],
                              envelope["first"], envelope["end"], *frames[1:])
            self.take(message)
        except (ValueError, KeyError, TypeError, AttributeError, msgpack.UnpackException, BadSignatureError) as fault:
            self.log("message_refused", "warning", reason=f"{type(fault).__name__}: {fault}"[:200])

    def take(self, message):
        if message.kind in ("opening", "release", "abandonment", "beat"):
            if message.sender not in self.push:
                raise ValueError(f"{message.sender} is no hub of this stage")
            self.notice(message)
        if message.kind in ("opening", "release", "abandonment"):
            if message.sender != self.publish:
                raise ValueError(f"only {self.publish} announces")
            self.announced(message.kind, self.verified(message.kind, message), message)
        elif message.kind == "offer":
            self.offered(self.verified("offer", message), message)
        elif message.kind == "chunk":
            self.chunk(message)
        elif message.kind == "want":
            self.wanted(message)
        elif message.kind == "receipt":
            self.receipted(self.verified("receipt", message), message)
        elif message.kind == "hello":
            self.send("beat", message.sender)
        elif message.kind == "heard" and message.document == self.farewell:
            self.set_fact("end", b"\1")
            self.leaving = True

    def notice(self, message):
        epoch, seq = self.heard.get(message.sender, (None, 0))
        self.heard[message.sender] = (message.epoch, message.seq)
        if epoch == message.epoch and message.seq > seq + (message.kind != "beat"):
            self.ask(message.sender)
        elif epoch != message.epoch:
            self.enquiry = [time.monotonic() + 2, 2] if message.sender == self.publish else self.enquiry
            for transfer in self.sending.values():
                transfer[4] = time.monotonic()

    def ask(self, hub):
        """Has a hub say again what counts. What it says may be lost too, so it is asked again, less and less often."""
        self.send("hello", hub)
        if hub == self.publish:
            self.enquiry = [time.monotonic() + 2, 2]

    def announced(self, kind, content, message):
        if content["run"] != self.run:
            raise ValueError(f"it belongs to run {content['run']}")
        number = content["round"]
        known = self.db.execute("SELECT bytes FROM document WHERE kind = ? AND round = ?", (kind, number)).fetchone()
        if known:
            return None if known[0] == message.document else self.log("message_refused", "error", reason=f"a second {kind}")
        if number <= int.from_bytes(self.fact("floor") or b"", "big") and (kind != "release" or any(
                msgpack.unpackb(release)["purpose"] == content["purpose"] for (release,) in self.db.execute(
                    "SELECT bytes FROM document WHERE kind = 'release' AND round >= ?", (number,)))):
            return None  # it may have been here, and forgotten
        self.db.execute("INSERT INTO document (kind, round, bytes, signature) VALUES (?, ?, ?, ?)",
                        (kind, number, message.document, message.signature))
        if kind == "opening":
            self.pending = message.document
            return self.log("round_joined", round=number, purpose=content["purpose"])
        if self.pending and msgpack.unpackb(self.pending)["round"] <= number:
            self.pending = None  # and what is being made for it is dropped
        self.forget(number - 4)
        for name in [name for name in self.sending if int(name.split("/")[2]) <= number]:
            self.settle(name, "cancelled", "superseded")
        if kind == "release" and content["final"]:
            self.farewell = digest(message.document)

    def forget(self, floor):
        """What was settled in rounds long over, but for one number, and for the first and the newest release of each purpose."""
        if floor <= int.from_bytes(self.fact("floor") or b"", "big"):
            return
        self.db.execute("DELETE FROM arrival WHERE round BETWEEN 1 AND ? AND state != 'held'", (floor,))
        self.db.execute("DELETE FROM departure WHERE round BETWEEN 1 AND ? AND state NOT IN ('sending', 'kept')", (floor,))
        self.db.execute("DELETE FROM document WHERE kind IN ('opening', 'abandonment') AND round <= ?", (floor,))
        releases = [(number, msgpack.unpackb(document)["purpose"]) for number, document in self.db.execute(
            "SELECT round, bytes FROM document WHERE kind = 'release' ORDER BY round")]
        kept = {end for purpose in {each[1] for each in releases}
                for numbers in [[number for number, other in releases if other == purpose]] for end in (numbers[0], numbers[-1])}
        for number, _purpose in releases:
            if number <= floor and number not in kept:
                self.db.execute("DELETE FROM document WHERE kind = 'release' AND round = ?", (number,))
        self.set_fact("floor", floor.to_bytes(4, "big"))

    # Transfers.

    def offer(self, name, receiver, payload, about):
        document, signature = self.sign("offer", {"name": name, "maker": self.me, "bytes": len(payload),
                                                  "digest": content_digest(payload), "about": about})
        _run, what, number, *_rest = name.split("/")
        self.db.execute("INSERT INTO departure (name, receiver, kind, round, offer, signature, payload, count, state) "
                        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'sending')",
                        (name, receiver, what, int(number), document, signature, payload, len(payload)))
        self.sending[name] = [receiver, document, signature, payload, 0.0, 0.3]

    def wanted(self, message):
        receiver, _offer, _signature, payload, *_rest = self.sending.get(message.transfer, (None,) * 6)
        if message.sender == receiver and 0 <= message.first < message.end <= -(-len(payload) // CHUNK):
            for index in range(message.first, min(message.end, message.first + 64)):
                self.send("chunk", receiver, message.transfer, index, bulk=payload[index * CHUNK:(index + 1) * CHUNK])
            self.sending[message.transfer][4:] = [time.monotonic() + 1.2, 0.3]

    def receipted(self, receipt, message):
        transfer = self.sending.get(receipt["name"])
        if transfer and transfer[0] == message.sender and content_digest(transfer[3]) == receipt["digest"]:
            self.settle(receipt["name"], receipt["outcome"], receipt["reason"])
            self.log(f"vector_{receipt['outcome']}", round=int(receipt["name"].split("/")[2]))

    def settle(self, name, state, reason):
        self.sending.pop(name)
        self.db.execute("UPDATE departure SET state = ?, reason = ?, payload = NULL, file = NULL WHERE name = ?", (state, reason, name))

    def offered(self, offer, message):
        """Shards of this cloud and adapters of publish are taken, and held for whoever trains."""
        name, kind = offer["name"], offer["name"].split("/")[1]
        known = self.db.execute("SELECT digest, state, reason FROM arrival WHERE name = ?", (name,)).fetchone()
        if known:
            same = known[0] == offer["digest"]
            outcome = "refused" if not same or known[1] == "refused" else "durable"
            return self.answer(offer, message.sender, outcome, known[2] if same else f"{name} was received with another digest")
        if offer["maker"] != message.sender or (kind, message.sender) not in (("shard", self.ingest), ("adapter", self.publish)):
            return self.answer(offer, message.sender, "refused", f"{message.sender} may not send {kind}s here")
        if kind == "adapter" and offer["about"]["change"] is not None:
            return self.answer(offer, message.sender, "refused", "this stage takes whole adapters alone")
        if name not in self.receiving and len(self.receiving) < 64 and 1 <= offer["bytes"] <= 2 << 30:
            # What was asked for ends here; a few chunks follow an offer that brings one.
            asked = min(UNASKED, -(-offer["bytes"] // CHUNK)) if message.bulk else 0
            self.receiving[name] = [offer, message, bytearray(message.bulk[:CHUNK]), asked, time.monotonic()]
        self.progress(name)

    def chunk(self, message):
        offer, first, payload, *_rest = self.receiving.get(message.transfer, (None,) * 5)
        if offer and first.sender == message.sender and message.first * CHUNK == len(payload) and len(message.bulk) <= CHUNK:
            payload += message.bulk
            self.receiving[message.transfer][4] = time.monotonic()
            self.progress(message.transfer)

    def progress(self, name):
        offer, message, payload, asked, moved = self.receiving.get(name, (None,) * 5)
        if not offer:
            return
        have, count = -(-len(payload) // CHUNK), -(-offer["bytes"] // CHUNK)
        if len(payload) < offer["bytes"]:
            silent, end = time.monotonic() - moved > 0.7, min(have + WINDOW, count)
            if silent or have + WINDOW // 2 >= asked and asked < count:
                self.receiving[name][3:] = [end, time.monotonic()]
                self.send("want", message.sender, name, have if silent else max(have, asked), end)
            return
        del self.receiving[name]
        if content_digest(payload) != offer["digest"]:
            return self.log("digest_mismatch", "warning", transfer=name)
        # Held, as the other program may want it that takes this one's place; of adapters the newest.
        if offer["name"].split("/")[1] == "adapter":
            self.db.execute("UPDATE arrival SET state = 'used', payload = NULL, file = NULL WHERE kind = 'adapter'")
        self.db.execute("INSERT INTO arrival (name, kind, round, offer, signature, digest, peer, payload, count, state) "
                        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'held')",
                        (name, name.split("/")[1], int(name.split("/")[2]), message.document, message.signature, offer["digest"],
                         message.sender, bytes(payload), len(payload)))
        self.answer(offer, message.sender, "durable", "")

    def answer(self, offer, to, outcome, reason):
        document, signature = self.sign("receipt", {"name": offer["name"], "digest": offer["digest"], "outcome": outcome,
                                                    "reason": reason})
        self.send("receipt", to, document=document, signature=signature)

    # The loop.

    def tick(self, now):
        for name, (receiver, offer, signature, payload, due, wait) in self.sending.items():
            if now >= due:
                self.sending[name][4:] = [now + wait, min(2 * wait, 10)]
                unasked = [] if due else range(0, min(len(payload), UNASKED * CHUNK), CHUNK)  # once: who has lost them asks for them
                first, *more = [payload[start:start + CHUNK] for start in unasked] or [b""]
                self.send("offer", receiver, document=offer, signature=signature, bulk=first)
                for index, chunk in enumerate(more, 1):
                    self.send("chunk", receiver, name, index, bulk=chunk)
        for name in list(self.receiving):
            self.progress(name)
        if now - self.last_beat >= 2:
            self.last_beat = now
            self.news.send_multipart([b"all\n", msgpack.packb({"v": 1, "kind": "beat", "from": self.me, "epoch": self.epoch, "seq": 0,
                                                              "transfer": None, "first": 0, "end": 0}), b"", b"", b""])
        if not self.farewell and now >= self.enquiry[0]:
            self.enquiry = [now + min(2 * self.enquiry[1], 600), min(2 * self.enquiry[1], 600)]
            self.send("hello", self.publish)
        if self.publish not in self.heard and now - self.dialled > 3 and len(self.cards[self.publish]) > 1:
            self.poller.unregister(self.subs[self.publish])
            for each in (self.push[self.publish], self.subs[self.publish]):
                each.close()
            self.key += 1
            self.dial(self.publish)
            self.poller.register(self.subs[self.publish], zmq.POLLIN)
        if self.farewell and now - self.last_heard >= 0.5:
            self.last_heard = now
            self.send("heard", self.publish, document=self.farewell)

    def serve(self):
        self.last_beat = self.last_heard = 0.0
        self.poller = zmq.Poller()
        for each in (self.pull, self.news, *self.subs.values()):
            self.poller.register(each, zmq.POLLIN)
        self.log("stage_ready", epoch=self.epoch)
        notify("READY=1")
        while not self.leaving:
            for ready, _events in self.poller.poll(10 if self.job else 100):
                frames = ready.recv_multipart()
                if ready is self.pull:
                    self.receive(frames, (self.ingest,))
                elif ready is self.news:
                    if frames[0][:4] == b"\1to ":
                        self.send("beat", frames[0][4:-1].decode("ascii", "replace"))
                else:
                    self.receive(frames[1:], [stage for stage, sub in self.subs.items() if sub is ready])
            if self.pending or self.job:
                self.work()
            self.tick(time.monotonic())
        if self.fact("end"):
            notify(f"STATUS=run {self.run} is over\nX_TRIBUTARY_RUN=over")
        self.context.destroy()
        self.db.close()

    def leave(self, *_signal):
        # Whatever is in hand is in the journal after each turn of the loop.
        self.leaving = True


def main(kind):
    parser = argparse.ArgumentParser(description="A local-train stage in Python.")
    for name in ("topology", "cloud", "state"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--worker", type=int, default=1, help="which of the cloud's local-train stages it is")
    parser.add_argument("--config", help="the topology's if there is none; only a stage that trains looks at it")
    parser.add_argument("--log-level", help="taken, and not looked at")
    for name in ("check", "standby", "unconfined"):
        parser.add_argument(f"--{name}", action="store_true")
    options = parser.parse_args()
    stage = kind(options)
    if options.check:
        return
    os.umask(0o077)
    os.makedirs(f"{stage.state}/{stage.me}/spool", exist_ok=True)
    os.makedirs(stage.folder, exist_ok=True)
    lock = open(f"{stage.state}/{stage.me}/lock", "w")
    if options.standby:
        notify("X_TRIBUTARY_STANDBY=1\nSTATUS=standing by")
    fcntl.flock(lock, fcntl.LOCK_EX if options.standby else fcntl.LOCK_EX | fcntl.LOCK_NB)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, stage.leave)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    stage.open_journal()
    if stage.fact("end"):
        return notify("X_TRIBUTARY_RUN=over")
    stage.open_sockets()
    stage.serve()
    if stage.job:
        os._exit(0)  # its thread is away in the trainer, which an orderly end would pull from under it

