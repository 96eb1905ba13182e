"""Pictures: what a generator makes, from what it stores to pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.layout import (
    SMALLEST_MAP,
    Adapter,
    Layout,
    Meanings,
    Outputs,
    is_map,
    only,
)
from edge_vision.adapters.values import told_activation
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.options import Options, option
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
_BY_OPERATOR: dict[str, Range] = {"TANH": "-1..1", "LOGISTIC": "0..1"}
_ABOVE_ONE = 2.0
_BELOW_ZERO = -0.25


class ImageDecoding(Options):
    """[decoding] of a picture."""

    range: Literal["auto", "0..1", "-1..1", "0..255"] = option(
        "auto",
        "Which values stand for black and white; auto: told from the graph, else from the values.",
    )


def real_values(spec: TensorSpec, array: NDArray[Any]) -> NDArray[np.float32]:
    """The real values of a picture (1, height, width, c) or (1, c, height, width), without the batch.

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


def told_range(bundle: ModelBundle, spec: TensorSpec) -> Range | None:
    """The range of an output by what it stores or the operator it comes from.

    None where only its values tell.
    """
    return stored_range(spec) or _BY_OPERATOR.get(bundle.facts.producer(spec.name))


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


def _channels_first(spec: TensorSpec) -> bool:
    """True for a picture (1, 3 or 1, height, width), as PyTorch arranges it."""
    return spec.is_image and spec.channels_first


def _recognise(bundle: ModelBundle) -> Meanings | None:
    """A picture in colour or grey; with its channels first where those of the image it takes are."""
    output = only(bundle)
    if output is None or not output.is_image:
        return None
    if _channels_first(output):
        alike = any(_channels_first(spec) for spec in bundle.inputs)
        fits = min(output.size) >= SMALLEST_MAP and (alike or not bundle.takes_image)
    else:
        fits = is_map(output)
    return {output.name: "image"} if fits else None


def _doubts(bundle: ModelBundle) -> tuple[str, ...]:
    """One value a place of a colour picture, straight from a layer, may be how much it is foreground."""
    output = bundle.output("image")
    coloured = [spec for spec in bundle.inputs if spec.is_image and spec.channels == 3]
    if bundle.declared or not output.is_image or output.channels != 1 or len(coloured) != 1:
        return ()
    producer = bundle.facts.producer(output.name)
    if coloured[0].size != output.size or told_activation(producer, "sigmoid") != "sigmoid":
        return ()
    doubt = (
        "gives one value for each pixel of a colour picture, taken for a grey picture; where it is a "
        'mask of the foreground, write task = "segment" in a bundle.toml, else task = "generate"'
    )
    return (doubt,)


def _adapter(bundle: ModelBundle, options: ImageDecoding) -> Adapter[RealPicture]:
    """Reads the real values; which of them are black and white the caller may have to learn."""
    spec = bundle.output("image")
    if not spec.is_image:
        raise ModelError(
            f"{bundle.name}: the output {spec} has not the shape (1, height, width, 3 or 1)"
        )
    told = told_range(bundle, spec) if options.range == "auto" else options.range
    channels_first = _channels_first(spec)

    def read(outputs: Outputs) -> RealPicture:
        values = real_values(spec, outputs[spec.name])
        return RealPicture(values.transpose(1, 2, 0) if channels_first else values, told)

    return Adapter(read)


IMAGE = Layout(
    name="image",
    task="generate",
    says="a picture in colour or grey",
    reading=RealPicture,
    meanings=("image",),
    recognise=_recognise,
    adapter=_adapter,
    options=ImageDecoding,
    doubts=_doubts,
)
