"""Judging models that make pictures larger: how near they come to what pictures were before."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.enlarging import Enlarger
from edge_vision.contracts.model import Model
from edge_vision.data.errors import TrainingError
from edge_vision.data.frame import Image
from edge_vision.training.data.collection import Collection
from edge_vision.training.data.resampling import as_pixels, scaled, scaled_colours
from edge_vision.training.evaluation.images import luma, psnr
from edge_vision.training.evaluation.sights import THREADS, Source, picture_of
from edge_vision.training.report.canvas import INK, WHITE, blank, text_width, write
from edge_vision.training.score import Score

BICUBIC = "bicubic"
SHOWN, LARGER, GAP = 57, 2, 12
"""People are shown squares of so many pixels of each picture, so many times as large, so far apart."""
CAPTION, LETTERS = 15, 7.5
"""Heights of the line that says what a square shows, and of its letters."""
LEAST_ERROR = 1e-4
"""A mean squared error below this counts as this: the logarithm of nothing is no figure."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """How one picture came out.

    made     decibels that the model reaches
    bicubic  decibels that interpolation reaches
    shown    (height, width, 3) uint8 blue, green, red: a part as it was given, made, and wanted
    """

    made: float
    bicubic: float
    shown: Image


def evaluate_enlarger(model: Model, source: Source) -> Score:
    """How near a model comes to pictures that it is shown smaller; any that makes pictures larger.

    As papers have it: pictures are made smaller by bicubic interpolation with antialiasing, and the
    ratio of signal to noise is that of their brightness (BT.601, studio range, rounded), less as many
    pixels at each edge as they were made smaller by; a picture without colours counts in its own range.
    A model of brightness is given brightness, another one colours.

    psnr_y is the mean over the pictures, bicubic that of interpolation, gain the difference; where the
    pictures are in several folders there is a gain of each. A mistake is the share of bicubic's error
    that is left.
    """
    enlarger = Enlarger(model)
    if not len(source):
        raise TrainingError("there is nothing to judge the model on: the part of the data is empty")
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda row: _judged(enlarger, source, row), range(len(source))))
    made, bicubic = (np.array([getattr(each, name) for each in found]) for name in ("made", "bicubic"))
    values = {"psnr_y": float(made.mean()), "bicubic": float(bicubic.mean())}
    values["gain"] = values["psnr_y"] - values["bicubic"]
    folders = _folders(source)
    for folder in dict.fromkeys(folders):
        rows = [row for row, each in enumerate(folders) if each == folder]
        values[f"gain_{folder}"] = float((made - bicubic)[rows].mean())
    left = 10.0 ** ((bicubic - made) / 10.0)
    said = tuple(f"{each.made:.1f} dB; bicubic {each.bicubic:.1f}" for each in found)
    return Score(
        values,
        len(found),
        mistakes=left.astype(np.float32),
        said=said,
        drawing=lambda row, _: found[row].shown,
    )


def _judged(enlarger: Enlarger, source: Source, row: int) -> _Judged:
    factor = enlarger.factor
    picture = np.ascontiguousarray(picture_of(source, row)[..., ::-1])
    height, width = (side // factor * factor for side in picture.shape[:2])
    if min(height, width) <= 2 * factor:
        raise TrainingError(f"a picture of {picture.shape[1]} x {picture.shape[0]} pixels is too small")
    wanted = picture[:height, :width]
    bright = wanted[..., 0] if _is_grey(source, row) else as_pixels(luma(wanted))
    small = as_pixels(scaled(bright, 1.0 / factor))
    plain = as_pixels(scaled(small, factor))
    if enlarger.colours:
        less = scaled_colours(wanted, 1.0 / factor)
        large = enlarger(np.ascontiguousarray(less[..., ::-1]))[..., ::-1]
        made = large[..., 0] if _is_grey(source, row) else as_pixels(luma(large))
    else:
        made = enlarger.brightness(small)
    given = np.repeat(np.repeat(small, factor, axis=0), factor, axis=1)
    return _Judged(
        _decibels(made, bright, factor),
        _decibels(plain, bright, factor),
        _squares(wanted, bright, {"given": given, BICUBIC: plain, "made": made, "truth": bright}),
    )


def _decibels(made: Pixels, wanted: Pixels, shave: int) -> float:
    return min(psnr(made, wanted, shave), float(10.0 * np.log10(255.0**2 / LEAST_ERROR)))


def _is_grey(source: Source, row: int) -> bool:
    """True for a file of one channel: papers take its values as they are."""
    if not isinstance(source, Collection):
        return bool(source.pictures.shape[3] == 1)
    pixels = cv2.imread(str(source.items[row].file), cv2.IMREAD_UNCHANGED)
    return pixels is not None and len(pixels.shape) == 2


def _folders(source: Source) -> Sequence[str]:
    """The folder of each picture, as part of a figure's name; none where there is one only."""
    names = source.names if not isinstance(source, Collection) else [i.name for i in source.items]
    folders = [re.sub(r"\W+", "_", PurePosixPath(name).parent.name).lower() for name in names]
    return folders if len(set(folders)) > 1 and all(folders) else ()


def _squares(wanted: Pixels, bright: Pixels, made: Mapping[str, Pixels]) -> Image:
    """A square of a picture in several ways, two in a row, where interpolation is wrong most.

    wanted  the picture as it was, whose colours all have
    bright  its brightness
    made    brightness by what it is called, first that of interpolation
    """
    side = min(SHOWN, *bright.shape)
    error = np.square(bright.astype(np.float32) - made[BICUBIC])
    around = cv2.boxFilter(error, -1, (side, side), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    inner = around[: bright.shape[0] - side + 1, : bright.shape[1] - side + 1]
    top, left = (int(place) for place in np.unravel_index(int(inner.argmax()), inner.shape))
    there = slice(top, top + side), slice(left, left + side)
    large, rows = LARGER * SHOWN, -(-len(made) // 2)
    canvas = blank(2 * large + GAP, rows * large + (rows - 1) * GAP)
    for number, (name, values) in enumerate(made.items()):
        square = _recoloured(wanted[there], bright[there], values[there])[..., ::-1]
        y, x = ((large + GAP) * each for each in divmod(number, 2))
        shown = np.repeat(np.repeat(square, LARGER, axis=0), LARGER, axis=1)
        canvas[y : y + shown.shape[0], x : x + shown.shape[1]] = shown
        canvas[y : y + CAPTION, x : x + text_width(name, LETTERS) + 8] = INK
        write(canvas, name, (x + 4, y + CAPTION - 4), LETTERS, WHITE)
    return canvas


def _recoloured(wanted: Pixels, bright: Pixels, made: Pixels) -> Pixels:
    """Pixels (height, width, 3) with the brightness that was made, and their own colours."""
    change = made.astype(np.float32) - bright
    scale = 1.0 if (wanted == wanted[..., :1]).all() else 255.0 / 219.0  # studio range to pixels
    return as_pixels(wanted + scale * change[..., np.newaxis])
