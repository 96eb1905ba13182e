"""How near the pictures of a form are to those of the network."""

from __future__ import annotations

import numpy as np
import pytest

from edge_vision.adapters.catalogue import describe
from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.service.training.nearness import EQUAL, nearness
from edge_vision.testing import FakeModel

IMAGE = TensorSpec("image", (1, 8, 8, 3), "uint8", meaning="image")
RUNS = [[{"image": np.full((1, 8, 8, 3), value, np.uint8)}] for value in (0, 100, 200)]


class Known(FakeModel):
    """A model of which it is known what it is."""

    def __init__(self, shift: float, output: TensorSpec) -> None:
        super().__init__(
            [IMAGE],
            [output],
            lambda inputs: {output.name: (inputs["image"] / 255.0 + shift).astype(np.float32)},
        )

    @property
    def bundle(self) -> ModelBundle:
        """With its task and its layout."""
        return describe(super().bundle)


def painting(shift: float) -> Model:
    return Known(shift, TensorSpec("picture", (1, 8, 8, 3), "float32", meaning="image"))


def test_pictures_that_differ_by_two_levels_are_so_many_decibels_apart() -> None:
    found = nearness(painting(0.0), painting(2.0 / 255.0), RUNS)
    assert found == pytest.approx(20.0 * np.log10(255.0 / 2.0), abs=1e-3)


def test_equal_pictures_are_as_near_as_can_be() -> None:
    assert nearness(painting(0.0), painting(0.0), RUNS) == EQUAL


def test_what_makes_no_pictures_is_not_compared() -> None:
    scores = Known(0.0, TensorSpec("scores", (1, 8, 8, 3), "float32", meaning="class-scores"))
    assert nearness(scores, scores, RUNS) is None
