"""Resampling: pictures made smaller or larger as papers on super-resolution do it.

Bicubic as MATLAB's imresize computes it: Keys, "Cubic convolution interpolation for digital image
processing", 1981, with a = -1/2; where a picture gets smaller the kernel is stretched by the factor, so
that it keeps what is too fine out; beyond its edges a picture is mirrored, the edge itself repeated.
OpenCV's INTER_CUBIC has a = -3/4 and stretches nothing, and its figures are not those of papers.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError

_REACH = 2.0
"""Pixels to each side that the kernel looks at."""


def scaled(picture: NDArray[np.number], scale: float) -> NDArray[np.float64]:
    """A picture (..., height, width), `scale` times as high and wide, its sides rounded up.

    Values are neither rounded nor cut to what pixels can hold.
    """
    height, width = picture.shape[-2:]
    size = math.ceil(width * scale - 1e-9), math.ceil(height * scale - 1e-9)
    if min(size) < 1:
        raise TrainingError(f"{width} x {height} pixels times {scale:g} leave nothing")
    rows, columns = _taps(height, size[1], scale), _taps(width, size[0], scale)
    made = _summed(picture.astype(np.float64), rows)
    return np.ascontiguousarray(np.swapaxes(_summed(np.swapaxes(made, -1, -2), columns), -1, -2))


def scaled_colours(picture: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """A picture (height, width, channels) uint8, `scale` times as high and wide, as pixels again."""
    planes = np.ascontiguousarray(np.moveaxis(picture, -1, 0))
    return as_pixels(np.moveaxis(scaled(planes, scale), 0, -1))


def as_pixels(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Values as pixels: rounded, cut to 0 to 255, (...) uint8."""
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def whole_pairs(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (height, width, ...) without the last row or column of an odd side: it can be halved."""
    height, width = picture.shape[:2]
    return picture[: height // 2 * 2, : width // 2 * 2]


class _Taps(NamedTuple):
    """Which pixels along an axis have a part in each new one, and how much they count; rows of sum 1.

    places   (k, new) int64
    weights  (k, new) float64
    """

    places: NDArray[np.int64]
    weights: NDArray[np.float64]


@lru_cache(maxsize=256)
def _taps(source: int, target: int, scale: float) -> _Taps:
    stretch = min(scale, 1.0)
    middles = (np.arange(target) + 0.5) / scale - 0.5
    reach = _REACH / stretch
    places = np.floor(middles - reach) + np.arange(math.ceil(2.0 * reach) + 2)[:, np.newaxis]
    kernel = _cubic((middles - places) * stretch)
    kernel /= kernel.sum(axis=0)
    mirrored = np.mod(places, 2 * source).astype(np.int64)
    used = np.abs(kernel).max(axis=1) > 0.0
    return _Taps(np.minimum(mirrored, 2 * source - 1 - mirrored)[used], kernel[used])


def _summed(picture: NDArray[np.float64], taps: _Taps) -> NDArray[np.float64]:
    """The sums along the last axis but one, (..., new, width)."""
    made = np.zeros((*picture.shape[:-2], taps.places.shape[1], picture.shape[-1]))
    for places, weights in zip(*taps, strict=True):
        made += picture[..., places, :] * weights[:, np.newaxis]
    return made


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' kernel (1981, equation 15) at distances in pixels."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x <= 1.0, near, np.where(x < _REACH, far, 0.0))
