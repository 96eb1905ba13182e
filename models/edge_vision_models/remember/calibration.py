"""Calibration: how badly normal frames are redrawn, and from where on that is unusual."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

TAIL = 0.1
"""Share of the frames, the most unusual of the normal ones, by which the rarer ones are told."""
LEAST_SPREAD = 0.25
"""Of the mean error of all places: where nothing ever changed, so much more is still no wonder."""


def place_statistics(errors: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The mean error of each place, (rows, columns), and how much it varies.

    errors  (n, rows, columns) of normal frames

    How much it varies is the largest standard deviation of the place and its neighbours, where much the
    same happens, and a share of the mean error of all places.
    """
    usual = errors.mean(axis=0)
    deviation = errors.std(axis=0).astype(np.float32)
    varies = cv2.dilate(deviation, np.ones((3, 3), np.uint8))
    least = LEAST_SPREAD * float(usual.mean())
    return np.asarray(usual, np.float32), np.asarray(varies + least, np.float32)


def threshold_of(peaks: NDArray[np.floating], share: float) -> float:
    """The value that so small a share of normal frames reaches.

    peaks  (n,) the largest value of each normal frame

    Where frames are too few to count, the tail of their distribution is taken for exponential (peaks
    over threshold: Pickands, "Statistical inference using extreme order statistics", 1975).
    """
    if share >= TAIL:
        return float(np.quantile(peaks, 1.0 - share))
    high = float(np.quantile(peaks, 1.0 - TAIL))
    over = peaks[peaks > high] - high
    mean = float(over.mean()) if len(over) else 0.0
    return high + mean * float(np.log(TAIL / share))
