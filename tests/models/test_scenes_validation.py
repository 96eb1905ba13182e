"""What judges the network of `scenes` while it learns: what a camera's view would be shown as."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.builtin.warp import opencv_warp
from edge_vision.service.training.finding import find_recipe
from edge_vision.training.evaluation.sights import picture_of
from tests.training.data.drawing import save
from tests.training.data.taking import DaemonFit, given


class Network:
    """Keeps the pictures that it is asked about."""

    def __init__(self) -> None:
        self.asked: list[NDArray[np.uint8]] = []

    def predict(self, inputs: Any, **_: Any) -> dict[str, NDArray[np.floating]]:
        self.asked.extend(inputs["image"])
        return {"scores": np.zeros((len(inputs["image"]), 2))}


@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
def test_pictures_are_judged_as_the_daemon_shows_them(tmp_path: Path, fit: DaemonFit) -> None:
    random = np.random.default_rng(5)
    for part in ("train", "test"):
        for number in range(8):
            pixels = random.integers(0, 256, (70, 100 + number, 3), np.uint8)
            save(tmp_path / "data" / part / "ab"[number % 2] / f"{number}.png", pixels)
    kind = find_recipe("scenes")
    recipe = kind(kind.Options.parse({"size": 32, "kept": 40, "fit": fit}))
    recipe.warp = opencv_warp
    parts, network = recipe.read(tmp_path / "data", tmp_path / "cache"), Network()
    recipe.validate(network, parts)
    assert parts.validation.size == (40, 40)
    exam = recipe.exam(tmp_path / "data", tmp_path / "cache", "validation")
    assert len(network.asked) == len(exam.source) == 8
    for row, picture in enumerate(network.asked):
        shown = given(picture_of(exam.source, row), (32, 32), fit, 1, opencv_warp)
        np.testing.assert_array_equal(picture, shown)
