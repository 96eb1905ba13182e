"""One worker of a cluster: trains the small network without chance in it, and writes its weights.

`python -m tests.training.fitting.cluster WISH FOLDER FILE`, with TF_CONFIG for the wish "workers".
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import keras

from edge_vision.training.fitting.losses import CrossEntropy
from edge_vision.training.fitting.strategy import distribution
from edge_vision.training.fitting.trainer import fit
from edge_vision.training.transfer.weights import save_weights
from tests.training.fitting.small import SETTINGS, data, validate


def network() -> Any:
    """A network that learns the same however a batch is shared.

    It has no dropout, whose masks are each replica's own, and what it learns does not depend on its
    normalisation, which is over each replica's share of a batch.
    """
    keras.utils.set_random_seed(5)
    image = keras.Input((6, 6, 3), name="image")
    x = keras.layers.Rescaling(1 / 127.5, -1)(image)
    x = keras.layers.Conv2D(6, 3, activation="relu", name="features")(x)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    beside = keras.layers.BatchNormalization(center=False, scale=False, momentum=0.9, name="norm")(x)
    return keras.Model(image, {"scores": keras.layers.Dense(3, name="dense")(x), "beside": beside})


def main(wish: str, folder: str, file: str) -> None:
    cluster = distribution(wish, os.environ)
    with cluster.scope():
        learnt = network()
    fit(learnt, {"scores": CrossEntropy()}, data, validate, SETTINGS, Path(folder))
    save_weights(learnt, Path(file))
    sys.stdout.write(f"{'chief' if cluster.chief else 'worker'} of {cluster.workers}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
