"""Judging paintings: how much of a style they have, and how much of the picture is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from edge_vision.training.fitting.perceptual import Distances, Painting
from edge_vision.training.networks.backbone import backbone
from edge_vision.training.networks.blocks import FIRST_LAYER, NORM
from edge_vision.training.transfer.backbones import start_from
from edge_vision_models.paint.styles import Styles

Pixels = NDArray[np.uint8]

CONTENT = {"stage3_block2_expand_relu": 1.0}
"""The layer of our backbone that shall see in a painting what it sees in the picture."""

FINE = "fine_relu"
"""The backbone's first layer at every pixel; by itself it passes over each second one."""

STYLE = {
    "pixels": 1.0,
    FINE: 1.0,
    "stem_relu": 1.0,
    "stage1_block1_expand_relu": 1.0,
    "stage2_block1_expand_relu": 1.0,
    "stage2_block2_expand_relu": 1.0,
    "stage3_block2_expand_relu": 1.0,
}
"""The layers to which a painting shall look like its style, from its colours to its shapes."""

TOGETHER = 4
"""So many paintings are judged at once."""


def looked_through(weights: Path) -> Any:
    """Our backbone with what it has learnt, and with its first layer at every pixel too.

    weights  a bundle's folder, a run's folder, or an .npz file
    """
    body = backbone()
    start_from(body, weights)
    first, norm = body.get_layer(FIRST_LAYER), body.get_layer(f"{FIRST_LAYER}{NORM}")
    fine = layers.Conv2D(first.filters, first.kernel_size, padding="same", use_bias=False, name="fine")
    seen = layers.ReLU(name=FINE)(norm(fine(body.get_layer("pixels").output)))
    fine.set_weights(first.get_weights())
    return keras.Model(body.inputs[0], [*body.outputs, seen], name="looked_through")


def with_number(pictures: NDArray[Any], numbers: Sequence[int] | NDArray[Any]) -> NDArray[Any]:
    """Pictures (n, height, width, 3), and in a fourth channel the number of the style of each."""
    told = np.asarray(numbers, pictures.dtype).reshape(-1, 1, 1, 1)
    return np.concatenate([pictures, np.broadcast_to(told, (*pictures.shape[:3], 1))], axis=3)


class Judged(NamedTuple):
    """How well pictures are painted.

    painted  share of the loss of the unchanged pictures that is gone
    style    share of the distance to the style that is gone
    content  1 for what the network sees in the pictures themselves, 0 for what it sees in other ones
    left     of each picture, in the mean of its styles, the share of its loss that is left, (n,) float32
    """

    painted: float
    style: float
    content: float
    left: NDArray[np.float32]

    @property
    def figures(self) -> dict[str, float]:
        """The figures of a Score; the first is the chief one."""
        return {"painted": self.painted, "style": self.style, "content": self.content}


class Judge:
    """Tells how far paintings have come from pictures to a style, as a network sees them.

    The unchanged pictures, which have all of the content and nothing of the style, are what that is
    measured by: 0 is no better than they are, 1 is the loss of nothing at all, which nobody reaches.

    loss  of paintings, of which the truth is a picture and the number of a style
    """

    def __init__(self, loss: Painting) -> None:
        self.loss = loss

    def judged(self, pictures: Pixels, painted: Mapping[int, Pixels]) -> Judged:
        """How well pictures are painted.

        pictures  (n, height, width, 3) uint8 red, green, blue
        painted   the paintings of all of them, of the same shape, by the number of their style
        """
        truths = [with_number(pictures, [number] * len(pictures)) for number in painted]
        before = _mean([self._distances(truth, pictures) for truth in truths])
        after = _mean([self._distances(*each) for each in zip(truths, painted.values(), strict=True)])
        others = self._distances(truths[0], np.roll(pictures, 1, axis=0))
        loss = self.loss.weighed
        return Judged(
            1.0 - float(loss(after).mean() / loss(before).mean()),
            1.0 - float(after.style.mean() / before.style.mean()),
            1.0 - float(after.content.mean() / others.content.mean()),
            np.asarray(loss(after) / loss(before), np.float32),
        )

    def _distances(self, truth: Pixels, pictures: Pixels) -> Distances:
        """The distances of each picture, (n,) float64."""
        found = []
        for first in range(0, len(pictures), TOGETHER):
            rows = slice(first, first + TOGETHER)
            each = self.loss.distances(*(ops.cast(of[rows], "float32") for of in (truth, pictures)))
            found.append([np.asarray(ops.convert_to_numpy(part), np.float64) for part in each])
        return Distances(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _mean(distances: Sequence[Distances]) -> Distances:
    """The mean of each distance over several of them."""
    return Distances(*(np.mean(part, axis=0) for part in zip(*distances, strict=True)))


def judge_of(weights: Path, styles: Styles, scales: Sequence[int], counts: Distances) -> Judge:
    """A judge that looks through our backbone.

    counts  what each distance counts
    """
    seen = looked_through(weights)
    return Judge(Painting(seen, CONTENT, STYLE, styles.pictures, scales, counts))
