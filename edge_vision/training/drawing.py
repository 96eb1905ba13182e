"""Drawing: what a model said of a picture, on that picture, for people who look at a report."""

from __future__ import annotations

from colorsys import hsv_to_rgb

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.data.frame import Image
from edge_vision.training.report.canvas import PALETTE, WHITE, Colour

Pixels = NDArray[np.uint8]
TRUE: Colour = WHITE
GOLDEN = 0.618
SHARE = 0.5
"""How much of a pixel is the colour of its class."""


def with_boxes(
    picture: Pixels,
    found: NDArray[np.floating],
    classes: NDArray[np.integer],
    truth: NDArray[np.floating],
) -> Image:
    """A picture with the boxes that were found in the colours of their classes, the true ones in white.

    picture       (height, width, 3) uint8 blue, green, red
    found, truth  (k, 4) x1, y1, x2, y2 in its pixels
    classes       (k,) of what was found
    """
    drawn = np.array(picture)
    thick = max(1, round(max(picture.shape) / 200))
    for box in np.rint(truth).astype(int).reshape(-1, 4).tolist():
        cv2.rectangle(drawn, box[:2], box[2:], TRUE, thick)
    for box, number in zip(np.rint(found).astype(int).reshape(-1, 4).tolist(), classes, strict=True):
        cv2.rectangle(drawn, box[:2], box[2:], colour_of(int(number) + 1), 2 * thick)
    return np.asarray(drawn, np.uint8)


def with_classes(picture: Pixels, classes: NDArray[np.uint8]) -> Image:
    """A picture half covered by the colours of its pixels' classes; class 0 of two stays as it is.

    picture  (height, width, 3) uint8 blue, green, red
    classes  (height, width) uint8
    """
    colours = np.array([colour_of(number) for number in range(256)], np.uint8)
    covered = cv2.addWeighted(picture, 1.0 - SHARE, colours[classes], SHARE, 0.0)
    if classes.max(initial=0) < 2:
        covered = np.where(classes[..., np.newaxis] == 0, picture, covered)
    return np.asarray(covered, np.uint8)


def colour_of(number: int) -> Colour:
    """The colour of a class: of the palette, and where that ends hues a golden section apart."""
    if number < len(PALETTE):
        return PALETTE[number]
    shade = 0.9 if number % 2 else 0.6
    red, green, blue = hsv_to_rgb(number * GOLDEN % 1.0, 0.8, shade)
    return round(255 * blue), round(255 * green), round(255 * red)
