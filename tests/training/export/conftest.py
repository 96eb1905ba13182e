"""Tiny networks to convert, and what they become; made once, for a conversion starts a process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Sample = dict[str, NDArray[Any]]


@dataclass
class Step:
    """A network of one recurrent step, CNN and GRU, and samples of it as recorded over sequences."""

    graph: Any
    samples: Sequence[Sample]
    sequences: list[list[Sample]]


@dataclass
class Made:
    """What a step became: its variants by their names, in a folder."""

    step: Step
    variants: dict[str, Any]
    folder: Path


@pytest.fixture(scope="session")
def step() -> Step:
    pytest.importorskip("tensorflow")
    import keras  # noqa: PLC0415

    from edge_vision.training.export.device_graph import DeviceGraph  # noqa: PLC0415
    from edge_vision.training.export.states import recorded_steps  # noqa: PLC0415

    keras.utils.set_random_seed(3)
    image, state = keras.Input((24, 32, 3), name="image"), keras.Input((12,), name="state_h")
    x = keras.layers.Rescaling(1 / 127.5, -1)(image)
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = keras.layers.ReLU(6)(keras.layers.BatchNormalization()(x))
    x = keras.layers.UpSampling2D()(keras.layers.UpSampling2D()(x))  # with an open batch: no conversion
    x = keras.layers.DepthwiseConv2D(3, strides=2, padding="same", activation="relu")(x)
    x = 8.0 * keras.layers.GlobalAveragePooling2D()(x)
    answer, following = keras.layers.GRUCell(12)(x, [state])
    scores = keras.layers.Dense(5, activation="softmax")(3.0 * answer)
    graph = keras.Model([image, state], {"scores": scores, "next_h": following[0]})
    random = np.random.default_rng(5)
    sequences = [
        [{"image": random.integers(30, 220, (1, 24, 32, 3)).astype(np.uint8)} for _ in range(8)]
        for _ in range(3)
    ]
    return Step(graph, recorded_steps(DeviceGraph(graph), sequences), sequences)


@pytest.fixture(scope="session")
def made(step: Step, tmp_path_factory: pytest.TempPathFactory) -> Made:
    from edge_vision.training.export.forms import FORMS  # noqa: PLC0415
    from edge_vision.training.export.variants import make_variants  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("variants")
    variants = make_variants(step.graph, FORMS, step.samples, folder)
    return Made(step, {each.name: each for each in variants}, folder)
