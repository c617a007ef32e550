"""Writes the digests in Vectors/profiles-2048.json anew, for the keys, exponents and values that it holds, with Python's own
integers alone, from docs/protocol.md, "Sealed vector".

    python3 profiles_reference.py ../Vectors/profiles-2048.json > new.json

With Damgard and Jurik's s of 2 and 3, for the keys that one party may hold alone, (1 + n)^m is the power itself, and the
longer payloads have the values fourteen times over; unit k's exponent is the first of the row's and k times the second,
modulo 2^bits.
"""

import hashlib
import json
import sys

SLOT = 10  # 8-bit values of a cohort of 3
OWN = [("conservative", "general"), ("standard", "subgroups"), ("turbo", "safe-primes")]


def payload(row, degree, values, exponents):
    n = int(row["p"], 16) * int(row["q"], 16)
    hs, modulus = int(row["hs"], 16), n ** (degree + 1)
    # s |n| - 1 bits would not always be below n^s.
    bits = degree * (n.bit_length() - 1)
    per_unit = bits // SLOT - 1
    units = [values[start : start + per_unit] for start in range(0, len(values), per_unit)]
    plaintexts = [1 + sum(u << SLOT * k for k, u in enumerate(unit, 1)) for unit in units]
    base = pow(hs, n ** (degree - 1), modulus)
    ciphertexts = [
        pow(1 + n, m, modulus) * pow(base, exponents(k), modulus) % modulus for k, m in enumerate(plaintexts)
    ]
    width = (degree + 1) * n.bit_length() >> 3

    def digest(ciphertexts):
        return hashlib.sha256(b"".join(c.to_bytes(width, "big") for c in ciphertexts)).hexdigest()

    return {
        "payload_sha256": digest(ciphertexts),
        "sum_of_three_sha256": digest([pow(c, 3, modulus) for c in ciphertexts]),
    }


rows = json.load(open(sys.argv[1]))
for row in rows:
    first, second, third = (int(text, 16) for text in row["exponents"])
    row.update(payload(row, 1, row["values"], lambda k: (first, second, third)[k]))
    if (row["profile"], row["primes"]) not in OWN:
        continue
    bits = 4 * max(map(len, row["exponents"]))
    row["longer"] = [
        {"degree": s, **payload(row, s, row["values"] * 14, lambda k: (first + k * second) % 2**bits)} for s in (2, 3)
    ]


def line(value):
    return json.dumps(value, separators=(",", ":"))


# One line for each field, as the file had it.
objects = [",\n".join(f'  "{name}": {line(value)}' for name, value in row.items()) for row in rows]
print("[\n" + ",\n".join(f" {{\n{text}\n }}" for text in objects) + "\n]")
