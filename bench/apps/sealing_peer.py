"""Peers of our sealing, one line of JSON for each line of standard input: encrypt, aggregate, open.

usage: sealing_peer.py tenseal|tenseal-lean|phe|textbook VALUES COHORT [MODULUS [THREADS [VECTORS]]]

VECTORS: a file of float32, vectors of some number of values of which the first VALUES are taken, given as FILE:NUMBER; the clouds seal one
each, and begin again with the first. Without it all seal one that is drawn here.

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
if len(sys.argv) > 6:
    file, _, length = sys.argv[6].rpartition(":")
    vectors = np.fromfile(file, "<f4").reshape(-1, int(length))[:cohort, :values]
else:
    vectors = np.random.default_rng(1).uniform(-1, 1, (1, values)).astype(np.float32)
if which in ("phe", "textbook"):
    # A minute for each: all clouds seal the first's.
    vectors = vectors[:1]
# Whose vector a cloud seals.
owners = [cloud % len(vectors) for cloud in range(cohort)]
mean = np.mean([vectors[owner].astype(np.float64) for owner in owners], axis=0)


def tenseal(degree=8192, sizes=(60, 40, 40), scale=2**40):
    import tenseal as ts

    context = ts.context(
        ts.SCHEME_TYPE.CKKS, poly_modulus_degree=degree, coeff_mod_bit_sizes=list(sizes),
        encryption_type=ts.ENCRYPTION_TYPE.SYMMETRIC, n_threads=1)
    context.global_scale = scale
    # What FLARE's server has: the context without the secret key.
    public = ts.context_from(context.serialize(save_secret_key=False), n_threads=1)
    slots = degree // 2
    starts = range(0, values, slots)

    def lists(vector):
        return [vector[start : start + slots].tolist() for start in starts]

    def encrypt(blocks):
        return [ts.ckks_vector(context, block).serialize() for block in blocks]

    def add(payloads):
        sums = []
        for first, *others in zip(*payloads):
            total = ts.ckks_vector_from(public, first)
            for block in others:
                total += ts.ckks_vector_from(public, block)
            sums.append(total.serialize())
        return sums

    def open_sum(blocks):
        return [value for block in blocks for value in ts.ckks_vector_from(context, block).decrypt()]

    return lists, encrypt, add, open_sum, lambda blocks: sum(map(len, blocks))


def phe():
    from phe import paillier

    public, private = paillier.generate_paillier_keypair(n_length=modulus)
    width = 2 * modulus // 8

    def encrypt(numbers):
        return [public.encrypt(number) for number in numbers]

    def add(payloads):
        return [sum(others, first) for first, *others in zip(*payloads)]

    def open_sum(numbers):
        return [private.decrypt(number) for number in numbers]

    return np.ndarray.tolist, encrypt, add, open_sum, lambda numbers: width * len(numbers)


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
    pool = ThreadPoolExecutor(threads)

    def whole(vector):
        return [int(round((float(value) + 1) * 127)) for value in vector]

    def powers(bases, exponent):
        # `powmod_base_list` lets the interpreter's lock go: its threads do run at once.
        size = -(-len(bases) // threads)
        blocks = [bases[start : start + size] for start in range(0, len(bases), size)]
        return itertools.chain.from_iterable(pool.map(lambda block: gmpy2.powmod_base_list(block, exponent, square), blocks))

    def encrypt(numbers):
        blinding = powers([secrets.randbelow(int(n) - 1) + 1 for _ in numbers], n)
        return [int((1 + m * n) * power % square).to_bytes(width, "big") for m, power in zip(numbers, blinding)]

    def add(payloads):
        sums = []
        for pieces in zip(*payloads):
            total = gmpy2.mpz(1)
            for piece in pieces:
                total = total * int.from_bytes(piece, "big") % square
            sums.append(int(total).to_bytes(width, "big"))
        return sums

    def open_sum(sums):
        opened = powers([int.from_bytes(piece, "big") for piece in sums], phi)
        return [float((power - 1) // n * inverse % n) / 127 - cohort for power in opened]

    return whole, encrypt, add, open_sum, lambda pieces: width * len(pieces)


def lean():
    return tenseal(4096, (40, 40), 2**28)


prepare, encrypt, add, open_sum, size = {"tenseal": tenseal, "tenseal-lean": lean, "phe": phe, "textbook": textbook}[which]()
plain = [prepare(vector) for vector in vectors]
first, payloads, total, opened = None, None, None, None
print("ready", flush=True)
for line in sys.stdin:
    task = line.strip()
    if task == "aggregate" and payloads is None:
        different = [first or encrypt(plain[0])] + [encrypt(each) for each in plain[1:]]
        payloads = [different[owner] for owner in owners]
    began, used = time.perf_counter(), time.process_time()
    if task == "encrypt":
        first = encrypt(plain[0])
        count = size(first)
    elif task == "aggregate":
        total = add(payloads)
        count = size(total)
    elif task == "open":
        opened = open_sum(total)
        count = size(total)
    else:
        sys.exit(f'"{task}": expected encrypt, aggregate or open')
    answer = {
        "seconds": time.perf_counter() - began, "processor_seconds": time.process_time() - used, "values": values, "bytes": count}
    if task == "open":
        errors = np.array(opened[:values]) / cohort - mean
        answer["largest_error"] = float(np.max(np.abs(errors)))
        answer["rms_error"] = float(np.sqrt(np.mean(errors * errors)))
    print(json.dumps(answer), flush=True)
