"""Tensors of a model: names, shapes, types, quantisation, and how pixels become one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import ModelError, StageError
from edge_vision.data.frame import Image

PerChannel: TypeAlias = float | tuple[float, ...]
"""One number for all channels of an image, or one for each in the tensor's order."""

PIXEL_SPANS = (1.0, 2.0, 255.0)
"""Real values between black and white where stored bytes are the pixels: 0 to 1, -1 to 1, 0 to 255."""

_SPAN_TOLERANCE = 0.05


Turning: TypeAlias = Callable[[Image], NDArray[np.uint8]]
"""Gives pixels (height, width, 3) BGR as RGB, in an array of its own."""


Filling: TypeAlias = Callable[[Image], NDArray[np.generic]]
"""Makes the array of an image input of pixels (height, width, 3) uint8 BGR."""


def reversed_channels(pixels: Image) -> NDArray[np.uint8]:
    """Pixels (height, width, 3) BGR as RGB; plane by plane, which is the quickest that numpy can."""
    turned = np.empty(pixels.shape, dtype=np.uint8)
    for channel in range(3):
        turned[:, :, channel] = pixels[:, :, 2 - channel]
    return turned


@dataclass(frozen=True, slots=True)
class Quantisation:
    """Real value = scale * (stored value - zero_point)."""

    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output of a model.

    name          unique among the model's inputs or outputs
    shape         as stored, the batch first
    dtype         numpy's name: "uint8", "int8", "float32", "int64", ...
    quantisation  None where values are stored as they are
    meaning       what it is: "image", "state" of an input; "boxes", "scores", "class-map", ...
    mean, std     of an image input: real value = (pixel - mean) / std
    order         of an image input's channels
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantisation: Quantisation | None = None
    meaning: str = ""
    mean: PerChannel = 0.0
    std: PerChannel = 255.0
    order: Literal["rgb", "bgr"] = "rgb"

    def __str__(self) -> str:
        return f"{self.name} {self.shape} {self.dtype} ({self.meaning or '?'})"

    @property
    def is_image(self) -> bool:
        """True for the shape of an image: (1, height, width, 3 or 1) or (1, 3 or 1, height, width)."""
        return len(self.shape) == 4 and self.shape[0] == 1 and 1 in self._channel_sides

    @property
    def channels_first(self) -> bool:
        """True for an image (1, channels, height, width), as PyTorch arranges it."""
        return self.is_image and self.shape[3] not in (1, 3)

    @property
    def channels(self) -> int:
        """How many channels an image has, 3 or 1; rows of a sequence (1, steps, values) are grey."""
        self.size  # noqa: B018 - refuses what is no image
        if len(self.shape) == 3:
            return 1
        return self.shape[1] if self.channels_first else self.shape[3]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels of an image, or of a sequence (1, height, width) read row by row."""
        if len(self.shape) == 3 and self.shape[0] == 1:
            return self.shape[2], self.shape[1]
        if not self.is_image:
            raise ModelError(f"{self.name} {self.shape} is not an image (1, height, width, 3 or 1)")
        first = 2 if self.channels_first else 1
        return self.shape[first + 1], self.shape[first]

    @property
    def _channel_sides(self) -> tuple[int, ...]:
        return tuple(int(self.shape[axis] in (1, 3)) for axis in (1, 3))

    @property
    def takes_pixels(self) -> bool:
        """True for an image input whose integers are the pixels, so that nothing is normalised."""
        if np.dtype(self.dtype).kind == "f":
            return False
        return self.quantisation is None or _stores_pixels(self.quantisation.scale)

    def from_pixels(self, pixels: Image, turned: Turning = reversed_channels) -> NDArray[np.generic]:
        """Fill this image input from pixels (height, width, 3) uint8 BGR of its size.

        Floats are normalised with mean and std. Quantised bytes are the pixels as they are (uint8) or
        less 128 (int8) where black and white lie 1, 2 or 255 apart in real values, as they do wherever
        pictures calibrated the model; else they are quantised from the normalised values. Other integers
        take the pixels as they are. Channels become red, green, blue (or the tensor's order), or grey
        (ITU-R BT.601 luma) where it has one. Gives an array of its own, in C order.

        turned  makes red, green, blue of the pixels, where there is something quicker than numpy
        """
        return self.filling(turned)(pixels)

    def filling(self, turned: Turning = reversed_channels) -> Filling:
        """What `from_pixels` does, made ready for many pictures."""
        return _filling(self, turned)

    def real(self, array: NDArray[np.generic]) -> NDArray[np.float32]:
        """The real values behind an output: dequantised where it is quantised, as float32."""
        values = array.astype(np.float32)
        if self.quantisation is None:
            return values
        return (values - self.quantisation.zero_point) * np.float32(self.quantisation.scale)

    def stored(self, real: NDArray[np.generic]) -> NDArray[np.generic]:
        """Real values as this tensor stores them, the nearest that it can, in any shape."""
        values = real.astype(np.float64)
        if self.quantisation is not None:
            values = values / self.quantisation.scale + self.quantisation.zero_point
        if np.dtype(self.dtype).kind in "iu":
            limits = np.iinfo(self.dtype)
            values = np.clip(np.rint(values), limits.min, limits.max)
        return values.astype(self.dtype)

    @property
    def zeros(self) -> NDArray[np.generic]:
        """An array of this tensor's shape whose real values are all 0."""
        zero = 0 if self.quantisation is None else self.quantisation.zero_point
        return np.full(self.shape, zero, dtype=self.dtype)


@lru_cache(maxsize=256)
def _filling(spec: TensorSpec, turned: Turning) -> Filling:
    """How pixels become an image input, chosen once a tensor."""
    width, height = spec.size
    wanted, shape = (height, width, 3), spec.shape
    convert, planes_first = _conversion(spec), spec.channels_first
    channels_of: Turning = turned
    if spec.channels == 1:
        channels_of = _grey
    elif spec.order == "bgr":
        channels_of = np.ndarray.copy

    def fill(pixels: Image) -> NDArray[np.generic]:
        if pixels.shape != wanted or pixels.dtype != np.uint8:
            raise StageError(
                f"{spec.name} takes pixels {wanted} uint8, not {pixels.shape} {pixels.dtype}"
            )
        values = convert(channels_of(pixels))
        if planes_first:
            values = np.ascontiguousarray(values.transpose(2, 0, 1))
        return values.reshape(shape)

    return fill


Convert: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[Any]]


