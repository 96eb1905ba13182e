"""Fewer wheels: so many pictures of each tenth at most, and drawn ones beside them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.generators import Conditions
from edge_vision.adapters.pictures import RealPicture
from edge_vision.adapters.runner import Runner
from edge_vision.contracts.model import Model
from edge_vision.contracts.options import Options, option
from edge_vision.data.errors import TrainingError
from edge_vision.training.examples import Examples
from edge_vision_models.meter_digits.wheels import LABELS, SIZE, TENTHS, positions_of


class FewerOptions(Options):
    """How many pictures of each tenth there are to learn from."""

    most_per_class: int = option(
        0, "So many pictures of each tenth are learnt from at most; 0: all.", ge=0
    )


class DrawnOptions(FewerOptions):
    """Which pictures are drawn beside those that were taken."""

    drawn_by: str = option(
        "", "Draws further pictures: a bundle such as digits-maker, the folder of a run, or a file."
    )
    drawn: int = option(50, "So many pictures of each tenth are drawn, where something draws.", ge=1)


def fewer(part: Examples, most: int, seed: int) -> Examples:
    """At most so many pictures of each tenth, drawn by lot; all where `most` is 0.

    The same part and seed give the same pictures, so that two recipes can learn from the same few.
    """
    if not most:
        return part
    random, positions = np.random.default_rng(seed), positions_of(part)
    chosen = [random.permutation(np.flatnonzero(positions == tenth))[:most] for tenth in range(TENTHS)]
    return part.take(np.sort(np.concatenate(chosen)))


def draw_wheels(
    model: Model, positions: NDArray[np.integer], random: np.random.Generator
) -> NDArray[np.uint8]:
    """What a generator draws, (n, 32, 20, 3) uint8 red, green, blue: asked as the daemon asks it.

    positions  (n,) the wanted tenths, 0 to 99
    random     what its latent values are drawn from

    Raises TrainingError where it does not draw wheels.
    """
    conditions = Conditions.of(model.bundle)
    if conditions.names != LABELS:
        raise TrainingError(f"{model.bundle.name}: does not draw the {TENTHS} tenths of a wheel")
    runner = Runner(model, RealPicture, provides=conditions.inputs)
    made = np.empty((len(positions), SIZE[1], SIZE[0], 3), np.uint8)
    for row, position in enumerate(positions.tolist()):
        drawn = runner(more=conditions.drawn(random, position))
        pixels = drawn.pixels(drawn.told or "0..1")
        if pixels.shape != made.shape[1:]:
            size = f"{pixels.shape[1]} x {pixels.shape[0]}"
            raise TrainingError(
                f"{model.bundle.name}: draws {size}, not {SIZE[0]} x {SIZE[1]} in colour"
            )
        made[row] = pixels[:, :, ::-1]
    return made


def with_drawn(part: Examples, model: Model, each: int, seed: int) -> Examples:
    """A part, and behind it so many drawn pictures of each tenth."""
    positions = np.repeat(np.arange(TENTHS), each)
    drawn = draw_wheels(model, positions, np.random.default_rng(seed))
    names = tuple(f"drawn {LABELS[position]} {row % each}" for row, position in enumerate(positions))
    return Examples(
        np.concatenate([part.pictures, drawn]),
        {"label": np.concatenate([positions_of(part), positions])},
        (*part.names, *names) if part.names else (),
    )
