"""Heat: how unusual each place of a view is, from what a model redrew of it, and as a picture."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision import Image, RealPicture, Redrawing, StageError

Heat = NDArray[np.float32]
"""(height, width) 0 or more; 1 is where the usual ends."""

DIFFERENCE = 0.1
"""By this share of white a place differs at a heat of 1, where a model tells no heat of its own."""
BLOCK = 4
"""Pixels of such a model's picture along a side of each place."""

Range = Literal["0..1", "-1..1", "0..255"]


def heat_of(reading: Redrawing | RealPicture, seen: Image) -> Heat:
    """How unusual each place is: the model's own heat, else how far its picture is from what it saw.

    seen  (height, width, 3) uint8 BGR, what the model looked at
    """
    if isinstance(reading, Redrawing):
        return reading.heat
    drawn = pixels_of(reading)
    if drawn.ndim == 2:
        seen = np.asarray(cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY), np.uint8)
    if drawn.shape != seen.shape:
        raise StageError(
            f"the model redraws {seen.shape[1]} x {seen.shape[0]} pixels as "
            f"{drawn.shape[1]} x {drawn.shape[0]}; an autoencoder gives a picture of the size it takes"
        )
    apart = cv2.absdiff(drawn, seen)
    if apart.ndim == 3:
        apart = np.asarray(cv2.transform(apart, np.full((1, 3), 1 / 3, np.float32)))
    size = (max(1, seen.shape[1] // BLOCK), max(1, seen.shape[0] // BLOCK))
    blocks = cv2.resize(apart.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(blocks / np.float32(255.0 * DIFFERENCE), np.float32)


def pixels_of(reading: Redrawing | RealPicture) -> Image:
    """What the model redrew, (height, width, 3) uint8 BGR or (height, width) grey."""
    picture = reading.picture if isinstance(reading, Redrawing) else reading
    usual: Range = "0..1"
    return picture.pixels(picture.told or picture.wider(usual))


def score_of(heat: float | NDArray[np.floating], threshold: float) -> NDArray[np.float32]:
    """Heat as a score of 0 to 1: 0.5 at the threshold, and ever nearer to 1 above."""
    return np.asarray(np.asarray(heat) / (np.asarray(heat) + threshold), np.float32)


def glowing(pixels: Image, heat: Heat, threshold: float) -> Image:
    """A grey picture that glows where it is unusual, (height, width, 3) uint8 BGR.

    pixels  (height, width, 3) uint8 BGR
    """
    size = (pixels.shape[1], pixels.shape[0])
    score = cv2.resize(score_of(heat, threshold), size, interpolation=cv2.INTER_LINEAR)
    levels = np.asarray(np.rint(255.0 * np.clip(score, 0.0, 1.0)), np.uint8)
    colours = np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), np.float32)
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.float32)[..., np.newaxis]
    # Up to half the threshold nothing glows: there is always some difference everywhere.
    share = np.clip(3.0 * np.asarray(score, np.float32) - 1.0, 0.0, 0.75)[..., np.newaxis]
    return np.asarray(np.rint(grey * (1.0 - share) + colours * share), np.uint8)
