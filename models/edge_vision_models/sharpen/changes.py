"""Changes: how parts of pictures are turned, dimmed and damaged before they are learnt from."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.training.examples import Examples
from edge_vision_models.sharpen.options import SharpenOptions
from edge_vision_models.sharpen.parts import SMALL

Pixels = NDArray[np.uint8]

LEAST_CONTRAST = 0.5
"""Of what is dimmed, so much of its contrast is left at least."""
BLUR, NOISE, QUALITY = (0.3, 0.9), (1.0, 8.0), (35, 90)
"""Damage: sigma of a blur in small pixels, of noise in grey levels, quality of a JPEG."""


def seen_parts(
    part: Examples, options: SharpenOptions, random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A piece of each part: (n, seen / 2, seen / 2, 1) uint8, and (n, seen, seen, 1) float32 0 to 1."""
    half, count = options.seen // 2, len(part)
    small = np.empty((count, half, half, 1), np.uint8)
    large = np.empty((count, 2 * half, 2 * half, 1), np.float32)
    smalls = np.asarray(part.targets[SMALL])
    room = part.pictures.shape[1] // 2 - half
    for row in range(count):
        top, left = random.integers(0, room + 1, 2).tolist()
        one = smalls[row, top : top + half, left : left + half, 0]
        other = part.pictures[row, 2 * top : 2 * (top + half), 2 * left : 2 * (left + half), 0]
        turns, mirrored = int(random.integers(4)), bool(random.random() < 0.5)
        if random.random() < options.dim:
            one, other = _dimmed(one, other, random)
        if random.random() < options.damage:
            one = damaged(one, random)
        small[row, ..., 0] = _turned(one, turns, mirrored=mirrored)
        large[row, ..., 0] = _turned(other, turns, mirrored=mirrored)
    return small, large / np.float32(255.0)


def damaged(small: Pixels, random: np.random.Generator) -> Pixels:
    """A picture (height, width) as a bad camera gives it: blurred, noisy, then a coarse JPEG."""
    blurred = cv2.GaussianBlur(small, (0, 0), random.uniform(*BLUR))
    noisy = blurred + random.normal(0.0, random.uniform(*NOISE), small.shape)
    quality = int(random.integers(*QUALITY))
    pixels = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    _, packed = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)


def _dimmed(small: Pixels, large: Pixels, random: np.random.Generator) -> tuple[Pixels, Pixels]:
    """Both with less contrast, lighter or darker alike."""
    contrast = random.uniform(LEAST_CONTRAST, 1.0)
    black = random.uniform(0.0, 1.0 - contrast) * 255.0
    table = np.rint(np.arange(256) * contrast + black).astype(np.uint8)
    return table[small], table[large]


def _turned(pixels: Pixels, turns: int, *, mirrored: bool) -> Pixels:
    turned = np.rot90(pixels, turns)
    return turned[:, ::-1] if mirrored else turned
