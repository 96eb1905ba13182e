"""Stimuli: what a model is tried with: a drawn scene, noise, a gradient, or somebody's own pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
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
USUAL = 3
"""So many stimuli are enough where they are answered surely, and differently."""
MOST_PICTURES = 8
"""So many pictures of somebody's own are taken at most."""
SEED = 20
BLOCKS = 32
"""Noise comes in so many blocks along a side, so that it can be stored in little room."""
SEEDS = 4
"""So many scenes, and sets of disks and clouds, are drawn where the usual stimuli are not enough."""
APART = 15
"""Frames of the drawn scene between two steps: a second."""


@dataclass(frozen=True, slots=True)
class Stimulus:
    """What goes into a model in some runs in a row, its state left out.

    name    says what it shows
    steps   the inputs of each run, as the model takes them
    pixels  where it takes an image, the picture of each run: (height, width, 3) uint8 BGR of its size
    """

    name: str
    steps: tuple[Arrays, ...]
    pixels: tuple[Image, ...] = ()


def usual_stimuli(model: Model) -> tuple[Stimulus, ...]:
    """The drawn scene, noise and a gradient, as the model takes them."""
    return tuple(islice(further_stimuli(model), USUAL))


def further_stimuli(model: Model) -> Iterator[Stimulus]:
    """The usual stimuli, then others that a model may answer more surely, one after the other."""
    feed = _Feed(model)
    steps = range(STEPS if model.bundle.state else 1)
    for name, draw in _drawings():
        yield feed.stimulus(name, [(draw(number), number) for number in steps])


def _drawings() -> Iterator[tuple[str, Callable[[int], Image]]]:
    """Names of stimuli, and the functions that draw them from the number of the step."""
    scene = _scene(0)
    yield "scene", lambda step: scene.draw(step * APART)
    yield "noise", _noise
    yield "gradient", _gradient
    yield "stripes", _stripes
    for seed in range(SEEDS):
        for label in ("person", "car", "ball"):
            yield f"{label}-{seed}", partial(_near, _scene(seed), label)
        yield f"disks-{seed}", partial(_disks, seed)
        yield f"clouds-{seed}", partial(_clouds, seed)
        yield f"street-{seed}", partial(_street, _scene(seed))


def _scene(seed: int) -> DrawnScene:
    options = DrawnScene.Options(realtime=False, seed=seed)
    return DrawnScene(options, SourceContext("golden", Path()))


def pictured_stimuli(
    model: Model, paths: Sequence[Path], most: int = MOST_PICTURES
) -> tuple[Stimulus, ...]:
    """Somebody's own pictures, one a stimulus; all in one, in their order, for a recurrent model.

    most  so many are taken at most

    Raises ModelError where the model takes none, or a path holds none.
    """
    if not model.bundle.takes_image:
        raise ModelError(f"{model.bundle.name}: takes no image, so no pictures can be shown to it")
    feed = _Feed(model)
    shown = list(_pictures(paths))[:most]
    numbered = [(image, number) for number, image in enumerate(shown)]
    if model.bundle.state:
        return (feed.stimulus("pictures", numbered),)
    return tuple(feed.stimulus(f"picture-{each[1] + 1}", [each]) for each in numbered)


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

    def stimulus(self, name: str, pictures: Sequence[tuple[Image, int]]) -> Stimulus:
        """The runs of a model that is shown pictures, each with the number of its run."""
        steps, pixels = [], []
        for picture, number in pictures:
            inputs = {spec.name: _numbers(spec, SEED + number) for spec in self._others}
            if self._image is not None:
                pixels.append(self._seen(picture, number))
                inputs[self._image.name] = self._image.from_pixels(pixels[-1])
            steps.append(inputs)
        return Stimulus(name, tuple(steps), tuple(pixels))

    def _seen(self, picture: Image, number: int) -> Image:
        """The picture as the daemon would show it: the pixels of the model's view."""
        frame = Frame(picture, "golden", number, datetime(2026, 1, 1, tzinfo=UTC), float(number))
        return self._runner.view(View.of(frame, opencv_warp)).pixels()


def _numbers(spec: TensorSpec, seed: int) -> NDArray[Any]:
    """Numbers for an input that is no image: normally distributed; zeros where they may be indices."""
    if spec.quantisation is None and np.dtype(spec.dtype).kind != "f":
        return spec.zeros
    real = np.random.default_rng(seed).standard_normal(spec.shape)
    if spec.quantisation is None:
        return np.asarray(real, dtype=spec.dtype)
    return spec.stored(real)


def _noise(number: int) -> Image:
    blocks = np.random.default_rng(SEED + number).integers(0, 256, (BLOCKS, BLOCKS, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(blocks, (480, 480), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def _gradient(number: int) -> Image:
    """Blue grows to the right, green downwards, red with the number of the step."""
    ramp = np.linspace(0, 255, 480).astype(np.uint8)
    red = np.full((480, 480), 60 + 60 * number, dtype=np.uint8)
    return np.dstack([np.tile(ramp, (480, 1)), np.tile(ramp[:, np.newaxis], (1, 480)), red])


def _stripes(number: int) -> Image:
    bright = (np.arange(480) // 24 + number) % 2 * 255
    return np.repeat(np.tile(bright.astype(np.uint8), (480, 1))[..., np.newaxis], 3, axis=2)


def _near(scene: DrawnScene, label: str, number: int) -> Image:
    """What is around one actor of the scene, a square 1.6 times as large."""
    index = next(i for i in range(60 + number * APART, 10_000) if label in dict(scene.true_boxes(i)))
    picture = scene.draw(index)
    left, top, right, bottom = dict(scene.true_boxes(index))[label]
    half = min(max(right - left, bottom - top) * 0.8, min(picture.shape[:2]) / 2 - 1)
    x = min(max((left + right) / 2, half), picture.shape[1] - half)
    y = min(max((top + bottom) / 2, half), picture.shape[0] - half)
    return picture[int(y - half) : int(y + half), int(x - half) : int(x + half)].copy()


def _street(scene: DrawnScene, number: int) -> Image:
    """The left half of the scene, a few seconds later."""
    picture = scene.draw(60 + number * APART)
    return picture[picture.shape[0] // 4 :, : picture.shape[1] // 2].copy()


def _disks(seed: int, number: int) -> Image:
    """Disks of chance colours, sizes and places on a plain ground."""
    chance = np.random.default_rng([SEED, seed, number])
    picture: Image = np.full((480, 480, 3), chance.integers(0, 256, 3), dtype=np.uint8)
    for _ in range(12):
        x, y, radius = (int(value) for value in chance.integers((0, 0, 20), (480, 480, 120)))
        colour = tuple(int(value) for value in chance.integers(0, 256, 3))
        cv2.circle(picture, (x, y), radius, colour, -1)
    return picture


def _clouds(seed: int, number: int) -> Image:
    """Smooth noise whose power falls with its frequency, as in pictures of nature."""
    chance, octaves = np.random.default_rng([SEED, seed, number]), range(1, 8)
    layers = (
        cv2.resize(chance.standard_normal((2**k, 2**k, 3)), (480, 480), interpolation=cv2.INTER_CUBIC)
        * 2.0 ** (-0.8 * k)
        for k in octaves
    )
    total = np.sum(list(layers), axis=0)
    spread = (total - total.min()) / (total.max() - total.min())
    return np.asarray(np.rint(255.0 * spread), dtype=np.uint8)


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
