"""A frame: one captured image and when it was captured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.checks import check_moment
from edge_vision.data.errors import StageError

Scalar = TypeVar("Scalar", bound=np.generic)

Image = NDArray[np.uint8]
"""Pixels, (height, width, 3) uint8, in OpenCV's channel order blue, green, red."""


def read_only(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """The same memory behind a view that cannot be written to; the array itself where it cannot."""
    if not array.flags.writeable:
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def as_image(array: NDArray[np.generic]) -> Image:
    """Pixels as every stage expects them: (height, width, 3) uint8 BGR, read-only.

    Grey images (two axes, or one channel) are spread over three channels and a fourth channel
    (alpha) is cut off; both copy. Three channels stay the memory they are, so whoever made them does
    not write to them again. Anything else raises StageError, which says what was given.
    """
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or 0 in array.shape:
        raise StageError(f"an image is (height, width, 3) uint8, not {array.shape} {array.dtype}")
    pixels = array[:, :, np.newaxis] if array.ndim == 2 else array
    channels = pixels.shape[2]
    if channels == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    elif channels == 4:
        pixels = np.ascontiguousarray(pixels[:, :, :3])
    elif channels != 3:
        raise StageError(f"an image has 1, 3 or 4 channels, not {channels}")
    return cast("Image", read_only(pixels))


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One captured image.

    image        (height, width, 3) uint8 BGR, read-only
    camera       the camera's name in the configuration
    index        counts the camera's captured frames, from 0
    captured_at  when it was captured, with its time zone; UTC
    monotonic    seconds on the source's own clock: time.monotonic() for a live source, position in
                 the recording for a file. Only differences mean something.
    take         counts how often the source began again, from 0: a recording in a loop, a camera that
                 was opened again. Between the frames of two takes nothing moved, so what is carried
                 from frame to frame starts anew.
    """

    image: Image
    camera: str
    index: int
    captured_at: datetime
    monotonic: float
    take: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", as_image(self.image))
        check_moment("captured_at", self.captured_at)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.image.shape[0])
