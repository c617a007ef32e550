"""One run of empty rounds on NVIDIA FLARE: server and three sites (`poc`), FedAvg over one numpy array.

usage: flare_job.py VALUES ROUNDS FOLDER      (in FLARE's own environment, NVFLARE_POC_WORKSPACE set)

Each site notes when it gets a task, and what the model's values lie in, in FOLDER/SITE.times; FOLDER/driver.json says how the
job ended.
"""

import json
import os
import sys
import time

import numpy as np
from nvflare.app_common.np.recipes.fedavg import NumpyFedAvgRecipe
from nvflare.recipe.poc_env import PocEnv

values, rounds, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
here = os.path.dirname(os.path.abspath(__file__))
start = os.path.join(folder, "start.npy")
np.save(start, np.zeros(values, dtype=np.float32))
began = time.time()
recipe = NumpyFedAvgRecipe(
    name="empty", initial_ckpt=start, min_clients=3, num_rounds=rounds,
    train_script=os.path.join(here, "flare_client.py"), train_args=f"--folder {folder}")
environment = PocEnv(num_clients=3)
try:
    run = recipe.execute(environment)
    submitted = time.time()
    run.get_result(timeout=900)
    status = str(run.get_status())
    ended = time.time()
finally:
    environment.stop(clean_up=False)
with open(os.path.join(folder, "driver.json"), "w") as file:
    json.dump({"began": began, "submitted": submitted, "ended": ended, "status": status}, file)
