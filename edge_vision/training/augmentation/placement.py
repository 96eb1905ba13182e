"""Placement: where a picture goes in its augmented view, as one 3x3 map for each."""

from __future__ import annotations

from math import log

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.data import geometry
from edge_vision.data.warp import shrink_factor
from edge_vision.training.augmentation.options import Augmentation
from edge_vision.training.data.collection import VOID
from edge_vision.training.data.fits import GREY

_HALF_LEFT = geometry.translation(-0.5, -0.5)
_HALF_RIGHT = geometry.translation(0.5, 0.5)
_BORDERS = {
    "edge": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT,
    "grey": cv2.BORDER_CONSTANT,
}


def placements(
    augmentation: Augmentation,
    count: int,
    source: tuple[int, int],
    size: tuple[int, int],
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """Maps from pixels of pictures to pixels of their augmented views, (count, 3, 3) float64.

    source, size  (width, height) of the pictures and of the views

    The picture is laid over the view, stretched to its size, and then changed about the middle:
    mirrored, turned by quarters, scaled, turned, moved. Where it is larger than the view, it is moved
    over all that does not fit.
    """
    unit = _unit_maps(augmentation, count, random)
    turns = random.uniform(-augmentation.rotate, augmentation.rotate, count)
    low, high = augmentation.scale
    factors = np.exp(random.uniform(log(low), log(high), count))
    stretch = np.exp(random.uniform(-0.5, 0.5, count) * log(augmentation.aspect))
    across, down = factors * stretch, factors / stretch
    width, height = size
    linear = _rotations(turns) * np.array([width, height], np.float64)  # columns, in pixels of the view
    linear = linear * np.stack([across, down], axis=-1)[:, np.newaxis, :]
    linear = np.einsum("nij,njk->nik", linear, unit)
    free = np.maximum(np.stack([across, down], axis=-1) - 1.0, 0.0) / 2 + augmentation.shift
    offset = random.uniform(-1.0, 1.0, (count, 2)) * free * size
    maps = np.zeros((count, 3, 3))
    maps[:, 2, 2] = 1.0
    # From the picture's pixels to -0.5 .. 0.5, then to the view about its middle.
    maps[:, :2, :2] = linear / np.array(source, np.float64)
    middle = np.array(size) / 2 + offset
    maps[:, :2, 2] = middle - linear.sum(axis=2) / 2
    return maps


def _unit_maps(
    augmentation: Augmentation, count: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """Mirror images and quarter turns of the square -0.5 .. 0.5, (count, 2, 2)."""
    signs = np.where(
        random.random((count, 2)) < (augmentation.flip, augmentation.flip_vertical), -1.0, 1.0
    )
    quarters = random.integers(0, 4 if augmentation.quarter_turns else 1, count)
    turns = np.rint(_rotations(quarters.astype(np.float64) * 90.0))
    return turns * signs[:, np.newaxis, :]


def _rotations(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turns, clockwise as seen on the screen, (n, 2, 2)."""
    angle = np.radians(degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)


def place_picture(
    picture: NDArray[np.uint8], matrix: geometry.Map, size: tuple[int, int], border: str
) -> NDArray[np.uint8]:
    """The view, (height, width, channels) uint8, sampled once; pixels are averaged where it shrinks."""
    back = geometry.inverse(matrix)
    factor = shrink_factor(back)
    height, width, channels = picture.shape
    if factor > 1:
        small = max(1, width // factor), max(1, height // factor)
        picture = np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), np.uint8)
        back = geometry.scaling(small[0] / width, small[1] / height) @ back
    view = cv2.warpAffine(
        picture,
        (_HALF_LEFT @ back @ _HALF_RIGHT)[:2],  # OpenCV's coordinates are those of pixels' centres
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=_BORDERS[border],
        borderValue=(GREY, GREY, GREY),
    )
    return np.asarray(view, np.uint8).reshape(size[1], size[0], channels)


def place_mask(
    mask: NDArray[np.uint8], matrix: geometry.Map, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """The mask of the view, (height, width) uint8: the nearest pixels, VOID beyond the picture."""
    back = _HALF_LEFT @ geometry.inverse(matrix) @ _HALF_RIGHT
    view = cv2.warpAffine(
        mask,
        back[:2],
        size,
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=VOID,
    )
    return np.asarray(view, np.uint8)


def place_boxes(
    boxes: NDArray[np.float32], matrix: geometry.Map, size: tuple[int, int], visible: float
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """The boxes in the view, (k, 4) float32, and which they are, (k,): upright round the mapped corners.

    They are cut to the view. Left out are those with less than `visible` of their area in it, or less
    than a pixel wide or high.
    """
    mapped = geometry.map_boxes(matrix, boxes)
    cut = geometry.clip_boxes(mapped, *size)
    sides = (cut[:, 2:] - cut[:, :2]).min(axis=1, initial=np.inf)
    kept = np.flatnonzero((geometry.areas(cut) >= visible * geometry.areas(mapped)) & (sides >= 1.0))
    return cut[kept], kept
