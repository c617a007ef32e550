"""Empty rounds on Flower: FedAvg over one numpy array; a client adds a number of its own to every value."""

import json
import os
import time

import numpy as np
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

client = ClientApp()
server = ServerApp()


@client.train()
def train(message: Message, context: Context) -> Message:
    arrays = message.content["arrays"].to_numpy_ndarrays()
    step = 0.001 * (1 + int(context.node_config["partition-id"]))
    return Message(
        content=RecordDict({
            "arrays": ArrayRecord([array + np.float32(step) for array in arrays]),
            "metrics": MetricRecord({"num-examples": 1}),
        }),
        reply_to=message)


class Timed(FedAvg):
    """FedAvg that notes when each round begins and when its sum is there."""

    def __init__(self, notes):
        super().__init__(fraction_train=1.0, fraction_evaluate=0.0, min_train_nodes=3, min_available_nodes=3)
        self.notes = notes

    def configure_train(self, server_round, arrays, config, grid):
        messages = super().configure_train(server_round, arrays, config, grid)
        self.notes.append({"began": time.time()})
        return messages

    def aggregate_train(self, server_round, replies):
        result = super().aggregate_train(server_round, replies)
        self.notes[-1]["ended"] = time.time()
        return result


@server.main()
def main(grid: Grid, context: Context) -> None:
    values, rounds, folder = (context.run_config[key] for key in ("values", "rounds", "folder"))
    notes = []
    result = Timed(notes).start(
        grid=grid, initial_arrays=ArrayRecord([np.zeros(int(values), dtype=np.float32)]), num_rounds=int(rounds))
    final = result.arrays.to_numpy_ndarrays()[0]
    with open(os.path.join(str(folder), "driver.json.part"), "w") as file:
        json.dump({"rounds": notes, "final": [float(final.min()), float(final.max())]}, file)
    os.rename(os.path.join(str(folder), "driver.json.part"), os.path.join(str(folder), "driver.json"))
