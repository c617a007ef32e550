#!/usr/bin/env python3
"""A masked round after docs/protocol.md, "Secure aggregation", written apart from the Swift code.

Prints Vectors/secagg.json: `python3 secagg_reference.py > ../Vectors/secagg.json`. Needs `cryptography` (X25519, Ed25519,
ChaCha20, ChaCha20-Poly1305); HChaCha20, Shamir's shares, msgpack and the ring are written here. Everything that is random
in a real round comes from SHA-256 of a name, so that the output is always the same.
"""
import hashlib
import json
import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

RUN, ROUND, BITS, COUNT, THRESHOLD, MINIMUM = "reference", 12, 11, 37, 3, 3
CLOUDS = [f"{name}/encrypt" for name in ("ash", "birch", "cedar", "elm", "fir")]
DROPPED = "birch/encrypt"
PUBLISH = "daphne/publish"
WIDTH = BITS + (len(CLOUDS) - 1).bit_length()


def draw(name, count=32):
    return b"".join(hashlib.sha256(f"{name} {i}".encode()).digest() for i in range((count + 31) // 32))[:count]


def digest(data):
    return hashlib.blake2b(data, digest_size=32).digest()


OPENING = digest(b"the opening")


def label(purpose, *parts):
    return "".join(f"{part}\n" for part in (purpose, RUN, ROUND, OPENING.hex()) + parts).encode()


def keyed(key, text):
    return hashlib.blake2b(text, key=key, digest_size=32).digest()


# msgpack: the shortest form of everything; maps as lists of pairs, in order.
def pack(value):
    if value is None:
        return b"\xc0"
    if isinstance(value, dict):
        assert len(value) < 16
        return bytes([0x80 | len(value)]) + b"".join(pack(k) + pack(v) for k, v in value.items())
    if isinstance(value, list):
        head = bytes([0x90 | len(value)]) if len(value) < 16 else b"\xdc" + struct.pack(">H", len(value))
        return head + b"".join(map(pack, value))
    if isinstance(value, str):
        data = value.encode()
        return (bytes([0xA0 | len(data)]) if len(data) < 32 else b"\xd9" + bytes([len(data)])) + data
    if isinstance(value, bytes):
        head = b"\xc4" + bytes([len(value)]) if len(value) < 256 else b"\xc5" + struct.pack(">H", len(value))
        return head + value
    assert isinstance(value, int) and 0 <= value < 128
    return bytes([value])


# XChaCha20-Poly1305: HChaCha20 (draft-irtf-cfrg-xchacha, section 2.2) before the IETF construction.
def hchacha20(key, nonce):
    state = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key) + struct.unpack("<4I", nonce))

    def rotate(x, n):
        return ((x << n) | (x >> (32 - n))) & 0xFFFFFFFF

    def quarter(a, b, c, d):
        for p, q, r, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[p] = (state[p] + state[q]) & 0xFFFFFFFF
            state[r] = rotate(state[r] ^ state[p], n)

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<8I", *(state[:4] + state[12:]))


def seal(key, nonce, data, text):
    inner = ChaCha20Poly1305(hchacha20(key, nonce[:16]))
    return nonce + inner.encrypt(b"\0\0\0\0" + nonce[16:], data, text)


def stream(key, count):
    return Cipher(algorithms.ChaCha20(key, bytes(16)), None).encryptor().update(bytes(count))


# GF(2^8) with x^8 + x^4 + x^3 + x + 1.
def times(a, b):
    result = 0
    while b:
        if b & 1:
            result ^= a
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return result


def share(secret, coefficients, x):
    rows = [secret] + [coefficients[i:i + 32] for i in range(0, len(coefficients), 32)]
    result = bytearray(32)
    for place in range(32):
        power = 1
        for row in rows:
            result[place] ^= times(row[place], power)
            power = times(power, x)
    return bytes(result)


# A payload: COUNT values of WIDTH bits as one little-endian number, in units of eight.
BYTES = (COUNT + 7) // 8 * WIDTH
FIELDS = BYTES * 8 // WIDTH


def unpack(data):
    number = int.from_bytes(data, "little")
    return [(number >> (i * WIDTH)) % 2**WIDTH for i in range(FIELDS)]


def join(values):
    return sum(v % 2**WIDTH << (i * WIDTH) for i, v in enumerate(values)).to_bytes(BYTES, "little")


class Party:
    def __init__(self, stage):
        self.stage = stage
        self.mask, self.sharing, self.seed, self.polynomials, signing = (
            draw(f"{stage} {part}") for part in ("mask", "sharing", "seed", "polynomials", "signing"))
        self.signing_seed = signing
        self.signing = Ed25519PrivateKey.from_private_bytes(signing)

    @staticmethod
    def public(secret):
        return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()

    @staticmethod
    def agree(secret, public):
        return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(public))

    def sign(self, kind, document):
        data = pack(document)
        return data, self.signing.sign(f"tributary 1 {kind}\n".encode() + data)


parties = {stage: Party(stage) for stage in CLOUDS + [PUBLISH]}
clouds = [parties[stage] for stage in CLOUDS]
publish = parties[PUBLISH]
head = {"run": RUN, "round": ROUND, "opening": OPENING}

advertised = {}
for stage, party in parties.items():
    advertised[stage] = party.sign("mask-advertisement", {
        **head, "stage": stage, "mask-key": party.public(party.mask), "sharing-key": party.public(party.sharing),
        "helped": None})
roster = pack({**head, "threshold": THRESHOLD, "advertisements": [
    {"stage": stage, "document": advertised[stage][0], "signature": advertised[stage][1]}
    for stage in sorted(advertised)]})
ROSTER = digest(roster)

