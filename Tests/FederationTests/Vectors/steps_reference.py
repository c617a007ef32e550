"""What ranges and places follow from a released step, by NumPy: writes steps.json beside it.

usage: steps_reference.py > steps.json
"""

import json
import math

import numpy


def places(before, after, fraction, rotation, turn):
    step = numpy.abs(after - before)  # f32
    count = len(step)
    wanted = min(count, max(1, math.ceil(fraction * count)))
    if wanted >= count:
        return None
    fresh = math.floor(rotation * wanted + 0.5)
    order = numpy.lexsort((numpy.arange(count), -step.astype(numpy.float64)))
    chosen = [place for place in order[: wanted - fresh].tolist() if step[place] > 0]
    stride = max(1, int(count * 0.618_033_988_749_894_9))
    while math.gcd(stride, count) != 1:
        stride += 1
    stride %= count
    place = turn * max(fresh, 1) * stride % count
    while len(chosen) < wanted:
        if place not in chosen:
            chosen.append(place)
        place = (place + stride) % count
    return sorted(chosen)


def ranges(before, after, sizes, margin, limit):
    step, first, result = numpy.abs(after - before), 0, []
    for size in sizes:
        largest = float(step[first:first + size].max())
        result.append(min(limit, margin * largest) if largest > 0 else limit)
        first += size
    return result


generator = numpy.random.default_rng(20)
cases = []
for sizes, fraction, rotation, turn in [
    ([40, 24], 0.1, 0.2, 2), ([40, 24], 0.1, 0.2, 3), ([40, 24], 0.25, 0, 2), ([40, 24], 0.25, 1, 7), ([3, 1, 9], 0.5, 0.5, 1000),
    ([100], 0.001, 0.2, 5), ([640, 360], 0.05, 0.3, 99), ([16], 1, 0.2, 2),
]:
    count = sum(sizes)
    before = generator.normal(0, 1, count).astype(numpy.float32)
    after = (before + generator.normal(0, 0.01, count)).astype(numpy.float32)
    after[: sizes[0]] = numpy.where(generator.random(sizes[0]) < 0.4, before[: sizes[0]], after[: sizes[0]])
    if count == 1000:  # hardly any value moved, and two of them alike
        after = before.copy()
        after[[3, 17, 700]] += numpy.float32(0.5)
    margin, limit = 2.0, 0.05
    cases.append({
        "sizes": sizes, "fraction": fraction, "rotation": rotation, "turn": turn, "margin": margin, "limit": limit,
        "before": before.view(numpy.uint32).tolist(), "after": after.view(numpy.uint32).tolist(),
        "ranges": ranges(before, after, sizes, margin, limit), "places": places(before, after, fraction, rotation, turn),
    })
print(json.dumps(cases))
