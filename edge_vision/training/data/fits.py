"""Fits: how a picture of any size is made one of a fixed size."""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.data import geometry

Fit = Literal["stretch", "letterbox", "crop"]
"""Stretched; as a whole, with grey bars beside it; or its middle, without what stands out."""

GREY = 114
"""The bars beside a letterboxed picture, the same that the daemon makes."""


class Span(NamedTuple):
    """Whole pixels of an upright rectangle: its corner and its size."""

    x: int
    y: int
    width: int
    height: int


class Placement(NamedTuple):
    """Which part of a picture is shown, and where in the new one."""

    part: Span
    place: Span

    @property
    def matrix(self) -> geometry.Map:
        """The map from pixels of the picture to pixels of the new one."""
        part, place = self
        return np.asarray(
            geometry.translation(place.x, place.y)
            @ geometry.scaling(place.width / part.width, place.height / part.height)
            @ geometry.translation(-part.x, -part.y)
        )

    def apply(
        self, picture: NDArray[np.uint8], size: tuple[int, int], beside: int, nearest: bool = False
    ) -> NDArray[np.uint8]:
        """The new picture, (height, width[, c]) uint8; averages where it shrinks, else interpolates.

        beside   the value of pixels that see nothing
        nearest  True to take single pixels, as masks need it
        """
        part, place = self
        cut = picture[part.y : part.y + part.height, part.x : part.x + part.width]
        shrinks = place.width < part.width or place.height < part.height
        way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        if nearest:
            way = cv2.INTER_NEAREST_EXACT
        resized = cv2.resize(cut, (place.width, place.height), interpolation=way)
        resized = resized.reshape(place.height, place.width, *picture.shape[2:])
        if (place.width, place.height) == size:
            return np.asarray(resized, np.uint8)
        made = np.full((size[1], size[0], *picture.shape[2:]), beside, np.uint8)
        made[place.y : place.y + place.height, place.x : place.x + place.width] = resized
        return made


def placement(fit: Fit, source: tuple[int, int], target: tuple[int, int]) -> Placement:
    """Where a picture goes; sizes are (width, height)."""
    whole, all_of_it = Span(0, 0, *source), Span(0, 0, *target)
    if fit == "letterbox":
        return Placement(whole, _inscribed(target, source))
    if fit == "crop":
        return Placement(_inscribed(source, target), all_of_it)
    return Placement(whole, all_of_it)


def _inscribed(frame: tuple[int, int], shape: tuple[int, int]) -> Span:
    """The largest rectangle of a shape's proportions in the middle of a frame."""
    scale = min(frame[0] / shape[0], frame[1] / shape[1])
    width, height = (max(1, min(f, round(s * scale))) for f, s in zip(frame, shape, strict=True))
    return Span((frame[0] - width) // 2, (frame[1] - height) // 2, width, height)
