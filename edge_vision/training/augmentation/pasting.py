"""Pasting: objects cut out of pictures by their masks, and put into others.

Ghiasi and others, "Simple copy-paste is a strong data augmentation method for instance segmentation",
2021; the edges blended as in Dwibedi and others, "Cut, paste and learn", 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.data import geometry
from edge_vision.training.data.collection import VOID
from edge_vision.training.examples import Examples

SCALES = 0.5, 1.5
"""A pasted object is shown at its own size times a factor between these."""
LIGHT = 0.2
"""It is made brighter or darker by up to this share of itself."""
COVERED = 0.7
"""An object of which more than this share is behind a pasted one is not told of any more."""
SMALLEST = 12
"""Objects less high or wide than so many pixels are not cut out, nor made so small."""
ALONE = 0.1
"""Only objects whose boxes overlap others by less are cut out: masks do not tell them apart."""
BACKGROUND = 0


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """An object that was cut out.

    pixels  (height, width, channels) uint8 of its box
    share   (height, width) float32, 0 to 1: how much of each pixel is the object
    number  its class
    """

    pixels: NDArray[np.uint8]
    share: NDArray[np.float32]
    number: int


def cutouts(examples: Examples) -> list[Cutout]:
    """The objects of examples with boxes, classes and masks, whose background is 0, that stand alone.

    One that an edge of the picture cuts off is left where it is.
    """
    found: list[Cutout] = []
    width, height = examples.size
    for row, boxes in enumerate(examples.targets["boxes"]):
        overlaps = geometry.iou(boxes, boxes) - np.eye(len(boxes))
        alone = overlaps.max(axis=1, initial=0.0) < ALONE
        inside = ((boxes[:, :2] >= 1) & (boxes[:, 2:] <= (width - 1, height - 1))).all(axis=1)
        large = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf) >= SMALLEST
        for place in np.flatnonzero(alone & inside & large):
            x1, y1, x2, y2 = np.rint(boxes[place]).astype(int)
            mask = np.asarray(examples.targets["mask"][row][y1:y2, x1:x2])
            share = ((mask != BACKGROUND) & (mask != VOID)).astype(np.float32)
            if share.mean() > 0.1:
                number = int(examples.targets["classes"][row][place])
                pixels = np.array(examples.pictures[row, y1:y2, x1:x2])
                found.append(Cutout(pixels, share, number))
    return found


def pasted(
    examples: Examples, objects: Sequence[Cutout], probability: float, random: np.random.Generator
) -> Examples:
    """The examples, with one more object each in a random share of them.

    examples     with boxes and classes, and masks or none, in memory: their pixels are changed
    objects      what may be pasted
    probability  of a picture getting one
    """
    targets: dict[str, Any] = dict(examples.targets)
    boxes, classes = list(targets["boxes"]), list(targets["classes"])
    for row in np.flatnonzero(random.random(len(examples)) < probability if objects else ()):
        chosen = _changed(objects[int(random.integers(len(objects)))], examples.size, random)
        height, width = chosen.share.shape
        x = int(random.integers(0, examples.size[0] - width + 1))
        y = int(random.integers(0, examples.size[1] - height + 1))
        area = slice(y, y + height), slice(x, x + width)
        blended = _blended(examples.pictures[row][area], chosen)
        examples.pictures[row][area] = blended
        if "mask" in targets:
            # What is pasted is an object like those of the mask it was cut from, numbered from 1.
            targets["mask"][row][area][chosen.share >= 0.5] = chosen.number + 1
        box = np.array([x, y, x + width, y + height], np.float32)
        seen = _covered(boxes[row], box) <= COVERED
        boxes[row] = np.concatenate([boxes[row][seen], box[np.newaxis]])
        classes[row] = np.append(classes[row][seen], chosen.number)
    targets |= {"boxes": boxes, "classes": classes}
    return Examples(examples.pictures, targets, examples.names, examples.groups)


def _changed(cutout: Cutout, room: tuple[int, int], random: np.random.Generator) -> Cutout:
    """The object mirrored, in another size that fits into the room, and in another light."""
    height, width = cutout.share.shape
    low, high = SCALES
    factor = float(np.exp(random.uniform(log(low), log(high))))
    factor = max(factor, SMALLEST / min(height, width))
    factor = min(factor, room[0] / width, room[1] / height)
    size = max(1, int(width * factor)), max(1, int(height * factor))
    mode = cv2.INTER_AREA if factor < 1.0 else cv2.INTER_LINEAR
    step = -1 if random.random() < 0.5 else 1
    pixels = cv2.resize(np.ascontiguousarray(cutout.pixels[:, ::step]), size, interpolation=mode)
    share = cv2.resize(np.ascontiguousarray(cutout.share[:, ::step]), size, interpolation=mode)
    lit = pixels.astype(np.float32) * random.uniform(1.0 - LIGHT, 1.0 + LIGHT)
    shape = (*size[::-1], cutout.pixels.shape[2])
    return Cutout(
        np.clip(lit, 0, 255).astype(np.uint8).reshape(shape),
        np.asarray(cv2.GaussianBlur(share, (0, 0), 0.7), np.float32),
        cutout.number,
    )


def _blended(under: NDArray[np.uint8], cutout: Cutout) -> NDArray[np.uint8]:
    share = cutout.share[..., np.newaxis]
    return np.asarray(np.rint(under * (1.0 - share) + cutout.pixels * share), np.uint8)


def _covered(boxes: NDArray[np.float32], box: NDArray[np.float32]) -> NDArray[np.float32]:
    """The share of each box (k, 4) that lies in another one, (k,)."""
    corner = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    common = np.clip(corner[1] - corner[0], 0.0, None).prod(axis=1)
    return np.asarray(common / np.maximum(geometry.areas(boxes), 1e-6), np.float32)
