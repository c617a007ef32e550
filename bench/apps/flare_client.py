"""A site that trains nothing: adds a number of its own to every value, so that no two sites send the same."""

import argparse
import os
import time

import nvflare.client as flare

parser = argparse.ArgumentParser()
parser.add_argument("--folder", required=True)
folder = parser.parse_args().folder

flare.init()
site = flare.get_site_name()
step = 0.001 * int(site.rsplit("-", 1)[-1])
with open(os.path.join(folder, f"{site}.times"), "a") as notes:
    while flare.is_running():
        model = flare.receive()
        if model is None:
            break
        received = time.time()
        arrays = list(model.params.values())
        notes.write(f"{received} {min(array.min() for array in arrays)} {max(array.max() for array in arrays)}\n")
        notes.flush()
        params = {name: array + step for name, array in model.params.items()}
        flare.send(flare.FLModel(params=params, metrics={"accuracy": 0.0}))
