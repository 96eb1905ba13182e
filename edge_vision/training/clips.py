"""Clips: moving views made from still pictures, as a camera would give that pans, zooms and suffers.

A window wanders over the picture, nearer to it or further away. Some of its frames are blurred by the
motion, some are noisy, the light changes, and something may pass in front of it all. Each clip follows
from its picture, the options and its own source of chance alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, log
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from edge_vision.contracts.options import Options, option
from edge_vision.data import geometry
from edge_vision.data.errors import TrainingError
from edge_vision.training.augmentation.placement import place_picture
from edge_vision.training.examples import Examples

LEAST_BLUR = 1.5
"""A blur over fewer pixels is none."""
_BLOCK = (0.25, 0.6), (0.5, 1.0)
"""The share of the view that what passes covers along its way, and across it."""


class MovingView(Options):
    """How a view moves over a picture, and what its frames suffer."""

    frames: int = option(8, "Frames of a clip.", ge=1, le=256)
    window: tuple[float, float] = option(
        (0.55, 0.95), "The view shows a share between these of the picture's width, and of its height."
    )
    pan: float = option(
        0.7, "How far it wanders: 0 not at all, 1 to anywhere in the picture.", ge=0.0, le=1.0
    )
    shake: float = option(
        0.01, "Standard deviation of its trembling, as a share of the window.", ge=0.0, le=0.5
    )
    blur: float = option(
        0.06, "A frame is blurred along the motion over up to this share of the view.", ge=0.0, le=1.0
    )
    noise: float = option(
        8.0, "Standard deviation of the noise of a frame, up to this.", unit="levels", ge=0.0, le=128.0
    )
    exposure: float = option(
        0.5, "Light that is more or less than in the picture by up to so much.", unit="stops", ge=0, le=4
    )
    occlusion: float = option(0.5, "Probability that something passes in front.", ge=0.0, le=1.0)
    steady: float = option(
        0.0, "Probability that a clip shows the whole picture in all its frames instead.", ge=0.0, le=1.0
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high = self.window
        if not 0.05 <= low <= high <= 1.0:
            raise ValueError("window should be two shares from 0.05 to 1, the smaller one first")
        return self


def clip(
    picture: NDArray[np.uint8], view: MovingView, size: tuple[int, int], random: np.random.Generator
) -> NDArray[np.uint8]:
    """A clip of one picture, (frames, height, width, channels) uint8.

    picture  (height, width, channels) uint8
    size     (width, height) of the frames
    """
    if random.random() < view.steady:
        whole = geometry.scaling(size[0] / picture.shape[1], size[1] / picture.shape[0])
        return np.stack([place_picture(picture, whole, size, "edge")] * view.frames)
    windows = _windows(view, random)
    angles, lengths = _blurs(windows, view, random)
    gains = 2.0 ** _wandering(view.frames, view.exposure, random)
    noises = view.noise * random.random(view.frames) ** 2
    block = _Block.passing(view.frames, random) if random.random() < view.occlusion else None
    frames = []
    for number, window in enumerate(windows):
        frame = place_picture(picture, _to_view(window, picture, size), size, "edge")
        if block is not None:
            frame = block.before(frame, number)
        frame = blurred(frame, float(angles[number]), float(lengths[number]) * min(size))
        frames.append(_exposed(frame, float(gains[number]), float(noises[number]), random))
    return np.stack(frames)


def clips(
    examples: Examples,
    view: MovingView,
    size: tuple[int, int],
    key: tuple[int, ...],
    together: int = 32,
) -> Iterator[NDArray[np.uint8]]:
    """A clip of each picture in their order, so many together: (k, frames, height, width, channels).

    key  numbers that all chance comes from: clip i of the same key is the same, whatever is beside it
    """
    if together < 1 or not len(examples):
        raise TrainingError("clips are made of at least one picture, and at least one together")
    for first in range(0, len(examples), together):
        rows = range(first, min(first + together, len(examples)))
        yield np.stack([clip(examples.pictures[row], view, size, chance(key, row)) for row in rows])


def chance(key: tuple[int, ...], row: int) -> np.random.Generator:
    """The source of all that is random in the clip of a picture."""
    return np.random.default_rng((*key, row))


def blurred(frame: NDArray[np.uint8], angle: float, length: float) -> NDArray[np.uint8]:
    """A frame, (height, width, channels) uint8, averaged along a line through each pixel.

    angle   of the line, in radians
    length  of the line, in pixels
    """
    if length < LEAST_BLUR:
        return frame
    half = ceil(length / 2) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    places = np.linspace(-0.5, 0.5, 8 * half + 1) * length
    points = half + np.outer(places, [np.sin(angle), np.cos(angle)])
    corners = np.floor(points).astype(int)
    for corner in ((0, 0), (0, 1), (1, 0), (1, 1)):  # each point is shared by the four pixels round it
        pixels = corners + corner
        share = (1.0 - np.abs(points - pixels)).prod(axis=1)
        np.add.at(kernel, (pixels[:, 0], pixels[:, 1]), share)
    made = cv2.filter2D(frame, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(made, np.uint8).reshape(frame.shape)


def _windows(view: MovingView, random: np.random.Generator) -> NDArray[np.float64]:
    """Middles and sides of the window in each frame, (frames, 3), as shares of the picture.

    The middle and, as its logarithm, the side go evenly from a first to a last place, and tremble.
    """
    low, high = (log(share) for share in view.window)
    nearer, further = random.uniform(low, high, 2).tolist()
    sides = np.exp(np.linspace(nearer, further, view.frames))
    first, other = random.random((2, 2))
    last = first + (other - first) * view.pan
    places = np.linspace(first, last, view.frames)
    trembling = random.normal(0.0, 1.0, (view.frames, 2)) * view.shake * sides[:, np.newaxis]
    free = 1.0 - sides[:, np.newaxis]  # how far the window can go without seeing beyond the picture
    middles = np.clip(places * free + trembling, 0.0, free) + sides[:, np.newaxis] / 2
    return np.column_stack([middles, sides])


def _to_view(
    window: NDArray[np.float64], picture: NDArray[np.uint8], size: tuple[int, int]
) -> geometry.Map:
    """The map from pixels of the picture to pixels of the view."""
    x, y, side = window.tolist()
    height, width = picture.shape[:2]
    zoom = geometry.scaling(size[0] / (side * width), size[1] / (side * height))
    return np.asarray(zoom @ geometry.translation((side / 2 - x) * width, (side / 2 - y) * height))


def _blurs(
    windows: NDArray[np.float64], view: MovingView, random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The direction of each frame's blur, and its length as a share of the view, (frames,) each.

    Most frames are nearly sharp, a few are not. The direction is about that of the motion.
    """
    way = windows[-1, :2] - windows[0, :2]
    angles = np.arctan2(way[1], way[0]) + random.normal(0.0, 0.5, view.frames)
    return angles, view.blur * random.random(view.frames) ** 2


