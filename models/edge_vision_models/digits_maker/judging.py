"""Judging: whether what is drawn can be read, looks like what was photographed, and is as manifold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.embeddings import Vector
from edge_vision.contracts.model import Model
from edge_vision.data.frame import Image
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.evaluation.circular import evaluate_circular
from edge_vision.training.evaluation.sights import look
from edge_vision.training.examples import Examples
from edge_vision.training.score import Score
from edge_vision.training.session import Opening
from edge_vision_models import meter_digits, objects
from edge_vision_models.meter_digits.wheels import LABELS, TENTHS

READER, EYES = (str(Path(package.__path__[0])) for package in (meter_digits, objects))
"""The shipped models that read what is drawn, and that tell how it looks.

Their folders, as a name would mean the data where somebody trains beside a folder meter-digits.
"""

CHIEF = "within_one"

ENLARGED = 4
"""So many times larger pictures are shown to people."""

Pictures = NDArray[np.uint8]
"""(n, 32, 20, 3) red, green, blue."""


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """How many pictures look to a backbone: the mean and the covariance of its features.

    mean        (d,)
    covariance  (d, d)
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @classmethod
    def of(cls, features: NDArray[np.floating]) -> Looks:
        """Of features (n, d)."""
        return cls(features.mean(axis=0), np.cov(features, rowvar=False))

    def distance(self, other: Looks) -> float:
        """The Frechet distance of two normal distributions, squared; 0 for the same.

        Heusel and others, "GANs trained by a two time-scale update rule", 2017, with other features.
        """
        # The trace of the square root of a product is the sum of the roots of its eigenvalues.
        roots = np.sqrt(np.maximum(np.linalg.eigvals(self.covariance @ other.covariance).real, 0.0))
        apart = np.sum(np.square(self.mean - other.mean))
        spread = np.trace(self.covariance) + np.trace(other.covariance) - 2.0 * roots.sum()
        return float(max(0.0, apart + spread))


@dataclass(eq=False)
class Jury:
    """Two opened models that judge what is drawn.

    reader  says which tenth a picture shows
    eyes    a backbone
    warp    how pixels are taken from pictures
    """

    reader: Model
    eyes: Model
    warp: Warp = reference_warp

    def looks(self, pictures: Pictures) -> Looks:
        """How pictures look to the backbone."""
        seen = look(self.eyes, Vector, Examples(pictures), warp=self.warp)
        return Looks.of(np.stack([each.reading.values for each in seen]))

    def score(self, drawn: Pictures, wanted: NDArray[np.integer], real: Real) -> Score:
        """How well pictures of wanted tenths (n,) are drawn, beside real ones."""
        told = Examples(drawn, {"label": np.asarray(wanted, np.int64)})
        read = evaluate_circular(self.reader, told, LABELS, self.warp)
        values = {
            CHIEF: read.values[CHIEF],
            "exact": read.values["exact"],
            "mean_distance": read.values["mean_distance"],
            "frechet_distance": real.looks.distance(self.looks(drawn)),
            "diversity": spread(drawn, wanted) / real.spread,
        }

        def drawing(row: int, picture: NDArray[np.uint8]) -> Image:
            return _beside(picture, np.ascontiguousarray(drawn[row, ..., ::-1]))

        return replace(read, values=values, drawing=drawing)


@dataclass(frozen=True, slots=True, eq=False)
class Real:
    """What drawn pictures are compared with.

    looks   of real pictures
    spread  how much real pictures of one tenth differ, in levels
    """

    looks: Looks
    spread: float

    @classmethod
    def of(cls, part: Examples, jury: Jury) -> Real:
        """Of a part with its labels."""
        return cls(jury.looks(part.pictures), spread(part.pictures, np.asarray(part.targets["label"])))


def _beside(real: NDArray[np.uint8], drawn: NDArray[np.uint8]) -> Image:
    """A real picture, and right of it a drawn one of the same tenth, both enlarged."""
    size = (drawn.shape[1] * ENLARGED, drawn.shape[0] * ENLARGED)
    left, right = (cv2.resize(each, size, interpolation=cv2.INTER_CUBIC) for each in (real, drawn))
    gap = np.full((size[1], 2 * ENLARGED, 3), 255, np.uint8)
    return np.asarray(np.hstack([left, gap, right]), np.uint8)


@contextmanager
def jury(opening: Opening, warp: Warp) -> Iterator[Jury]:
    """The shipped models that judge, opened."""
    with opening(READER) as reader, opening(EYES) as eyes:
        yield Jury(reader, eyes, warp)


def spread(pictures: Pictures, positions: NDArray[np.integer[Any]]) -> float:
    """How much pictures of one tenth differ: the standard deviation of a pixel, in levels.

    The mean over all pixels, and over the tenths of which there are two pictures or more.
    """
    each = [
        float(pictures[rows].astype(np.float32).std(axis=0, ddof=1).mean())
        for tenth in range(TENTHS)
        if len(rows := np.flatnonzero(positions == tenth)) > 1
    ]
    return float(np.mean(each)) if each else float("nan")
