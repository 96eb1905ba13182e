"""Stimuli: what a model is tried with: a drawn scene, noise, a gradient, or somebody's own pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.memory import Memory
from edge_vision.adapters.runner import Runner
from edge_vision.builtin.capture.pictures import PicturesSource
from edge_vision.builtin.scene.drawn import DrawnScene
from edge_vision.builtin.warp import opencv_warp
from edge_vision.contracts.model import Model
from edge_vision.contracts.source import SourceContext
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ConfigError, ModelError, SourceError
from edge_vision.data.frame import Frame, Image
from edge_vision.data.view import View

Arrays: TypeAlias = dict[str, NDArray[Any]]
"""Arrays by the name of an input or output."""

STEPS = 3
"""Runs in a row that a recurrent model is tried with."""
MOST_PICTURES = 8
"""So many pictures of somebody's own are taken at most."""
SEED = 20
BLOCKS = 32
"""Noise comes in so many blocks along a side, so that it can be stored in little room."""
APART = 15
"""Frames of the drawn scene between two steps: a second."""


@dataclass(frozen=True, slots=True)
class Stimulus:
    """What goes into a model in some runs in a row, its state left out; `name` says what it shows."""

    name: str
    steps: tuple[Arrays, ...]


def usual_stimuli(model: Model) -> tuple[Stimulus, ...]:
    """The drawn scene, noise and a gradient, as the model takes them."""
    feed = _Feed(model)
    steps = range(STEPS if model.bundle.state else 1)
    scene = DrawnScene(DrawnScene.Options(realtime=False), SourceContext("golden", Path()))
    shown = {
        "scene": [scene.draw(number * APART) for number in steps],
        "noise": [_noise(number) for number in steps],
        "gradient": [_gradient(number) for number in steps],
    }
    return tuple(
        Stimulus(name, tuple(feed(image, number) for number, image in enumerate(images)))
        for name, images in shown.items()
    )


def pictured_stimuli(model: Model, paths: Sequence[Path]) -> tuple[Stimulus, ...]:
    """Somebody's own pictures, one a stimulus; all in one, in their order, for a recurrent model.

    Raises ModelError where the model takes none, or a path holds none.
    """
    if not model.bundle.takes_image:
        raise ModelError(f"{model.bundle.name}: takes no image, so no pictures can be shown to it")
    feed = _Feed(model)
    shown = list(_pictures(paths))[:MOST_PICTURES]
    steps = tuple(feed(image, number) for number, image in enumerate(shown))
    if model.bundle.state:
        return (Stimulus("pictures", steps),)
    return tuple(Stimulus(f"picture-{number}", (step,)) for number, step in enumerate(steps, start=1))


def answers(model: Model, steps: Sequence[Mapping[str, NDArray[Any]]]) -> Iterator[Arrays]:
    """What a model gives in some runs in a row, its state carried from each to the next."""
    memory = Memory(model.bundle, None)
    for step in steps:
        outputs = model({**memory.recall(None, 0.0), **step})
        memory.keep(None, 0.0, memory.next_state(None, outputs))
        yield outputs


class _Feed:
    """Makes the inputs of a model that are no state."""

    def __init__(self, model: Model) -> None:
        bundle = model.bundle
        carried = {pair.input for pair in bundle.state or ()}
        self._image = bundle.image_input if bundle.takes_image else None
        self._others = [s for s in bundle.inputs if s.name not in carried and s is not self._image]
        self._runner = Runner(model, object, provides=[spec.name for spec in self._others])

    def __call__(self, picture: Image, number: int) -> Arrays:
        """The inputs of one run: the picture as the daemon would show it, numbers for all others."""
        inputs = {spec.name: _numbers(spec, SEED + number) for spec in self._others}
        if self._image is not None:
            frame = Frame(picture, "golden", number, datetime(2026, 1, 1, tzinfo=UTC), float(number))
            view = self._runner.view(View.of(frame, opencv_warp))
            inputs[self._image.name] = self._image.from_pixels(view.pixels())
        return inputs


def _numbers(spec: TensorSpec, seed: int) -> NDArray[Any]:
    """Numbers for an input that is no image: normally distributed; zeros where they may be indices."""
    if spec.quantisation is None and np.dtype(spec.dtype).kind != "f":
        return spec.zeros
    real = np.random.default_rng(seed).standard_normal(spec.shape)
    if spec.quantisation is None:
        return np.asarray(real, dtype=spec.dtype)
    limits = np.iinfo(spec.dtype)
    stored = np.rint(real / spec.quantisation.scale) + spec.quantisation.zero_point
    return np.asarray(np.clip(stored, limits.min, limits.max), dtype=spec.dtype)


def _noise(number: int) -> Image:
    blocks = np.random.default_rng(SEED + number).integers(0, 256, (BLOCKS, BLOCKS, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(blocks, (480, 480), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def _gradient(number: int) -> Image:
    """Blue grows to the right, green downwards, red with the number of the step."""
    ramp = np.linspace(0, 255, 480).astype(np.uint8)
    red = np.full((480, 480), 60 + 60 * number, dtype=np.uint8)
    return np.dstack([np.tile(ramp, (480, 1)), np.tile(ramp[:, np.newaxis], (1, 480)), red])


def _pictures(paths: Sequence[Path]) -> Iterator[Image]:
    """The pictures of files and folders; raises ModelError where one cannot be read."""
    for path in paths:
        try:
            source = PicturesSource(
                PicturesSource.Options(path=str(path)), SourceContext("golden", Path.cwd())
            )
            source.open()
            count = 0
            while (image := source.read()) is not None:
                count += 1
                yield image
        except (ConfigError, SourceError) as error:
            raise ModelError(f"--pictures {path}: {error}") from error
        if not count or source.unreadable:
            raise ModelError(f"--pictures {path}: {', '.join(source.unreadable) or 'no picture in it'}")
