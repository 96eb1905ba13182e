"""A canvas: a white picture that text and lines are drawn on, and its way into a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.data.frame import Image
from edge_vision.training.whole_file import whole_file

Colour = tuple[int, int, int]
"""Blue, green, red, 0 to 255."""

WHITE: Colour = (255, 255, 255)
INK: Colour = (40, 40, 40)
FAINT: Colour = (215, 215, 215)
MIDDLE: Colour = (130, 130, 130)
PALETTE: tuple[Colour, ...] = (
    (178, 114, 0),
    (0, 94, 213),
    (115, 158, 0),
    (167, 121, 204),
    (0, 159, 230),
    (233, 180, 86),
)
"""Colours that are told apart by most kinds of sight (Okabe and Ito, "Color universal design", 2008)."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_UNICODE = int(cv2.__version__.split(".")[0]) >= 5
_HEIGHT = 22.0
"""Pixels from the top of a capital to the base line at scale 1."""


def blank(width: int, height: int) -> Image:
    """A white canvas, (height, width, 3) uint8, blue, green, red."""
    canvas: Image = np.empty((height, width, 3), np.uint8)
    canvas[:] = WHITE
    return canvas


def write(
    canvas: Image, text: str, place: tuple[float, float], size: float = 10.0, colour: Colour = INK
) -> None:
    """Write one line of text.

    place  x of its left end and y of its base line, in pixels
    size   height of a capital in pixels
    """
    x, y = place
    cv2.putText(canvas, plain(text), (round(x), round(y)), _FONT, size / _HEIGHT, colour, 1, cv2.LINE_AA)


def text_width(text: str, size: float = 10.0) -> int:
    """How many pixels a line of text takes."""
    return int(cv2.getTextSize(plain(text), _FONT, size / _HEIGHT, 1)[0][0])


def shortened(text: str, width: float, size: float = 10.0) -> str:
    """A text that fits into so many pixels, cut where it does not."""
    if text_width(text, size) <= width:
        return text
    kept = text
    while kept and text_width(f"{kept}..", size) > width:
        kept = kept[:-1]
    return f"{kept}.."


def plain(text: str) -> str:
    """A text in the characters that OpenCV's fonts have: before its version 5 only ASCII, else `?`."""
    return "".join(
        mark if " " <= mark <= "~" or (_UNICODE and mark.isprintable()) else "?" for mark in text
    )


def bgr(picture: NDArray[np.uint8]) -> Image:
    """A picture of training, (h, w, 3) red, green, blue or (h, w, 1) grey, as OpenCV has it."""
    if picture.shape[-1] == 1:
        return np.repeat(picture, 3, axis=-1)
    return np.ascontiguousarray(picture[..., ::-1])


def stacked(parts: Sequence[Image]) -> Image:
    """Canvases one above the other, on white."""
    whole = blank(max(part.shape[1] for part in parts), sum(part.shape[0] for part in parts))
    top = 0
    for part in parts:
        whole[top : top + part.shape[0], : part.shape[1]] = part
        top += part.shape[0]
    return whole


def save_picture(picture: Image, path: Path) -> Path:
    """Write a picture as PNG, whole or not at all; raises TrainingError where that fails."""
    done, content = cv2.imencode(".png", picture)
    if not done:
        raise TrainingError(f"{path}: OpenCV cannot write this picture")
    with whole_file(path) as draft:
        draft.write_bytes(content.tobytes())
    return path
