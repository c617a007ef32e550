"""A Forward collector written from the protocol's specification alone: Forward and PackedForward, EventTime, acknowledgements, the shared key.

forward.py PORT OUT [--key KEY] [--no-ack]: appends a JSON line for each entry to OUT, before the chunk is acknowledged.
"""
import argparse, hashlib, json, os, socket, struct, sys, threading
import msgpack

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("out")
parser.add_argument("--key")
parser.add_argument("--no-ack", action="store_true")
# Says that it has the key, and does not.
parser.add_argument("--liar", action="store_true")
options = parser.parse_args()
lock = threading.Lock()


def digest(*parts):
    return hashlib.sha512(b"".join(parts)).hexdigest()


def when(time):
    if isinstance(time, msgpack.ExtType):
        assert time.code == 0 and len(time.data) == 8, time
        seconds, nanoseconds = struct.unpack(">II", time.data)
        return seconds * 1_000_000_000 + nanoseconds
    return int(time) * 1_000_000_000


def serve(connection):
    unpacker = msgpack.Unpacker(raw=False)

    def messages():
        while data := connection.recv(65536):
            unpacker.feed(data)
            yield from unpacker

    incoming = messages()
    if options.key is not None:
        key, nonce = options.key.encode(), os.urandom(16)
        connection.sendall(msgpack.packb(["HELO", {"nonce": nonce, "auth": b"", "keepalive": True}]))
        ping = next(incoming, None)
        if ping is None:
            return
        kind, name, salt, proof, user, password = ping
        assert kind == "PING" and user == "" and password == "", ping
        good = proof == digest(salt, name.encode(), nonce, key)
        own = b"collector"
        answer = digest(salt, own, nonce, b"another key" if options.liar else key)
        if options.liar:
            good = True
        connection.sendall(msgpack.packb(
            ["PONG", good, "" if good else "shared_key mismatch", own.decode() if good else "", answer if good else ""]))
        if not good:
            return
    for message in incoming:
        tag, entries, option = message[0], message[1], message[2] if len(message) > 2 else {}
        if isinstance(entries, bytes):
            entries = list(msgpack.Unpacker(__import__("io").BytesIO(entries), raw=False))
        assert option["size"] == len(entries), option
        with lock, open(options.out, "a") as file:
            for time, record in entries:
                file.write(json.dumps({"tag": tag, "time": when(time), "record": record}) + "\n")
        if "chunk" in option and not options.no_ack:
            connection.sendall(msgpack.packb({"ack": option["chunk"]}))


listener = socket.create_server(("127.0.0.1", options.port))
print("ready", flush=True)
while True:
    connection, _ = listener.accept()

    def run(connection=connection):
        with connection:
            try:
                serve(connection)
            except (ConnectionError, BrokenPipeError):
                pass

    threading.Thread(target=run, daemon=True).start()