def _wandering(frames: int, most: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Figures from -most to most that go from one to the next in small steps, (frames,)."""
    first, last = random.uniform(-most, most, 2)
    steps = random.normal(0.0, most / 4, frames)
    return np.clip(np.linspace(first, last, frames) + steps, -most, most)


def _exposed(
    frame: NDArray[np.uint8], gain: float, noise: float, random: np.random.Generator
) -> NDArray[np.uint8]:
    """A frame in another light, with grain of a standard deviation in levels, alike in all colours."""
    grain = random.standard_normal((*frame.shape[:2], 1), np.float32)
    values = frame * np.float32(gain) + grain * np.float32(noise)
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


class _Block:
    """Something of one shade that passes before the view, from one side to the other."""

    def __init__(self, start: NDArray[np.float64], sides: NDArray[np.float64], shade: int) -> None:
        self._corners = start  # (frames, 2) x, y as shares of the view
        self._sides = sides
        self._shade = shade

    @classmethod
    def passing(cls, frames: int, random: np.random.Generator) -> Self:
        """One that is wholly out of view before the first frame, and after the last."""
        along, across = (random.uniform(*bounds) for bounds in _BLOCK)
        way = (np.arange(frames) + random.uniform(0.25, 0.75)) / frames * (1.0 + along) - along
        if random.random() < 0.5:
            way = (1.0 - along) - way
        side = np.full(frames, random.uniform(0.0, 1.0 - across))
        corners, sides = np.column_stack([way, side]), np.array([along, across])
        if random.random() < 0.5:
            corners, sides = corners[:, ::-1], sides[::-1]
        return cls(corners, sides, int(random.integers(0, 256)))

    def before(self, frame: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
        """A frame with it in front."""
        size = np.array(frame.shape[1::-1], np.float64)
        first = np.rint(np.clip(self._corners[number], 0.0, 1.0) * size).astype(int)
        last = np.rint(np.clip(self._corners[number] + self._sides, 0.0, 1.0) * size).astype(int)
        hidden = frame.copy()
        hidden[first[1] : last[1], first[0] : last[0]] = self._shade
        return hidden