def _conversion(spec: TensorSpec) -> Convert:
    """How channels (height, width, c) uint8 become values of an image input, chosen once a tensor."""
    kind = np.dtype(spec.dtype).kind
    if kind == "f":
        return _normalising(spec)
    if kind not in "iu":
        raise ModelError(f"{spec.name} is {spec.dtype}; an image input is of integers or floats")
    if spec.dtype not in ("uint8", "int8"):
        return lambda channels: channels.astype(spec.dtype)
    if spec.quantisation is not None and not spec.takes_pixels:
        return _quantising(spec, spec.quantisation)
    if spec.dtype == "uint8":
        return lambda channels: channels
    # The same bits as less 128 in two's complement.
    return lambda channels: np.bitwise_xor(channels, 0x80, out=channels).view(np.int8)


def _stores_pixels(scale: float) -> bool:
    return any(abs(scale * 255.0 - span) <= _SPAN_TOLERANCE * span for span in PIXEL_SPANS)


def _normalising(spec: TensorSpec) -> Convert:
    mean, std = np.asarray(spec.mean, np.float32), np.asarray(spec.std, np.float32)

    def normalise(channels: NDArray[np.uint8]) -> NDArray[Any]:
        values = channels.astype(np.float32)
        values -= mean
        values /= std
        return values.astype(spec.dtype, copy=False)

    return normalise


def _quantising(spec: TensorSpec, quantisation: Quantisation) -> Convert:
    """Normalises and quantises through a table of the 256 values a pixel can have, (256, c)."""
    limits = np.iinfo(spec.dtype)
    pixels = np.arange(256.0)[:, np.newaxis]
    real = (pixels - np.asarray(spec.mean)) / np.asarray(spec.std)
    stored = np.clip(
        np.rint(real / quantisation.scale) + quantisation.zero_point, limits.min, limits.max
    ).astype(spec.dtype)

    def quantise(channels: NDArray[np.uint8]) -> NDArray[Any]:
        columns = np.arange(channels.shape[2]) if stored.shape[1] > 1 else 0
        return np.ascontiguousarray(stored[channels, columns])

    return quantise


def _grey(pixels: Image) -> NDArray[np.uint8]:
    """The brightness of pixels (height, width, 3) BGR, as (height, width, 1)."""
    luma = pixels.astype(np.float32) @ np.array([0.114, 0.587, 0.299], dtype=np.float32)
    return np.rint(luma).astype(np.uint8)[:, :, np.newaxis]
