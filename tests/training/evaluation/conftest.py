"""Models that answer from the pictures they are shown, and small sets of pictures to judge them on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.contracts.tensors import TensorSpec
from edge_vision.testing import FakeModel
from edge_vision.training.data.collection import Collection, Item

LABELS = ("red", "green", "blue")

Answer = Callable[[Mapping[str, NDArray[Any]]], dict[str, NDArray[Any]]]


def image_input(width: int = 8, height: int = 6) -> TensorSpec:
    return TensorSpec("image", (1, height, width, 3), "uint8")


def colour_model(labels: tuple[str, ...] = LABELS, extra: float | None = None) -> FakeModel:
    """A classifier that says how red, green and blue a picture is; with an extra class of that score."""

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        shares = inputs["image"].astype(np.float64).mean(axis=(0, 1, 2)) + 1.0
        if extra is not None:
            shares = np.append(shares, extra)
        return {"scores": (shares / shares.sum())[np.newaxis].astype(np.float32)}

    count = 3 if extra is None else 4
    return FakeModel([image_input()], [TensorSpec("scores", (1, count), "float32")], answer, labels)


def picture(colour: tuple[int, int, int], width: int = 20, height: int = 10) -> NDArray[np.uint8]:
    """One colour red, green, blue, (height, width, 3) uint8."""
    return np.full((height, width, 3), colour, np.uint8)


def write(file: Path, pixels: NDArray[np.uint8]) -> Path:
    """A picture in red, green, blue, or a mask, as a file."""
    cv2.imwrite(str(file), pixels[:, :, ::-1] if pixels.ndim == 3 else pixels)
    return file


@pytest.fixture
def colours(tmp_path: Path) -> Collection:
    """Five pictures: red, green, blue, a green one that is called red, and a dark blue one."""
    shown = [((250, 0, 0), 0), ((0, 250, 0), 1), ((0, 0, 250), 2), ((10, 250, 0), 0), ((20, 0, 60), 2)]
    items = tuple(
        Item(write(tmp_path / f"{i}.png", picture(colour)), f"{i}.png", f"{i}.png", label=label)
        for i, (colour, label) in enumerate(shown)
    )
    return Collection(items, LABELS)
