"""Pictures: from what a generator stores to pixels."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision import ModelError, StageError, TensorSpec

Range = Literal["0..1", "-1..1", "0..255"]
"""Which real values stand for black and white."""

_BLACK_AND_WHITE: dict[Range, tuple[float, float]] = {
    "0..1": (0.0, 1.0),
    "-1..1": (-1.0, 1.0),
    "0..255": (0.0, 255.0),
}
_ABOVE_ONE = 2.0
_BELOW_ZERO = -0.25


def real_values(spec: TensorSpec, array: NDArray[Any]) -> NDArray[np.float32]:
    """The real values of a picture (1, height, width, c), without the batch, float32.

    Bytes without quantisation are pixels: uint8 as they are, int8 less 128. Raises StageError where
    a value is infinite or no number.
    """
    values: NDArray[np.float32] = spec.real(array)[0]
    if spec.quantisation is None and spec.dtype == "int8":
        values = values + np.float32(128.0)
    if not np.isfinite(values).all():
        raise StageError(f"the model's output {spec.name} (image) holds values that are no numbers")
    return values


def stored_range(spec: TensorSpec) -> Range | None:
    """The range of an integer output, by the real values it can store; None for floats."""
    kind = np.dtype(spec.dtype).kind
    if kind == "f":
        return None
    if spec.quantisation is None:
        return "0..255"
    limits = np.iinfo(spec.dtype)
    return range_of(spec.real(np.array([limits.min, limits.max], dtype=spec.dtype)))


def range_of(values: NDArray[np.float32]) -> Range:
    """The narrowest range that values fit in, but for what models overshoot: beyond 2 it is 0..255,
    below -0.25 it is -1..1, else 0..1.
    """
    if values.max() > _ABOVE_ONE:
        return "0..255"
    return "-1..1" if values.min() < _BELOW_ZERO else "0..1"


def wider(first: Range, second: Range) -> Range:
    """The one of two ranges that says more: 0..255 before -1..1 before 0..1."""
    order: tuple[Range, ...] = ("0..1", "-1..1", "0..255")
    return max(first, second, key=order.index)


def to_pixels(values: NDArray[np.float32], value_range: Range) -> NDArray[np.uint8]:
    """Pixels, (height, width, 3) uint8 BGR or (height, width) uint8 grey, from real values.

    values  (height, width, 3) red, green, blue, or (height, width, 1) grey
    """
    black, white = _BLACK_AND_WHITE[value_range]
    pixels = np.clip(np.rint((values - black) * (255.0 / (white - black))), 0, 255).astype(np.uint8)
    return pixels[:, :, 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels[:, :, ::-1])


def picture_size(spec: TensorSpec, model: str) -> tuple[int, int]:
    """(width, height) of the pictures a model makes; raises ModelError where it makes none."""
    if len(spec.shape) != 4 or spec.shape[0] != 1 or spec.shape[3] not in (1, 3):
        raise ModelError(f"{model}: the output {spec} has not the shape (1, height, width, 3 or 1)")
    return spec.shape[2], spec.shape[1]
