"""Tensors of a model: names, shapes, types, quantisation, and how pixels become one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import ModelError, StageError
from edge_vision.data.frame import Image


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
    meaning       what it is: "image" of an input; "boxes", "scores", "class-map", ...
    mean, std     of an image input in floats: value = (pixel - mean) / std
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantisation: Quantisation | None = None
    meaning: str = ""
    mean: float = 0.0
    std: float = 255.0

    def __str__(self) -> str:
        return f"{self.name} {self.shape} {self.dtype} ({self.meaning or '?'})"

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels of an image tensor (1, height, width, channels)."""
        if len(self.shape) != 4 or self.shape[0] != 1 or self.shape[3] not in (1, 3):
            raise ModelError(f"{self.name} {self.shape} is not an image (1, height, width, 3 or 1)")
        return self.shape[2], self.shape[1]

    def from_pixels(self, pixels: Image) -> NDArray[np.generic]:
        """Fill this image input from pixels (height, width, 3) uint8 BGR of its size.

        uint8 takes the pixels as they are, int8 takes them less 128 (both are what a quantised
        image input stores), floats are normalised with mean and std. Channels become red, green, blue,
        or grey (ITU-R BT.601 luma) where the tensor has one. Gives an array of its own, in C order.
        """
        width, height = self.size
        if pixels.shape != (height, width, 3) or pixels.dtype != np.uint8:
            raise StageError(
                f"{self.name} takes pixels ({height}, {width}, 3) uint8, "
                f"not {pixels.shape} {pixels.dtype}"
            )
        channels = (_grey(pixels) if self.shape[3] == 1 else _red_green_blue(pixels))[np.newaxis]
        if self.dtype == "uint8":
            return channels
        if self.dtype == "int8":
            channels ^= 0x80  # the same bits as less 128 in two's complement
            return channels.view(np.int8)
        if self.dtype not in ("float32", "float16"):
            raise ModelError(f"{self.name} is {self.dtype}; an image input is uint8, int8 or float")
        values = channels.astype(np.float32)
        values -= np.float32(self.mean)
        values /= np.float32(self.std)
        return values.astype(self.dtype, copy=False)

    def real(self, array: NDArray[np.generic]) -> NDArray[np.float32]:
        """The real values behind an output: dequantised where it is quantised, as float32."""
        values = array.astype(np.float32)
        if self.quantisation is None:
            return values
        return (values - self.quantisation.zero_point) * np.float32(self.quantisation.scale)


def _grey(pixels: Image) -> NDArray[np.uint8]:
    """The brightness of pixels (height, width, 3) BGR, as (height, width, 1)."""
    luma = pixels.astype(np.float32) @ np.array([0.114, 0.587, 0.299], dtype=np.float32)
    return np.rint(luma).astype(np.uint8)[:, :, np.newaxis]


def _red_green_blue(pixels: Image) -> NDArray[np.uint8]:
    """Pixels (height, width, 3) BGR as RGB; plane by plane, three times as fast as backwards."""
    turned = np.empty(pixels.shape, dtype=np.uint8)
    for channel in range(3):
        turned[:, :, channel] = pixels[:, :, 2 - channel]
    return turned
