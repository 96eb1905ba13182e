"""Small data sets, drawn by the tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]


def draw(
    file: Path,
    colour: tuple[int, int, int] = (200, 60, 20),
    size: tuple[int, int] = (32, 24),
    spot: int = 0,
) -> Path:
    """A picture of a colour (red, green, blue) with a dark spot at a place that a number chooses."""
    image = np.full((size[1], size[0], 3), colour[::-1], np.uint8)
    x, y = (spot * 7) % (size[0] - 4), (spot * 5) % (size[1] - 4)
    image[y : y + 4, x : x + 4] = 0
    return save(file, image)


def save(file: Path, image: NDArray[np.uint8]) -> Path:
    """Write blue, green, red, or grey pixels."""
    file.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(file), image)
    return file


def draw_classes(folder: Path, counts: Mapping[str, int]) -> Path:
    """A folder of PNG pictures for each class."""
    for number, (label, count) in enumerate(counts.items()):
        for spot in range(count):
            draw(folder / label / f"picture_{spot}.png", (40 * number % 256, 90, 120), spot=spot)
    return folder


def write(file: Path, text: str) -> Path:
    """Write a text."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def voc(
    file: Path,
    objects: Sequence[tuple[str, tuple[int, int, int, int]]],
    size: tuple[int, int] = (32, 24),
) -> Path:
    """An annotation as XML; boxes count pixels from 1, the last one included."""
    sides = zip(("xmin", "ymin", "xmax", "ymax"), range(4), strict=True)
    names = [(name, place) for name, place in sides]
    drawn = "".join(
        f"<object><name>{label}</name><bndbox>"
        + "".join(f"<{name}>{box[place]}</{name}>" for name, place in names)
        + "</bndbox></object>"
        for label, box in objects
    )
    shape = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
    return write(file, f"<annotation>{shape}{drawn}</annotation>")


def coco(
    file: Path, pictures: Mapping[str, Sequence[tuple[int, Box]]], categories: Mapping[int, str]
) -> Path:
    """COCO's JSON of 32 x 24 pictures; boxes are x, y, width, height."""
    images = [
        {"id": number, "file_name": name, "width": 32, "height": 24}
        for number, name in enumerate(pictures, 7)
    ]
    boxes = [
        {"id": 100 * number + place, "image_id": number, "category_id": category, "bbox": list(box)}
        for number, drawn in enumerate(pictures.values(), 7)
        for place, (category, box) in enumerate(drawn)
    ]
    names = [{"id": number, "name": name} for number, name in categories.items()]
    content = {"images": images, "annotations": boxes, "categories": names}
    return write(file, json.dumps(content))


def video(file: Path, seconds: float, rate: float = 10.0, size: tuple[int, int] = (64, 48)) -> Path:
    """A video whose grey level is ten times the second."""
    file.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), rate, size)
    assert writer.isOpened()
    for index in range(round(seconds * rate)):
        level = int(index / rate) * 10
        writer.write(np.full((size[1], size[0], 3), level, np.uint8))
    writer.release()
    return file
