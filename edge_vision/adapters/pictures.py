"""Pictures: what a generator makes, from what it stores to pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.layout import Adapter, Layout, Meanings, NoDecoding, Outputs, is_map, only
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError, StageError

Range = Literal["0..1", "-1..1", "0..255"]
"""Which real values stand for black and white."""


@dataclass(frozen=True, slots=True)
class RealPicture:
    """A picture in a model's real values.

    values  (height, width, 3) float32 red, green, blue, or (height, width, 1) grey
    told    which values stand for black and white, None where only the values tell
    """

    values: NDArray[np.float32]
    told: Range | None

    def pixels(self, value_range: Range) -> NDArray[np.uint8]:
        """Pixels, (height, width, 3) uint8 BGR or (height, width) uint8 grey."""
        return to_pixels(self.values, value_range)

    def wider(self, known: Range) -> Range:
        """The wider of a known range and the one these values fit in: 0..255, -1..1, 0..1."""
        order: tuple[Range, ...] = ("0..1", "-1..1", "0..255")
        return max(known, range_of(self.values), key=order.index)


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


def to_pixels(values: NDArray[np.float32], value_range: Range) -> NDArray[np.uint8]:
    """Pixels, (height, width, 3) uint8 BGR or (height, width) uint8 grey, from real values.

    values  (height, width, 3) red, green, blue, or (height, width, 1) grey
    """
    black, white = _BLACK_AND_WHITE[value_range]
    pixels = np.clip(np.rint((values - black) * (255.0 / (white - black))), 0, 255).astype(np.uint8)
    return pixels[:, :, 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels[:, :, ::-1])


def _check(spec: TensorSpec, model: str) -> None:
    """Raise ModelError where an output is no picture."""
    if len(spec.shape) != 4 or spec.shape[0] != 1 or spec.shape[3] not in (1, 3):
        raise ModelError(f"{model}: the output {spec} has not the shape (1, height, width, 3 or 1)")


def _recognise(bundle: ModelBundle) -> Meanings | None:
    """A picture in colour or grey."""
    output = only(bundle)
    if output is None or not is_map(output) or output.shape[3] not in (1, 3):
        return None
    return {output.name: "image"}


def _adapter(bundle: ModelBundle, _options: NoDecoding) -> Adapter[RealPicture]:
    """Reads the real values; which of them are black and white the caller may have to learn."""
    spec = bundle.output("image")
    _check(spec, bundle.name)
    told = stored_range(spec)

    def read(outputs: Outputs) -> RealPicture:
        return RealPicture(real_values(spec, outputs[spec.name]), told)

    return Adapter(read)


IMAGE = Layout(
    name="image",
    task="generate",
    says="a picture in colour or grey",
    reading=RealPicture,
    meanings=("image",),
    recognise=_recognise,
    adapter=_adapter,
)
