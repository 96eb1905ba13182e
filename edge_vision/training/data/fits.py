"""Fits: how a picture of any size is made one of a fixed size, as the daemon shows it to a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data import geometry
from edge_vision.data.warp import Warp, reference_warp

Fit = Literal["stretch", "letterbox", "crop"]
"""Stretched; as a whole, with grey bars beside it; or its middle, without what stands out."""

GREY = 114
"""The bars beside a letterboxed picture, the same that the daemon makes."""

_TOLERANCE = 1e-6
"""Pixels by which a picture's edge may be missed, and still be met."""


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Where a picture is seen in a new one.

    source      (width, height) of the picture
    target      (width, height) of the new one
    to_picture  3x3 map from pixels of the new one to those of the picture
    """

    source: tuple[int, int]
    target: tuple[int, int]
    to_picture: geometry.Map

    @property
    def matrix(self) -> geometry.Map:
        """The map from pixels of the picture to pixels of the new one."""
        return geometry.inverse(self.to_picture)

    def picture(self, picture: NDArray[np.uint8], warp: Warp = reference_warp) -> NDArray[np.uint8]:
        """The new picture, (height, width, 3) uint8.

        picture  (height, width, 3) uint8, of any order of colours, of which it keeps its own
        warp     how pixels are taken from it
        """
        if self.source == self.target:
            return picture
        return warp(picture, self.to_picture, self.target, (GREY, GREY, GREY), None)

    def mask(self, mask: NDArray[np.uint8], beside: int) -> NDArray[np.uint8]:
        """The new mask, (height, width) uint8: of each pixel the value that its middle sees.

        mask    (height, width) uint8
        beside  the value of pixels that see nothing
        """
        columns, across = self._seen(0)
        rows, down = self._seen(1)
        return np.where(down[:, np.newaxis] & across, mask[np.ix_(rows, columns)], np.uint8(beside))

    def _seen(self, axis: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Along an axis, the picture's pixel that each new one sees, and whether it sees one."""
        limit = self.source[axis]
        middles = np.arange(self.target[axis]) + 0.5
        places = middles * self.to_picture[axis, axis] + self.to_picture[axis, 2]
        inside = (places >= -_TOLERANCE) & (places <= limit + _TOLERANCE)
        return np.clip(np.floor(places), 0, limit - 1).astype(np.int64), inside


def placement(fit: Fit, source: tuple[int, int], target: tuple[int, int]) -> Placement:
    """Where a picture goes, as `adapters.Runner.view` has it; sizes are (width, height)."""
    across, down = source[0] / target[0], source[1] / target[1]
    if fit == "stretch":
        return Placement(source, target, geometry.scaling(across, down))
    factor = max(across, down) if fit == "letterbox" else min(across, down)
    centred = geometry.scaling(factor, factor)
    centred[0, 2] = (source[0] - factor * target[0]) / 2
    centred[1, 2] = (source[1] - factor * target[1]) / 2
    return Placement(source, target, centred)


def as_given(picture: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """A picture as a network is given it, (height, width, channels) uint8.

    picture   (height, width, 3) uint8 red, green, blue
    channels  3 for red, green, blue, 1 for grey
    """
    spec = _image(picture.shape[0], picture.shape[1], channels)
    given = spec.from_pixels(np.ascontiguousarray(picture[:, :, ::-1]))
    return np.asarray(given[0], np.uint8)


@lru_cache(maxsize=64)
def _image(height: int, width: int, channels: int) -> TensorSpec:
    return TensorSpec("image", (1, height, width, channels), "uint8")
