"""Augmentation of examples: the picture, its boxes and its mask together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_vision.data import geometry
from edge_vision.training.augmentation.options import Augmentation, usual
from edge_vision.training.augmentation.placement import (
    place_boxes,
    place_mask,
    place_picture,
    placements,
)
from edge_vision.training.augmentation.tones import Tones, draw_tones

__all__ = ["Augmentation", "Augmented", "Draws", "augmented", "draw", "usual"]


@dataclass(frozen=True, slots=True, eq=False)
class Augmented:
    """A picture that was changed at random, and what is to be told of it.

    picture  (height, width, channels) uint8
    boxes    (k, 4) float32 x1, y1, x2, y2 in its pixels, or None where none were given
    kept     (k,) which of the given boxes these are
    mask     (height, width) uint8, VOID where nothing was seen, or None where none was given
    matrix   3x3 map from pixels of the given picture to pixels of this one
    """

    picture: NDArray[np.uint8]
    boxes: NDArray[np.float32] | None
    kept: NDArray[np.intp] | None
    mask: NDArray[np.uint8] | None
    matrix: geometry.Map


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Random changes for n pictures of one size, drawn at once, which is faster than one by one.

    size      (width, height) of the augmented pictures
    matrices  (n, 3, 3) maps from the pictures to those; None where the picture is only taken as it is
    """

    augmentation: Augmentation
    size: tuple[int, int]
    matrices: NDArray[np.float64] | None
    tones: Tones

    def picture(self, picture: NDArray[np.uint8], row: int) -> NDArray[np.uint8]:
        """A picture after the changes of one row, (height, width, channels) uint8."""
        if self.matrices is not None:
            picture = place_picture(picture, self.matrices[row], self.size, self.augmentation.border)
        return self.tones.apply(picture, row)

    def mask(self, mask: NDArray[np.uint8], row: int) -> NDArray[np.uint8]:
        """A mask after the changes of one row, (height, width) uint8."""
        return mask if self.matrices is None else place_mask(mask, self.matrices[row], self.size)

    def boxes(
        self, boxes: NDArray[np.float32], row: int
    ) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """Boxes after the changes of one row, (k, 4) float32, and which they are, (k,)."""
        if self.matrices is None:
            return boxes, np.arange(len(boxes))
        return place_boxes(boxes, self.matrices[row], self.size, self.augmentation.visible)


def draw(
    augmentation: Augmentation,
    count: int,
    source: tuple[int, int],
    size: tuple[int, int],
    random: np.random.Generator,
) -> Draws:
    """Draw changes for so many pictures; source and size are (width, height) before and after."""
    matrices = None
    if augmentation.moves or source != size:
        matrices = placements(augmentation, count, source, size, random)
    return Draws(augmentation, size, matrices, draw_tones(augmentation, count, size, random))


def augmented(
    picture: NDArray[np.uint8],
    augmentation: Augmentation,
    size: tuple[int, int],
    random: np.random.Generator,
    boxes: NDArray[np.float32] | None = None,
    mask: NDArray[np.uint8] | None = None,
) -> Augmented:
    """A picture changed at random, and its boxes and mask with it.

    picture  (height, width, channels) uint8
    size     (width, height) of the changed one, to which the picture is stretched
    boxes    (k, 4) float32 x1, y1, x2, y2 in pixels of the picture; those mostly out of view are dropped
    mask     (height, width) uint8
    """
    source = picture.shape[1], picture.shape[0]
    drawn = draw(augmentation, 1, source, size, random)
    placed, kept = (None, None) if boxes is None else drawn.boxes(boxes, 0)
    return Augmented(
        drawn.picture(picture, 0),
        placed,
        kept,
        None if mask is None else drawn.mask(mask, 0),
        geometry.identity() if drawn.matrices is None else drawn.matrices[0],
    )
