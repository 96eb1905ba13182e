"""Sight: what is kept of the pictures before, and how a picture differs from it.

Beside a small grey picture of before, two averages of such are kept: one of about a second, and the
background, of about two minutes. All is sums and products, so nothing has to be divided on a device. The
average of the background weighs a new picture by r, which begins at 1 and goes on as r - r^2 / 2, about
2 / n, as in a mean in which later pictures count more, until it is as small as it shall become.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SIZE = (192, 144)
"""Width and height in pixels of the picture that goes in."""

SMALL = (96, 72)
"""Width and height of what is kept, and of what the backbone sees."""

RATE = 5.0
"""Frames a second, at which the averages are of the times that are said here."""

SECOND = 0.2
"""The share of a new picture in the average of a second."""

SLOWEST = 1 / 600
"""The least share of a new picture in the background."""

LUMA = (0.299, 0.587, 0.114)
"""The shares of red, green and blue in what is bright: ITU-R BT.601."""

STRENGTH = 300.0
"""Levels that black differs from white by; more than 255, as most differences are small."""

FLOOR = 0.05
"""Smaller differences are no change, as shares of white."""

LAST = 0
"""The channel of the differences that is from the last picture; the others are from averages."""

AREA = 12
"""Width and height in pixels of the areas in which change is summed up."""


class Kept(NamedTuple):
    """What is kept of the pictures before.

    pictures  (n, 72, 96, 3) 0 to 1: the last one, the average of a second, the background
    age       (n, 1, 1, 1): 0 before the first picture, then 1 less the share of the next one
    """

    pictures: Any
    age: Any


def differences(ops: Any, grey: Any, kept: Kept) -> tuple[Any, Kept]:
    """How a picture differs from what is kept, (n, 72, 96, 3), and what is kept from then on.

    ops   keras.ops, or numpy, which knows the same names
    grey  (n, 72, 96, 1) 0 to 1

    The first picture differs from nothing.
    """
    begun = ops.minimum(kept.age * 2.0, 1.0)
    before = kept.pictures * begun + grey * (1.0 - begun)
    last, second, ground = (before[..., place : place + 1] for place in range(3))
    share = 1.0 - kept.age
    ground = ground + (grey - ground) * share
    seen = ops.concatenate([grey - last, grey - second, grey - ground], axis=-1)
    second = second + (grey - second) * SECOND
    following = ops.concatenate([grey, second, ground], axis=-1)
    return seen, Kept(following, 1.0 - ops.maximum(share - share * share * 0.5, SLOWEST))


def small_grey(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Frames (n, 144, 192, 3) in grey and half the size, (n, 72, 96, 1) 0 to 1."""
    grey = frames @ (np.array(LUMA, np.float32) / np.float32(255))
    halves = grey.reshape(len(grey), SMALL[1], 2, SMALL[0], 2).mean(axis=(2, 4))
    return np.asarray(halves[..., np.newaxis], np.float32)


def video_differences(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How each frame of a video differs from those before, (n, 72, 96, 3).

    frames  (n, 144, 192, 3) uint8 red, green, blue
    """
    kept = Kept(np.zeros((1, SMALL[1], SMALL[0], 3), np.float32), np.zeros((1, 1, 1, 1), np.float32))
    seen = []
    for grey in small_grey(frames):
        difference, kept = differences(np, grey[np.newaxis], kept)
        seen.append(difference[0])
    return np.asarray(np.stack(seen), np.float32)
