"""Painting: what any model that paints makes of pictures, asked as the daemon asks it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.generators import Conditions
from edge_vision.adapters.pictures import RealPicture
from edge_vision.adapters.runner import Runner
from edge_vision.contracts.model import Model
from edge_vision.data.errors import TrainingError
from edge_vision.data.view import View
from edge_vision.data.warp import Warp
from edge_vision.training.evaluation.sights import Source, as_frame, picture_of
from edge_vision_models.paint.styles import Styles

Pixels = NDArray[np.uint8]

SHAKEN = 8
"""So many pictures are painted again with noise."""
NOISE = 4.0
"""Standard deviation of that noise, in levels: a camera's in the evening."""


@dataclass(frozen=True, slots=True, eq=False)
class Paintings:
    """What a model made of n pictures.

    pictures  (n, height, width, 3) uint8 red, green, blue: what it was shown
    painted   its paintings, of the same shape, by the number of their style
    flicker   how much noise changes them, as a share of how much it changes the pictures; the mean of
              the differences' amounts
    """

    pictures: Pixels
    painted: Mapping[int, Pixels]
    flicker: float

    def mosaic(self, row: int) -> Pixels:
        """A picture and its paintings in about as many rows as columns, blue, green, red."""
        tiles = [self.pictures[row], *(of[row] for _, of in sorted(self.painted.items()))]
        columns = math.ceil(math.sqrt(len(tiles)))
        tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
        rows = [np.concatenate(tiles[at : at + columns], 1) for at in range(0, len(tiles), columns)]
        return np.ascontiguousarray(np.concatenate(rows)[..., ::-1])


def painted_by(model: Model, source: Source, styles: Styles, warp: Warp) -> Paintings:
    """What a model makes of pictures in all styles that it has; raises TrainingError where it has none.

    A model that takes no label has one style, so there must be one style picture.
    """
    painter = Painter(model, warp)
    known = painter.labels_of(styles)
    views = [painter.view(picture_of(source, row)) for row in range(len(source))]
    pictures = np.stack([view.pixels() for view in views])[..., ::-1]
    painted = {
        number: np.stack([painter.painting(view, label) for view in views])
        for number, label in known.items()
    }
    shaken = list(_with_noise(pictures[:SHAKEN]))
    changed = [
        _difference(painter.painting(painter.view(picture[..., ::-1]), label), painted[number][row])
        for row, picture in enumerate(shaken)
        for number, label in known.items()
    ]
    noise = [_difference(picture, pictures[row]) for row, picture in enumerate(shaken)]
    return Paintings(pictures, painted, float(np.mean(changed) / np.mean(noise)))


class Painter:
    """A model that paints, as a stage uses it."""

    def __init__(self, model: Model, warp: Warp) -> None:
        self._conditions = Conditions.of(model.bundle)
        self._run = Runner(model, RealPicture, provides=self._conditions.inputs)
        self._warp = warp

    def labels_of(self, styles: Styles) -> dict[int, int | None]:
        """The model's labels by the numbers of the styles; raises TrainingError where none is known."""
        name = self._run.bundle.name
        if self._conditions.label is None:
            if len(styles.labels) == 1:
                return {0: None}
            raise TrainingError(
                f"{name}: takes no label, so it has one style; give the folder of its picture alone"
            )
        names = self._conditions.names
        known: dict[int, int | None] = {
            styles.number_of(label): number
            for number, label in enumerate(names)
            if label in styles.labels
        }
        if not known:
            raise TrainingError(
                f"{name}: paints {', '.join(names)}, but the style pictures are of "
                f"{', '.join(styles.labels)}"
            )
        return known

    def view(self, image: Pixels) -> View:
        """What the model looks at of a picture, (height, width, 3) blue, green, red."""
        return self._run.view(View.of(as_frame(np.ascontiguousarray(image), 0), self._warp))

    def painting(self, view: View, label: int | None) -> Pixels:
        """The painting of a view, (height, width, 3) red, green, blue of the view's size."""
        more = self._conditions.drawn(np.random.default_rng(0), label)
        made = self._run(view, more=more)
        pixels = made.pixels(made.told or made.wider("0..1"))
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[..., np.newaxis], 3, axis=2)
        if pixels.shape[1::-1] != (view.width, view.height):
            pixels = np.asarray(cv2.resize(pixels, (view.width, view.height)), np.uint8)
        return pixels[..., ::-1]


def _with_noise(pictures: Pixels) -> Iterator[Pixels]:
    random = np.random.default_rng(0)
    for picture in pictures:
        noisy = picture + random.normal(0.0, NOISE, picture.shape)
        yield np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _difference(one: Pixels, other: Pixels) -> float:
    """The mean amount of the differences."""
    return float(np.abs(one.astype(np.int16) - other).mean())
