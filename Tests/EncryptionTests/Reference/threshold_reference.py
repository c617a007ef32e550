"""Writes Vectors/threshold.json: a threshold key, a sum, its partial openings and every kind of proof, computed with Python's own
integers and hashlib alone, from the equations in docs/cryptography.md. Nonces are given, so that all answers are fixed.

    python3 threshold_reference.py > ../Vectors/threshold.json
"""

import hashlib
import json
import random
import sys
from math import factorial, gcd, prod

BITS, PARTIES, THRESHOLD, UNITS = 1024, 5, 3, 20
drawn = random.Random(20261121)
SMALL = [p for p in range(3, 1000, 2) if all(p % k for k in range(3, p, 2))]


def is_prime(n):
    if any(n % p == 0 for p in SMALL):
        return False
    d, s = n - 1, 0
    while d % 2 == 0:
        d, s = d // 2, s + 1
    for _ in range(40):
        x = pow(drawn.randrange(2, n - 1), d, n)
        if x in (1, n - 1):
            continue
        for _ in range(s - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def safe_prime(bits):
    while True:
        half = 3 << bits - 3 | drawn.getrandbits(bits - 3) | 1
        if all(half % p not in (0, (p - 1) // 2) for p in SMALL):
            if pow(2, half - 1, half) == 1 and is_prime(half) and is_prime(2 * half + 1):
                return 2 * half + 1


def blake(data, **options):
    return hashlib.blake2b(data, digest_size=32, **options).digest()


def content_digest(data):
    """docs/protocol.md, "Digests"."""
    root = hashlib.blake2b(digest_size=32, person=b"tributary root 1")
    for start in range(0, len(data), 16384):
        root.update(blake(data[start : start + 16384], person=b"tributary leaf 1"))
    root.update(len(data).to_bytes(8, "little"))
    return root.digest()


def transcript(label, *fields):
    return blake(b"".join(len(f).to_bytes(8, "big") + f for f in (label, *fields)))


def weights(seed, count):
    stream = b"".join(blake(seed + k.to_bytes(8, "big")) for k in range((count + 1) // 2))
    return [int.from_bytes(stream[16 * j : 16 * j + 16], "little") for j in range(count)]


# The key.
p, q = safe_prime(BITS // 2), safe_prime(BITS // 2)
n = p * q
square, m = n * n, (p - 1) * (q - 1) // 4
assert n.bit_length() == BITS and gcd(n, m) == 1
d = m * pow(m, -1, n)
coefficients = [drawn.randrange(m) for _ in range(THRESHOLD - 1)]
x, y = drawn.randrange(n), drawn.randrange(square)
hs = pow(x * x % n, n, square)
v = y * y % square
delta = factorial(PARTIES)
shares = [(d + n * sum(a * i**k for k, a in enumerate(coefficients, 1))) % (n * m) for i in range(1, PARTIES + 1)]
keys = [pow(v, delta * s, square) for s in shares]
width, wide = BITS // 8, BITS // 4


def narrow_bytes(value):
    return value.to_bytes(width, "big")


def wide_bytes(value):
    return value.to_bytes(wide, "big")


binding = b"threshold conservative" + bytes([PARTIES, THRESHOLD]) + b"".join(map(wide_bytes, [v, *keys]))
key_id = blake(narrow_bytes(n) + wide_bytes(hs) + binding)[:16]

# A contribution, which is also the sum: full plaintexts of a counter and 8-bit values in 10-bit slots, blinded by exponents
# of 512 bits (the profile conservative).
per_unit = (BITS - 1) // 10 - 1
values = [[drawn.randrange(1, 256) for _ in range(per_unit)] for _ in range(UNITS)]
plaintexts = [1 + sum(u << 10 * k for k, u in enumerate(unit, 1)) for unit in values]
exponents = [drawn.getrandbits(512) for _ in range(UNITS)]
units = [(1 + t * n) * pow(hs, r, square) % square for t, r in zip(plaintexts, exponents)]
payload = b"".join(map(wide_bytes, units))
context = b"run 1, round 7"
layout = blake(f"values {UNITS * per_unit} 3ff0000000000000\n".encode())
bits = bytes([8])

# Partial openings, and a proof for each row.
rows, row_proofs = [], []
for party, share in enumerate(shares, 1):
    row = b"".join(wide_bytes(pow(c, 2 * delta * share, square)) for c in units)
    seed = transcript(
        b"tributary opening proof 1", key_id, context, layout, bits, bytes([party]), content_digest(payload),
        content_digest(row),
    )
    r = weights(seed, UNITS)
    base = prod(pow(c, 4 * w, square) for c, w in zip(units, r)) % square
    length = 2 * BITS + delta.bit_length() + 256 + 128
    nonce = drawn.getrandbits(length)
    challenge = transcript(
        b"tributary opening challenge 1", seed, wide_bytes(pow(v, nonce, square)), wide_bytes(pow(base, nonce, square))
    )
    answer = nonce + int.from_bytes(challenge, "big") * delta * share
    rows.append(row)
    row_proofs.append(challenge + answer.to_bytes((length + 8) // 8, "big"))

# What three of them open, by Lagrange's formula over the rationals.
for parties in [(1, 2, 3), (2, 4, 5)]:
    for j in range(UNITS):
        power = 1
        for i in parties:
            above = delta * prod(k for k in parties if k != i)
            exponent = above // prod(k - i for k in parties if k != i)
            power = power * pow(int.from_bytes(rows[i - 1][wide * j : wide * (j + 1)], "big"), 2 * exponent, square) % square
        assert power % n == 1 and (power - 1) // n * pow(4 * delta**2, -1, n) % n == plaintexts[j]

# The proof of plaintext knowledge.
seed = transcript(b"tributary plaintext proof 1", key_id, context, layout, bits, content_digest(payload))
r = weights(seed, UNITS)
length = 512 + 128 + UNITS.bit_length() + 256 + 128
first, second = drawn.randrange(n), drawn.getrandbits(length)
commitment = (1 + first * n) * pow(hs, second, square) % square
challenge = transcript(b"tributary plaintext challenge 1", seed, wide_bytes(commitment))
e = int.from_bytes(challenge, "big")
plaintext_proof = (
    challenge
    + narrow_bytes((first + e * sum(w * t for w, t in zip(r, plaintexts))) % n)
    + (second + e * sum(w * k for w, k in zip(r, exponents))).to_bytes((length + 8) // 8, "big")
)

json.dump(
    {
        "p": hex(p),
        "q": hex(q),
        "blindingRoot": hex(x),
        "verificationRoot": hex(y),
        "coefficients": [hex(a) for a in coefficients],
        "parties": PARTIES,
        "keyID": key_id.hex(),
        "hs": hex(hs),
        "v": hex(v),
        "verificationKeys": [hex(k) for k in keys],
        "shares": [hex(s) for s in shares],
        "values": [u for unit in values for u in unit],
        "exponents": b"".join(k.to_bytes(64, "little") for k in exponents).hex(),
        "context": context.hex(),
        "payload": payload.hex(),
        "rows": [row.hex() for row in rows],
        "rowProofs": [proof.hex() for proof in row_proofs],
        "plaintextProof": plaintext_proof.hex(),
    },
    sys.stdout,
    indent=1,
)
print()
