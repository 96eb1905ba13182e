"""Images: how near a picture that was made is to the one that was wanted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.score import Score

_LUMA = np.array([65.481, 128.553, 24.966]) / 255.0
_BLACK = 16.0
_FULL_SCALE = 255.0


def luma(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Brightness 16 to 235, (height, width), of pixels (height, width, 3) red, green, blue.

    ITU-R BT.601 in studio range, not rounded, as papers on super-resolution count it.
    """
    return np.asarray(pixels.astype(np.float64) @ _LUMA + _BLACK)


def psnr(made: NDArray[np.number], wanted: NDArray[np.number], shave: int = 0) -> float:
    """Peak signal-to-noise ratio in decibels of pictures of one shape, 0 to 255; inf for equal ones.

    shave  so many pixels at each edge are left out
    """
    if made.shape != wanted.shape or min(made.shape[:2]) <= 2 * shave:
        raise TrainingError(f"pictures {made.shape} and {wanted.shape} cannot be compared, less {shave}")
    inner = slice(shave, -shave or None)
    difference = made[inner, inner].astype(np.float64) - wanted[inner, inner].astype(np.float64)
    error = float(np.mean(np.square(difference)))
    return float("inf") if error == 0.0 else float(10.0 * np.log10(_FULL_SCALE**2 / error))


def psnr_score(
    made: Sequence[NDArray[np.uint8]], wanted: Sequence[NDArray[np.uint8]], shave: int = 0
) -> Score:
    """How near n pictures (height, width, 3) red, green, blue are to the wanted ones, by their luma.

    psnr_y is the mean of their ratios in decibels, not of their errors.
    """
    if not wanted or len(made) != len(wanted):
        raise TrainingError(f"{len(made)} pictures were made, {len(wanted)} are known")
    each = np.array([psnr(luma(m), luma(w), shave) for m, w in zip(made, wanted, strict=True)])
    with np.errstate(over="ignore"):
        mistakes = np.minimum(10.0 ** (-each / 20.0), 1.0).astype(np.float32)
    said = tuple(f"{figure:.1f} dB" for figure in each)
    return Score({"psnr_y": float(each.mean())}, len(each), mistakes=mistakes, said=said)
