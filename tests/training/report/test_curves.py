"""Curves of figures over epochs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge_vision.data.frame import Image
from edge_vision.training.report.canvas import PALETTE
from edge_vision.training.report.curves import HEIGHT, Panel, curves_picture


def rows_of(picture: Image, colour: tuple[int, int, int], column: int) -> list[int]:
    """The rows of a column, below the heading, that have a colour."""
    strip = picture[46:, column].astype(int)
    return (np.flatnonzero((np.abs(strip - colour) < 30).all(axis=1)) + 46).tolist()


def test_a_curve_that_grows_rises() -> None:
    picture = curves_picture([Panel("accuracy", {"accuracy": [0.0, 0.5, 1.0]})])
    early, late = rows_of(picture, PALETTE[0], 80), rows_of(picture, PALETTE[0], 720)
    assert max(late) < min(early)


def test_each_panel_with_something_to_show_gets_its_place() -> None:
    panels = [
        Panel("loss", {"training": [2.0, 1.0]}),
        Panel("nothing", {"accuracy": [math.nan, math.nan]}),
        Panel("accuracy", {"accuracy": [math.nan, 0.5]}),
    ]
    assert curves_picture(panels).shape[0] == 2 * HEIGHT


@pytest.mark.parametrize(
    "curve",
    [[1.0], [3.0, 3.0, 3.0], [0.0, 0.0], [-1e-9, 1e-9], [1e9, -1e9], [math.nan, 0.1, math.inf], []],
    ids=str,
)
def test_any_curve_can_be_drawn(curve: list[float]) -> None:
    assert curves_picture([Panel("figure", {"one": curve}, best=0)]).shape[1] > 0
