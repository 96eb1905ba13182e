"""What a model in the daemon is given of a camera's frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.runner import Runner
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.view import View
from edge_vision.data.warp import Warp
from edge_vision.training.evaluation.sights import as_frame

DaemonFit = Literal["stretch", "letterbox"]


class Taking:
    """A model that keeps what it is given."""

    def __init__(self, size: tuple[int, int], fit: DaemonFit, channels: int) -> None:
        spec = TensorSpec("image", (1, size[1], size[0], channels), "uint8", meaning="image")
        tensors = (spec,), (TensorSpec("scores", (1, 2), "float32", meaning="scores"),)
        labels, file = ("a", "b"), Path("taking")
        self.bundle = ModelBundle("taking", file, labels, "classify", *tensors, "scores", fit=fit)
        self.given: NDArray[np.generic] = np.zeros(0)

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.generic]]:
        self.given = np.array(inputs["image"][0])
        return {"scores": np.zeros((1, 2), np.float32)}

    def close(self) -> None:
        """Nothing is held."""


def given(
    image: NDArray[np.uint8], size: tuple[int, int], fit: DaemonFit, channels: int, warp: Warp
) -> NDArray[np.generic]:
    """What a model is given of an image, blue, green, red: (height, width, channels) uint8."""
    model = Taking(size, fit, channels)
    runner = Runner(model, object)
    runner(runner.view(View.of(as_frame(image, 0), warp)))
    return model.given
