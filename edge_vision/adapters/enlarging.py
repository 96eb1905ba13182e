"""Enlarging: a picture of any size through a model that doubles pictures of one size.

A large picture goes through tile by tile. Tiles overlap by twice as many pixels as a place is changed
by, and of each only what does not depend on its edges is kept: what comes out is what a model as large
as the picture would have made, without seams. A small picture is mirrored at its right and its bottom.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.catalogue import describe
from edge_vision.adapters.pictures import Range, RealPicture
from edge_vision.adapters.runner import Runner
from edge_vision.contracts.model import Model
from edge_vision.data import geometry
from edge_vision.data.errors import ModelError, StageError
from edge_vision.data.frame import Image
from edge_vision.data.view import View

Plane = NDArray[np.uint8]
"""Brightness, (height, width) uint8."""

FURTHEST = 4
"""Where a place depends on more than this part of a tile, tiles overlap by no more: seams may show."""


@dataclass(frozen=True, slots=True)
class _Span:
    """A tile along one axis, in pixels of the small picture.

    start  where it begins
    tile   how long it is
    first  where the part of it begins that is kept
    last   where that ends
    """

    start: int
    tile: int
    first: int
    last: int

    @property
    def seen(self) -> slice:
        """What the model is shown."""
        return slice(self.start, self.start + self.tile)

    def place(self, factor: int) -> slice:
        """Where in the large picture the kept part goes."""
        return slice(factor * self.first, factor * self.last)

    def kept(self, factor: int) -> slice:
        """Where in the large tile it is."""
        return slice(factor * (self.first - self.start), factor * (self.last - self.start))


class Enlarger:
    """Makes pictures larger by a model that takes a picture and gives one of twice its size, or more.

    A model of grey pictures gets their brightness (ITU-R BT.601, 0 to 255); their colours are enlarged
    by cubic interpolation. Calls may come from several threads.

    factor   how many times as wide and high pictures become
    size     (width, height) of the pictures that the model itself takes
    reach    so many pixels away from a place have a part in what becomes of it, found out by trying
    colours  False where the model is for brightness only
    """

    def __init__(self, model: Model) -> None:
        """Get ready; raises ModelError where the model is for something else."""
        bundle = model.bundle if model.bundle.layout else describe(model.bundle)
        if bundle.task != "generate" or not bundle.takes_image:
            raise ModelError(
                f"{bundle.name}: makes no picture larger: its task is {bundle.task or 'unknown'}"
                f"{'' if bundle.takes_image else ', and it takes no picture'}"
            )
        self._image = bundle.image_input
        self._run = Runner(model, RealPicture, provides=[self._image.name])
        made = bundle.output("image")
        self.size = self._image.size
        self.colours = self._image.channels == 3
        self.factor = _factor(bundle.name, self.size, made.size)
        if self._run.recurrent or made.channels != self._image.channels:
            kinds = {1: "grey", 3: "coloured"}
            raise ModelError(
                f"{bundle.name}: takes {kinds[self._image.channels]} pictures and gives "
                f"{kinds[made.channels]} ones{', and remembers' if self._run.recurrent else ''}; "
                "what makes pictures larger gives those that it takes, and each by itself"
            )
        self._range: Range = "0..1"
        self.reach = self._tried()

    def __call__(self, pixels: Image) -> Image:
        """A picture (height, width, 3) uint8 BGR, `factor` times as wide and high."""
        if self.colours:
            return self._tiled(pixels)
        colours = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2YCrCb), np.uint8)
        height, width = pixels.shape[:2]
        size = width * self.factor, height * self.factor
        large = cv2.resize(colours, size, interpolation=cv2.INTER_CUBIC)
        large[:, :, 0] = self._tiled(colours[:, :, 0])
        return np.asarray(cv2.cvtColor(large, cv2.COLOR_YCrCb2BGR), np.uint8)

    def view(self, view: View) -> View:
        """The same view in `factor` times as many pixels across and down, of the same place."""
        size = view.width * self.factor, view.height * self.factor
        return view.resized(size).with_pixels(self(view.pixels()))

    def view_for(self, view: View, size: tuple[int, int]) -> View:
        """A view made larger where there are fewer pixels of it than of a size (width, height).

        What counts are the pixels of the image that it is taken from, however large the view is. As it
        is where these are enough across or down.
        """
        there = pixels_behind(view)
        if there[0] >= size[0] or there[1] >= size[1]:
            return view
        return self.view(view.resized(there))

    def brightness(self, plane: Plane) -> Plane:
        """A picture in grey made larger; raises StageError where the model takes colours."""
        if self.colours:
            raise StageError(f"{self._run.bundle.name}: takes colours, not brightness alone")
        return self._tiled(plane)

    def _tiled(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Pixels (height, width) or (height, width, 3) BGR, tile by tile."""
        height, width = pixels.shape[:2]
        below, beside = max(0, self.size[1] - height), max(0, self.size[0] - width)
        if below or beside:
            pixels = np.asarray(
                cv2.copyMakeBorder(pixels, 0, below, 0, beside, cv2.BORDER_REFLECT_101), np.uint8
            )
        factor = self.factor
        made = np.empty((factor * height, factor * width, *pixels.shape[2:]), np.uint8)
        for row in _spans(height, self.size[1], self.reach):
            for column in _spans(width, self.size[0], self.reach):
                large = self._once(pixels[row.seen, column.seen]).pixels(self._range)
                made[row.place(factor), column.place(factor)] = large[
                    row.kept(factor), column.kept(factor)
                ]
        return made

    def _once(self, tile: NDArray[np.uint8]) -> RealPicture:
        """What the model makes of a tile of its own size."""
        coloured = tile if tile.ndim == 3 else np.repeat(tile[:, :, np.newaxis], 3, axis=2)
        return self._run(more={self._image.name: self._image.from_pixels(coloured)})

    def _tried(self) -> int:
        """How far around a place the model looks: noise is shown twice, with other pixels at its edges.

        What is not seen beyond an edge reaches no further than the pixels at the edge do. Also settles
        which values stand for black and white, where only they tell.
        """
        width, height = self.size
        noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        noise[:] = noise[:, :, :1]
        other = noise.copy()
        other[0], other[:, 0] = 255 - noise[0], 255 - noise[:, 0]
        before, after = self._once(noise), self._once(other)
        self._range = before.told or before.wider("0..1")
        rows, columns, _ = np.nonzero(before.values != after.values)
        furthest = int(np.minimum(rows, columns).max(initial=0))
        return min(furthest // self.factor, min(self.size) // FURTHEST)


def pixels_behind(view: View) -> tuple[int, int]:
    """(width, height) of a view in pixels of the image that it is taken from; its own in perspective."""
    to_base = geometry.inverse(view.base_to_frame) @ view.to_frame
    if not geometry.is_affine(to_base):
        return view.size
    across, down = np.hypot(to_base[0, :2], to_base[1, :2])
    return max(1, round(view.width * across)), max(1, round(view.height * down))


def _factor(name: str, small: tuple[int, int], large: tuple[int, int]) -> int:
    """How many times as large pictures become; raises ModelError where that is no whole number."""
    factor = large[0] // small[0]
    if factor < 2 or large != (factor * small[0], factor * small[1]):
        raise ModelError(
            f"{name}: gives {large[0]} x {large[1]} pixels for {small[0]} x {small[1]}; what makes "
            "pictures larger gives twice the width and the height, or another whole number of times"
        )
    return factor


def _spans(length: int, tile: int, reach: int) -> Iterator[_Span]:
    """Tiles along an axis of so many pixels, as few as overlap by twice the reach, evenly spread."""
    if length <= tile:
        yield _Span(0, tile, 0, length)
        return
    count = math.ceil((length - 2 * reach) / (tile - 2 * reach))
    starts = [round(number * (length - tile) / (count - 1)) for number in range(count)]
    borders = [(before + tile + after) // 2 for before, after in pairwise(starts)]
    yield from map(_Span, starts, [tile] * count, (0, *borders), (*borders, length))
