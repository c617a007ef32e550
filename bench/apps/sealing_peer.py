"""TenSEAL's CKKS or python-paillier, one line of JSON for each line of standard input: encrypt, aggregate, open.

usage: sealing_peer.py tenseal|phe VALUES COHORT

tenseal: as NVIDIA FLARE sets it (polynomials of 8192, [60, 40, 40], scale 2^40, symmetric, 4096 values a ciphertext); encrypt ends
with bytes and aggregate goes from bytes to bytes.
phe: 3072 bits, one value a ciphertext; numbers, not bytes, as its users send them pickled. VALUES should be small.
"""

import json
import sys
import time

import numpy as np

which, values, cohort = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
vector = np.random.default_rng(1).uniform(-1, 1, values).astype(np.float32)


def tenseal():
    import tenseal as ts

    context = ts.context(
        ts.SCHEME_TYPE.CKKS, poly_modulus_degree=8192, coeff_mod_bit_sizes=[60, 40, 40],
        encryption_type=ts.ENCRYPTION_TYPE.SYMMETRIC, n_threads=1)
    context.global_scale = 2**40
    # What FLARE's server has: the context without the secret key.
    public = ts.context_from(context.serialize(save_secret_key=False), n_threads=1)
    blocks = [vector[start : start + 4096].tolist() for start in range(0, values, 4096)]
    held = {}

    def encrypt():
        held["payload"] = [ts.ckks_vector(context, block).serialize() for block in blocks]
        return sum(map(len, held["payload"]))

    def aggregate():
        sums = []
        for block in held["payload"]:
            total = ts.ckks_vector_from(public, block)
            for _ in range(cohort - 1):
                total += ts.ckks_vector_from(public, block)
            sums.append(total.serialize())
        held["sum"] = sums
        return sum(map(len, sums))

    def open_sum():
        held["opened"] = [value for block in held["sum"] for value in ts.ckks_vector_from(context, block).decrypt()]
        return sum(map(len, held["sum"]))

    return held, {"encrypt": encrypt, "aggregate": aggregate, "open": open_sum}


def phe():
    from phe import paillier

    public, private = paillier.generate_paillier_keypair(n_length=3072)
    numbers = [float(value) for value in vector]
    width = 2 * 3072 // 8
    held = {}

    def encrypt():
        held["payload"] = [public.encrypt(number) for number in numbers]
        return width * len(numbers)

    def aggregate():
        sums = held["payload"]
        for _ in range(cohort - 1):
            sums = [left + right for left, right in zip(sums, held["payload"])]
        held["sum"] = sums
        return width * len(sums)

    def open_sum():
        held["opened"] = [private.decrypt(number) for number in held["sum"]]
        return width * len(held["sum"])

    return held, {"encrypt": encrypt, "aggregate": aggregate, "open": open_sum}


held, work = {"tenseal": tenseal, "phe": phe}[which]()
print("ready", flush=True)
for line in sys.stdin:
    task = line.strip()
    began = time.perf_counter()
    count = work[task]()
    answer = {"seconds": time.perf_counter() - began, "values": values, "bytes": count}
    if task == "open":
        answer["largest_error"] = float(np.max(np.abs(np.array(held["opened"][:values]) / cohort - vector)))
    print(json.dumps(answer), flush=True)
