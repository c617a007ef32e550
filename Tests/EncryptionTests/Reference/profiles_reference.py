"""Writes the digests in Vectors/profiles-2048.json anew, for the keys, exponents and values that it holds, with Python's own
integers alone, from docs/protocol.md, "Sealed vector".

    python3 profiles_reference.py ../Vectors/profiles-2048.json > new.json
"""

import hashlib
import json
import sys

SLOT = 10  # 8-bit values of a cohort of 3


def payload(row):
    n = int(row["p"], 16) * int(row["q"], 16)
    square, hs = n * n, int(row["hs"], 16)
    per_unit = (n.bit_length() - 1) // SLOT - 1
    values = row["values"]
    units = [values[start : start + per_unit] for start in range(0, len(values), per_unit)]
    assert len(units) == len(row["exponents"])
    plaintexts = [1 + sum(u << SLOT * k for k, u in enumerate(unit, 1)) for unit in units]
    return square, [
        (1 + m * n) * pow(hs, int(r, 16), square) % square for m, r in zip(plaintexts, row["exponents"])
    ]


def digest(square, ciphertexts):
    width = square.bit_length() + 7 >> 3
    return hashlib.sha256(b"".join(c.to_bytes(width, "big") for c in ciphertexts)).hexdigest()


rows = json.load(open(sys.argv[1]))
for row in rows:
    square, ciphertexts = payload(row)
    row["payload_sha256"] = digest(square, ciphertexts)
    row["sum_of_three_sha256"] = digest(square, [pow(c, 3, square) for c in ciphertexts])
def line(value):
    return json.dumps(value, separators=(",", ":"))


# One line for each field, as the file had it.
objects = [",\n".join(f'  "{name}": {line(value)}' for name, value in row.items()) for row in rows]
print("[\n" + ",\n".join(f" {{\n{text}\n }}" for text in objects) + "\n]")
