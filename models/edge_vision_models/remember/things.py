"""Things: what does not belong into a scene, pasted to learn from, and planted to be found."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""(height, width, 3) red, green, blue."""

PASTED = (0.04, 0.3)
"""Sides of pasted pieces, as shares of the picture's width."""
SIZES: dict[str, float] = {"small": 0.05, "medium": 0.1, "large": 0.2}
"""Sides of planted things, as shares of the picture's width."""


def with_pieces(picture: Pixels, other: Pixels, random: np.random.Generator, most: int = 3) -> Pixels:
    """A picture with pieces of another place or picture in front of it.

    Li and others, "CutPaste: Self-supervised learning for anomaly detection and localization", 2021.

    other  of the same size
    """
    made = picture.copy()
    for _ in range(random.integers(0, most + 1)):
        width, height = (int(side) for side in np.maximum(2, random.uniform(*PASTED, 2) * made.shape[1]))
        height = min(height, made.shape[0])
        (x, from_x), (y, from_y) = (
            random.integers(0, room - side + 1, 2)
            for room, side in ((made.shape[1], width), (made.shape[0], height))
        )
        piece = other[from_y : from_y + height, from_x : from_x + width].astype(np.float32)
        tint = random.uniform(0.5, 1.5, 3).astype(np.float32)
        shape = np.zeros((height, width), np.uint8)
        middle, axes = (width // 2, height // 2), (max(1, width // 2), max(1, height // 2))
        if random.random() < 0.5:
            cv2.ellipse(shape, middle, axes, 0.0, 0.0, 360.0, 1, -1)
        else:
            shape[:] = 1
        target = made[y : y + height, x : x + width]
        target[shape > 0] = np.clip(piece * tint, 0, 255).astype(np.uint8)[shape > 0]
    return made


def planted(
    picture: Pixels, side: float, random: np.random.Generator
) -> tuple[Pixels, NDArray[np.float32]]:
    """A picture with a drawn thing in it that does not belong there, and its box (4,) x1, y1, x2, y2.

    side  of the thing, as a share of the picture's width

    The thing is a bag, a bottle or a ball in two colours that differ from what it hides.
    """
    height, width = picture.shape[:2]
    long = max(3, round(side * width))
    short = max(2, round(long * random.uniform(0.5, 1.0)))
    size = (short, long) if random.random() < 0.5 else (long, short)
    x = int(random.integers(0, max(1, width - size[0])))
    y = int(random.integers(0, max(1, height - size[1])))
    box = np.array([x, y, min(width, x + size[0]), min(height, y + size[1])], np.float32)
    around = picture[y : y + size[1], x : x + size[0]].reshape(-1, 3).mean(axis=0)
    first, second = _colours(around, random)
    made = picture.copy()
    # Drawn four times as large, and averaged, so that its edges are as soft as those of real things.
    scale = 4
    layer = np.zeros((size[1] * scale, size[0] * scale, 4), np.float32)
    _draw(layer, first, second, random)
    small = cv2.resize(layer, size, interpolation=cv2.INTER_AREA)
    target = made[y : y + size[1], x : x + size[0]]
    small = small[: target.shape[0], : target.shape[1]]
    cover = small[..., 3:]
    target[:] = np.clip(target * (1.0 - cover) + small[..., :3], 0, 255).astype(np.uint8)
    return made, box


def _colours(
    around: NDArray[np.floating], random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two colours (3,), the first of which is at least 50 levels from what is around, in one channel."""
    while True:
        first = random.uniform(10, 245, 3)
        if np.abs(first - around).max() >= 50:
            return first, first * random.uniform(0.4, 0.9)


def _draw(
    layer: NDArray[np.float32],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    random: np.random.Generator,
) -> None:
    """Draw a thing that fills a layer (height, width, 4), whose last channel says where it covers."""
    height, width = layer.shape[:2]
    middle, axes = (width // 2, height // 2), (width // 2, height // 2)
    colour, darker = (*first.tolist(), 1.0), (*second.tolist(), 1.0)
    kind = random.integers(0, 3)
    if kind == 0:  # a bag with a pocket
        cv2.rectangle(layer, (0, height // 6), (width, height), colour, -1)
        cv2.rectangle(layer, (width // 4, height // 2), (3 * width // 4, 5 * height // 6), darker, -1)
    elif kind == 1:  # a bottle with a label
        cv2.rectangle(layer, (width // 3, 0), (2 * width // 3, height // 3), darker, -1)
        cv2.ellipse(layer, (middle[0], 2 * height // 3), (axes[0], height // 3), 0, 0, 360, colour, -1)
    else:  # a ball with a stripe
        cv2.ellipse(layer, middle, axes, 0, 0, 360, colour, -1)
        cv2.ellipse(layer, middle, (axes[0], max(1, axes[1] // 4)), 0, 0, 360, darker, -1)
