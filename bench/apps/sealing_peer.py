"""Peers of our sealing, one line of JSON for each line of standard input: encrypt, aggregate, open.

usage: sealing_peer.py tenseal|tenseal-lean|phe|textbook VALUES COHORT [MODULUS [THREADS]]

tenseal: as NVIDIA FLARE sets it (polynomials of 8192, [60, 40, 40], scale 2^40, symmetric, 4096 values a ciphertext); encrypt ends
with bytes and aggregate goes from bytes to bytes.
tenseal-lean: the same with polynomials of 4096, [40, 40], scale 2^28, 2048 values a ciphertext.
phe: one value a ciphertext; numbers, not bytes, as its users send them pickled. VALUES should be small.
textbook: (1 + m n) r^n mod n^2 with gmpy2, one value of 8 bits a ciphertext, bytes at both ends; its powers over THREADS threads.
"""

import itertools
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

which, values, cohort = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
modulus = int(sys.argv[4]) if len(sys.argv) > 4 else 3072
threads = int(sys.argv[5]) if len(sys.argv) > 5 else 1
vector = np.random.default_rng(1).uniform(-1, 1, values).astype(np.float32)


def tenseal(degree=8192, sizes=(60, 40, 40), scale=2**40):
    import tenseal as ts

    context = ts.context(
        ts.SCHEME_TYPE.CKKS, poly_modulus_degree=degree, coeff_mod_bit_sizes=list(sizes),
        encryption_type=ts.ENCRYPTION_TYPE.SYMMETRIC, n_threads=1)
    context.global_scale = scale
    # What FLARE's server has: the context without the secret key.
    public = ts.context_from(context.serialize(save_secret_key=False), n_threads=1)
    slots = degree // 2
    blocks = [vector[start : start + slots].tolist() for start in range(0, values, slots)]
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

    public, private = paillier.generate_paillier_keypair(n_length=modulus)
    numbers = [float(value) for value in vector]
    width = 2 * modulus // 8
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


def textbook():
    import secrets

    import gmpy2

    def prime():
        return int(gmpy2.next_prime(3 << (modulus // 2 - 2) | secrets.randbits(modulus // 2 - 2)))

    p, q = prime(), prime()
    n = gmpy2.mpz(p * q)
    square, width = n * n, 2 * modulus // 8
    phi = (p - 1) * (q - 1)
    inverse = gmpy2.invert(phi, n)
    whole = [int(round((float(value) + 1) * 127)) for value in vector]
    pool = ThreadPoolExecutor(threads)
    held = {}

    def powers(bases, exponent):
        # `powmod_base_list` lets the interpreter's lock go: its threads do run at once.
        size = -(-len(bases) // threads)
        blocks = [bases[start : start + size] for start in range(0, len(bases), size)]
        return itertools.chain.from_iterable(pool.map(lambda block: gmpy2.powmod_base_list(block, exponent, square), blocks))

    def encrypt():
        blinding = powers([secrets.randbelow(int(n) - 1) + 1 for _ in whole], n)
        held["payload"] = [int((1 + m * n) * power % square).to_bytes(width, "big") for m, power in zip(whole, blinding)]
        return width * len(whole)

    def aggregate():
        sums = []
        for piece in held["payload"]:
            total = gmpy2.mpz(1)
            for _ in range(cohort):
                total = total * int.from_bytes(piece, "big") % square
            sums.append(int(total).to_bytes(width, "big"))
        held["sum"] = sums
        return width * len(sums)

    def open_sum():
        opened = powers([int.from_bytes(piece, "big") for piece in held["sum"]], phi)
        held["opened"] = [float((power - 1) // n * inverse % n) / 127 - cohort for power in opened]
        return width * len(held["opened"])

    return held, {"encrypt": encrypt, "aggregate": aggregate, "open": open_sum}


def lean():
    return tenseal(4096, (40, 40), 2**28)


held, work = {"tenseal": tenseal, "tenseal-lean": lean, "phe": phe, "textbook": textbook}[which]()
print("ready", flush=True)
for line in sys.stdin:
    task = line.strip()
    began, used = time.perf_counter(), time.process_time()
    count = work[task]()
    answer = {
        "seconds": time.perf_counter() - began, "processor_seconds": time.process_time() - used, "values": values, "bytes": count}
    if task == "open":
        errors = np.array(held["opened"][:values]) / cohort - vector
        answer["largest_error"] = float(np.max(np.abs(errors)))
        answer["rms_error"] = float(np.sqrt(np.mean(errors * errors)))
    print(json.dumps(answer), flush=True)