dealt, shares = {}, {}
for party in clouds:
    coefficients = {
        kind: stream(keyed(party.polynomials, label(f"tributary {kind} polynomial 1", ROSTER.hex())),
                     32 * (THRESHOLD - 1)) for kind in ("mask", "seed")}
    portions = []
    for index, other in enumerate(clouds):
        pair = [share(getattr(party, kind), coefficients[kind], index + 1) for kind in ("mask", "seed")]
        dealt[party.stage, other.stage] = pair
        text = label("tributary sealed shares 1", ROSTER.hex(), party.stage, other.stage)
        key = keyed(party.agree(party.sharing, party.public(other.sharing)), text)
        nonce = draw(f"nonce {party.stage} {other.stage}", 24)
        commitments = [
            keyed(part, label(f"tributary {kind} share 1", ROSTER.hex(), party.stage, other.stage))
            for kind, part in zip(("mask", "seed"), pair)]
        portions.append({
            "to": other.stage, "sealed": b"" if other is party else seal(key, nonce, b"".join(pair), text),
            "mask": commitments[0], "seed": commitments[1]})
    shares[party.stage] = party.sign("mask-shares", {
        **head, "roster": ROSTER, "stage": party.stage,
        "seed": keyed(party.seed, label("tributary mask seed 1", ROSTER.hex(), party.stage)), "shares": portions})
agreement = pack({**head, "roster": ROSTER, "members": [
    {"stage": stage, "digest": digest(shares[stage][0])} for stage in CLOUDS]})
AGREEMENT = digest(agreement)


def pair_key(secret, one, other):
    names = sorted((one, other))
    shared = Party.agree(secret, Party.public(parties[other].mask))
    return keyed(shared, label("tributary pairwise mask 1", AGREEMENT.hex(), *names))


values = {stage: [1 + int.from_bytes(draw(f"value {stage} {i}", 4), "little") % (2**BITS - 1) for i in range(COUNT)]
          for stage in CLOUDS}
payloads = {}
for party in clouds:
    total = values[party.stage] + [0] * (FIELDS - COUNT)
    masks = [(1, keyed(party.seed, label("tributary self mask 1", AGREEMENT.hex(), party.stage)))]
    for other in CLOUDS + [PUBLISH]:
        if other != party.stage:
            masks.append((1 if party.stage < other else -1, pair_key(party.mask, party.stage, other)))
    for sign, key in masks:
        total = [a + sign * b for a, b in zip(total, unpack(stream(key, BYTES)))]
    payloads[party.stage] = join(total)

SURVIVORS = [stage for stage in CLOUDS if stage != DROPPED]
survivors = {**head, "agreement": AGREEMENT, "survivors": [
    {"stage": stage, "digest": digest(b"contribution of " + stage.encode())} for stage in SURVIVORS]}
SET = digest(pack(survivors))
about = {**head, "agreement": AGREEMENT, "survivors": SET}
consents = {stage: parties[stage].sign("mask-consent", {**about, "stage": stage}) for stage in SURVIVORS}
disclosures, disclosed = {}, {}
for stage in SURVIVORS:
    disclosed[stage] = b"".join(dealt[member, stage][0 if member == DROPPED else 1] for member in CLOUDS)
    text = label("tributary mask disclosure 1", AGREEMENT.hex(), SET.hex(), stage)
    key = keyed(Party.agree(parties[stage].sharing, Party.public(publish.sharing)), text)
    disclosures[stage] = parties[stage].sign("mask-disclosure", {
        **about, "stage": stage, "sealed": seal(key, draw(f"nonce {stage}", 24), disclosed[stage], text)})
masked = join([sum(column) for column in zip(*(unpack(payloads[stage]) for stage in SURVIVORS))])
sums = [sum(column) for column in zip(*(values[stage] for stage in SURVIVORS))]

# The sum opens by the secrets themselves.
row = unpack(masked)
for stage in SURVIVORS:
    removed = [(-1, keyed(parties[stage].seed, label("tributary self mask 1", AGREEMENT.hex(), stage)))]
    for other in (PUBLISH, DROPPED):
        removed.append((-1 if stage < other else 1, pair_key(parties[other].mask, other, stage)))
    for sign, key in removed:
        row = [(a + sign * b) % 2**WIDTH for a, b in zip(row, unpack(stream(key, BYTES)))]
assert row == sums + [0] * (FIELDS - COUNT)


def hexed(value):
    return value.hex()


print(json.dumps({
    "run": RUN, "round": ROUND, "opening": OPENING.hex(), "bits": BITS, "threshold": THRESHOLD, "minimum": MINIMUM,
    "clouds": CLOUDS, "publish": PUBLISH, "dropped": DROPPED,
    "secrets": {p.stage: (p.mask + p.sharing + p.seed + p.polynomials).hex() for p in clouds},
    "publish_secrets": (publish.mask + publish.sharing).hex(),
    "signing_seeds": {stage: party.signing_seed.hex() for stage, party in parties.items()},
    "advertisements": {stage: list(map(hexed, signed)) for stage, signed in advertised.items()},
    "roster": roster.hex(), "shares": {stage: list(map(hexed, signed)) for stage, signed in shares.items()},
    "agreement": agreement.hex(), "values": values, "payloads": {k: v.hex() for k, v in payloads.items()},
    "survivors": pack(survivors).hex(), "consents": {k: list(map(hexed, v)) for k, v in consents.items()},
    "disclosed": {k: v.hex() for k, v in disclosed.items()},
    "disclosures": {k: list(map(hexed, v)) for k, v in disclosures.items()}, "sum": masked.hex(), "opened": sums,
    "digests": {"roster": ROSTER.hex(), "agreement": AGREEMENT.hex(), "survivors": SET.hex()},
}, indent=1))
