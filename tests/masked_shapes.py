"""Drawn pictures with masks: bright disks and dark squares on noise, and void around each of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edge_vision.data.frame import Image

SIZE = 80, 64
"""Width and height of the pictures."""
LABELS = ("table", "disk", "square")
VALUE_OF_VOID = 9


def draw_masked_shapes(
    folder: Path, count: int = 32, seed: int = 0, *, named: bool = True, alike: bool = False
) -> Path:
    """Write so many pictures, each of a disk and a square, and their masks; gives the folder.

    named  False for masks without a list of names
    alike  True for masks that number the shapes from 1, and know no kinds
    """
    random = np.random.default_rng(seed)
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for number in range(count):
        width, height = SIZE
        picture: Image = np.clip(random.normal(120.0, 8.0, (height, width, 3)), 0, 255).astype(np.uint8)
        mask = np.zeros((height, width), np.uint8)
        for half, shape in enumerate(random.permutation(2).tolist()):
            value = half + 1 if alike else shape + 1
            if alike and half and number % 2:
                continue  # not all pictures show as many
            x, y = int(random.integers(16, 24)) + 40 * half, int(random.integers(14, height - 14))
            radius = int(random.integers(8, 13))
            for place, colour, more in ((mask, VALUE_OF_VOID, 1), (mask, value, 0)):
                if not (alike and more):
                    _draw(place, shape, (x, y), radius + more, colour)
            _draw(picture, shape, (x, y), radius, (40, 230, 250) if shape == 0 else (90, 20, 10))
        cv2.imwrite(str(folder / "images" / f"{number:02}.png"), picture)
        cv2.imwrite(str(folder / "masks" / f"{number:02}.png"), mask)
    if named:
        (folder / "labels.txt").write_text("\n".join(LABELS) + "\n")
    return folder


def _draw(
    image: Image,
    shape: int,
    middle: tuple[int, int],
    radius: int,
    colour: int | tuple[int, int, int],
) -> None:
    shown = (colour,) if isinstance(colour, int) else colour
    if shape == 0:
        cv2.circle(image, middle, radius, shown, cv2.FILLED)
    else:
        x, y = middle
        cv2.rectangle(image, (x - radius, y - radius), (x + radius, y + radius), shown, cv2.FILLED)
