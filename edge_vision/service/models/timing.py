"""Timing: how long the variants of a model take for a run on this computer, side by side."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.data.errors import ModelError

ROUNDS = 30
"""So many runs of each variant are enough."""
LEAST_ROUNDS = 3
"""So few there are where variants are slow, but for very slow ones."""
USUALLY = 0.4
"""Seconds that are spent where variants are fast."""
AT_MOST = 1.8
"""Seconds that are spent at most; only the first run of each may take longer."""
_SEED = 20


@dataclass(frozen=True, slots=True)
class Times:
    """How long the runs of one variant took, in milliseconds; the first is left out."""

    milliseconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The time of the run in the middle."""
        return float(np.median(self.milliseconds))

    @property
    def p90(self) -> float:
        """The time that nine of ten runs do not exceed."""
        return float(np.percentile(self.milliseconds, 90))


def side_by_side(
    models: Mapping[str, Model], usually: float = USUALLY, at_most: float = AT_MOST
) -> tuple[dict[str, Times], dict[str, ModelError]]:
    """The times of opened models by name, and why others could not be run.

    They take turns, so that what else happens on the computer is the same for all.

    usually  seconds after which no further round begins where there were some
    at_most  seconds after which none begins at all
    """
    began = time.perf_counter()
    inputs = {name: _something(model.bundle) for name, model in models.items()}
    found: dict[str, list[float]] = {name: [] for name in models}
    failed: dict[str, ModelError] = {}
    for number in range(-1, ROUNDS):  # the first round fills the caches
        started = time.perf_counter()
        for name in [each for each in found if each not in failed]:
            try:
                found[name].append(_milliseconds(models[name], inputs[name]))
            except ModelError as error:
                failed[name] = error
        ends = 2.0 * time.perf_counter() - started - began
        if ends > at_most or (number + 1 >= LEAST_ROUNDS and ends > usually):
            break
    times = {name: Times(tuple(ms[1:] or ms)) for name, ms in found.items() if name not in failed}
    return times, failed


def _milliseconds(model: Model, inputs: Mapping[str, NDArray[Any]]) -> float:
    started = time.perf_counter()
    model(inputs)
    return 1000.0 * (time.perf_counter() - started)


def _something(bundle: ModelBundle) -> dict[str, NDArray[Any]]:
    """Inputs for a run: noise for the image, zeros for all else, of which some may be indices."""
    inputs: dict[str, NDArray[Any]] = {spec.name: spec.zeros for spec in bundle.inputs}
    if bundle.takes_image:
        image = bundle.image_input
        width, height = image.size
        noise = np.random.default_rng(_SEED).integers(0, 256, (height, width, 3), dtype=np.uint8)
        inputs[image.name] = image.from_pixels(noise)
    return inputs
