"""A training small enough for tests: tell which of three colours a picture has most of.

Run as a program it trains in a folder, `python -m tests.training.fitting.small FOLDER EPOCHS`, and says
`epoch N` after each epoch.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from edge_vision.training.fitting.epoch_data import EpochData
from edge_vision.training.fitting.history import EpochRow, History
from edge_vision.training.fitting.losses import CrossEntropy
from edge_vision.training.fitting.settings import FitSettings
from edge_vision.training.fitting.trainer import fit
from edge_vision.training.fitting.watcher import Watcher
from edge_vision.training.score import Score

SETTINGS = FitSettings(epochs=4, batch=16, learning_rate=0.02, seed=5)
COUNT = 88


def network(seed: int = 5, width: int = 6) -> Any:
    """Convolution, normalisation and dropout: all kinds of variables that a network may keep."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((6, 6, 3), name="image")
    x = keras.layers.Rescaling(1 / 127.5, -1)(image)
    x = keras.layers.Conv2D(width, 3, name="features")(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name="norm")(x)
    x = keras.layers.ReLU()(x)
    embedding = keras.layers.GlobalAveragePooling2D(name="embedding")(x)
    x = keras.layers.Dropout(0.1)(embedding)
    return keras.Model(image, {"scores": keras.layers.Dense(3, name="dense")(x), "embedding": embedding})


def examples(count: int = COUNT) -> tuple[NDArray[Any], NDArray[Any]]:
    random = np.random.default_rng(0)
    label = random.integers(0, 3, count)
    pictures = random.integers(0, 120, (count, 6, 6, 3)).astype(np.uint8)
    pictures[np.arange(count), :, :, label] += 60
    return pictures, label


def data(epoch: int, random: np.random.Generator) -> EpochData:
    """An epoch of noisy pictures."""
    pictures, label = examples()
    noisy = pictures + random.integers(0, 8, pictures.shape).astype(np.uint8)
    return EpochData({"image": noisy}, {"scores": label})


def validate(learnt: Any) -> Score:
    """How likely the right answer is, in the mean: a figure that moves with every weight."""
    pictures, label = examples()
    logits = np.asarray(learnt(pictures.astype(np.float32), training=False)["scores"], np.float64)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    sure = float(shares[np.arange(len(label)), label].mean())
    return Score({"sure": sure, "right": float((logits.argmax(axis=1) == label).mean())}, len(label))


class Said(Watcher):
    """Says which epochs are done, for a test that listens."""

    def epoch(self, row: EpochRow, history: History) -> None:
        sys.stdout.write(f"epoch {row.epoch}\n")
        sys.stdout.flush()


def main(arguments: Sequence[str]) -> None:
    settings = SETTINGS.model_copy(update={"epochs": int(arguments[1])})
    fit(network(), {"scores": CrossEntropy()}, data, validate, settings, Path(arguments[0]), [Said()])


if __name__ == "__main__":
    main(sys.argv[1:])
