"""A score: how well a model does, in named figures, and what it mistakes for what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Drawing: TypeAlias = Callable[[int, NDArray[np.uint8]], NDArray[np.uint8]]
"""Draws what a model said of an example, by its row, on that example's picture.

The picture is (height, width, 3) uint8 blue, green, red; what comes out may have another size.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """How well a model does on a part of a data set.

    values     figures by name, in the order in which they are shown; the first is the chief one, of
               which more is better. Fractions are 0 to 1
    examples   so many were judged
    confusion  (classes, classes) whole numbers, a row for what it was, a column for what was said;
               None where there are no classes
    labels     names of the classes
    mistakes   of the examples in their order how wrong the model was, (n,) float32: 0 for right and
               sure, more for worse; None where that is not known
    said       n short texts for people: what the model said of each example; empty for none
    drawing    shows what it said on an example's picture; None where words say it all
    """

    values: Mapping[str, float]
    examples: int
    confusion: NDArray[np.int64] | None = None
    labels: tuple[str, ...] = ()
    mistakes: NDArray[np.float32] | None = None
    said: tuple[str, ...] = field(default=())
    drawing: Drawing | None = None

    @property
    def chief(self) -> float:
        """The figure that decides which of two models is better."""
        return next(iter(self.values.values()))
