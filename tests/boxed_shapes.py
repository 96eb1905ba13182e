"""Drawn pictures with boxes: bright disks and dark squares on noise, as YOLO's texts tell them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edge_vision.data.frame import Image

SIZE = 64
LABELS = ("disk", "square")


def draw_boxed_shapes(
    folder: Path, count: int = 40, seed: int = 0, *, labelled: bool = True, masked: bool = False
) -> Path:
    """Write so many pictures, each of one or two shapes; gives the folder.

    labelled  False for the pictures alone
    masked    True for masks of them, too: 0 is background, 1 a shape
    """
    random = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    for number in range(count):
        picture: Image = np.clip(random.normal(120.0, 8.0, (SIZE, SIZE, 3)), 0, 255).astype(np.uint8)
        lines = [
            _drawn(picture, random, half) for half in range(2) if half == 0 or random.random() < 0.5
        ]
        cv2.imwrite(str(folder / "images" / f"{number:02}.png"), picture)
        if masked:
            (folder / "masks").mkdir(exist_ok=True)
            away = np.abs(picture.astype(int) - 120).max(axis=2)
            cv2.imwrite(str(folder / "masks" / f"{number:02}.png"), (away > 70).astype(np.uint8))
        if labelled:
            (folder / "labels").mkdir(exist_ok=True)
            (folder / "labels" / f"{number:02}.txt").write_text("".join(lines))
    if labelled:
        (folder / "classes.txt").write_text("\n".join(LABELS) + "\n")
    return folder


def _drawn(picture: Image, random: np.random.Generator, half: int) -> str:
    """Draw one shape into the left (0) or right (1) half; gives its line in YOLO's text."""
    kind, radius = int(random.integers(2)), int(random.integers(8, 13))
    x = int(random.integers(14, 19)) + 32 * half
    y = int(random.integers(14, SIZE - 14))
    if kind == 0:
        cv2.circle(picture, (x, y), radius, (40, 230, 250), cv2.FILLED)
    else:
        cv2.rectangle(picture, (x - radius, y - radius), (x + radius, y + radius), (90, 20, 10), -1)
    side = (2 * radius + 1) / SIZE
    return f"{kind} {(x + 0.5) / SIZE} {(y + 0.5) / SIZE} {side} {side}\n"
