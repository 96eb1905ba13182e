"""The circle: a tenth of a wheel as sines and cosines, so that neighbours are alike, 9.9 and 0.0 too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_vision_models.meter_digits.wheels import TENTHS

HARMONICS = (1, 2, 3, 4, 5, 6, 8, 10)
"""So many periods in a turn of the wheel; ten are those of its digits."""
PLACE = 2 * len(HARMONICS)
"""So many values tell a place on the wheel."""


def places(positions: NDArray[np.floating] | NDArray[np.integer]) -> NDArray[np.float32]:
    """Places on the wheel as values, (n, PLACE), of positions (n,) in tenths."""
    angle = 2.0 * np.pi * np.asarray(positions, np.float64)[:, np.newaxis] / TENTHS
    angles = angle * np.array(HARMONICS)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


def table() -> NDArray[np.float32]:
    """The values of all tenths, (TENTHS, PLACE): what a label that is one-hot is multiplied by."""
    return places(np.arange(TENTHS))
