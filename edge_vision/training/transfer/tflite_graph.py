"""The graph of a .tflite file as training reads it: operators in order, constants as real values."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.labels import reason
from edge_vision.contracts.regular_file import read_model_file
from edge_vision.contracts.tensors import Quantisation
from edge_vision.data.errors import ModelError, suggestion
from edge_vision.training.export.flatbuffer import IDENTIFIER, operator_name, parsed, schema, text_of

_DAMAGE = (struct.error, ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError)
"""What the generated classes raise where a file is not what its offsets promise."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: its place in the file, its name, indices of tensors (-1: left out), its options."""

    place: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any

    @property
    def called(self) -> str:
        """What its layer is called, such as op3_conv_2d: the same whenever the file is read."""
        return f"op{self.place}_{self.name.lower()}"


class TfliteGraph:
    """The graph that a .tflite file runs.

    operators  in the order in which they run
    input      index of the only input
    outputs    indices of the outputs
    """

    def __init__(self, file: Path) -> None:
        """Read a file; raises ModelError where it cannot be."""
        self.file = file
        try:
            content = read_model_file(file)
        except OSError as error:
            raise ModelError(f"{file}: {reason(error)}") from None
        if content[4:8] != IDENTIFIER:
            raise ModelError(f"{file}: not a TFLite model (no {IDENTIFIER.decode()} at its fifth byte)")
        try:
            self._model = parsed(content)
            self._graph = self._model.subgraphs[0]
            self.operators = tuple(self._operators())
            self.outputs = tuple(int(index) for index in self._graph.outputs)
            inputs = [int(index) for index in self._graph.inputs]
        except _DAMAGE as error:
            raise ModelError(f"{file}: is damaged ({error}); copy it again") from None
        if len(inputs) != 1:
            raise ModelError(
                f"{file}: takes {len(inputs)} inputs; only what takes one can be learnt from"
            )
        self.input = inputs[0]

    def name(self, index: int) -> str:
        """A tensor's name."""
        return text_of(self._graph.tensors[index].name)

    def shape(self, index: int) -> tuple[int, ...]:
        """A tensor's shape, the batch of 1 first."""
        shape = self._graph.tensors[index].shape
        return () if shape is None else tuple(int(side) for side in shape)

    def dtype(self, index: int) -> str:
        """What a tensor is stored as, by numpy's name."""
        return _TYPES.get(self._graph.tensors[index].type, "unknown")

    def quantisation(self, index: int) -> Quantisation | None:
        """How a whole tensor is quantised; None where it is not, or channel by channel."""
        scales, zero_points = self._scales(index)
        if len(scales) != 1:
            return None
        return Quantisation(float(scales[0]), int(zero_points[0]))

    def is_constant(self, index: int) -> bool:
        """True for a tensor whose values are in the file, as they are or through a DEQUANTIZE."""
        return index >= 0 and (self._stored(index) is not None or index in self._dequantised)

    def constant(self, index: int) -> NDArray[Any]:
        """The real values of a constant in its shape: float32, or int64 of whole numbers that count."""
        index = self._dequantised.get(index, index)
        raw, dtype, shape = self._stored(index), self.dtype(index), self.shape(index)
        size = int(np.prod(shape))
        if raw is None or dtype not in _STORED or raw.nbytes != size * np.dtype(dtype).itemsize:
            raise ModelError(f"{self.file}: the constant {self.name(index)} ({dtype}) cannot be read")
        values = raw.view(dtype).reshape(shape)
        scales, zero_points = self._scales(index)
        if not len(scales):
            return values.astype(np.float32 if values.dtype.kind == "f" else np.int64)
        if len(scales) > 1:
            axis = int(self._graph.tensors[index].quantization.quantizedDimension)
            axis = axis if axis < len(shape) else 0  # biases are often marked like their kernels
            sides = [len(scales) if side == axis else 1 for side in range(len(shape))]
            scales, zero_points = scales.reshape(sides), zero_points.reshape(sides)
        return ((values.astype(np.float64) - zero_points) * scales).astype(np.float32)

    def bytes_a_value(self, index: int) -> int:
        """In how many bytes each value of a tensor is stored; 0 where it is no constant."""
        index = self._dequantised.get(index, index)
        return np.dtype(self.dtype(index)).itemsize if self._stored(index) is not None else 0

    def index_of(self, name: str) -> int:
        """The tensor of a name that an operator makes; raises ModelError where there is none."""
        made = {self.name(index): index for each in self.operators for index in each.outputs}
        if name not in made:
            raise ModelError(f"{self.file}: has no tensor {name}{suggestion(name, made)}")
        return made[name]

    def needed_for(self, index: int) -> tuple[Operator, ...]:
        """The operators that a tensor depends on, in their order; those that make constants left out."""
        wanted, chosen = {index}, []
        for operator in reversed(self.operators):
            if not wanted.isdisjoint(operator.outputs) and not self._makes_constant(operator):
                chosen.append(operator)
                wanted.update(operator.inputs)
        return tuple(reversed(chosen))

    @cached_property
    def _dequantised(self) -> dict[int, int]:
        """Constants that are stored in float16 or bytes behind those that a DEQUANTIZE makes of them."""
        return {
            each.outputs[0]: each.inputs[0]
            for each in self.operators
            if each.name == "DEQUANTIZE" and self._stored(each.inputs[0]) is not None
        }

    def _makes_constant(self, operator: Operator) -> bool:
        return operator.outputs[0] in self._dequantised

    def _operators(self) -> Iterable[Operator]:
        for place, each in enumerate(self._graph.operators):
            yield Operator(
                place,
                operator_name(self._model, each),
                tuple(int(index) for index in each.inputs),
                tuple(int(index) for index in each.outputs),
                each.builtinOptions,
            )

    def _stored(self, index: int) -> NDArray[np.uint8] | None:
        data = self._model.buffers[self._graph.tensors[index].buffer].data
        return None if data is None or not len(data) else np.ascontiguousarray(data, np.uint8)

    def _scales(self, index: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Scales and zero points of a tensor, as many as one another; empty where it is plain."""
        table = self._graph.tensors[index].quantization
        scales = np.zeros(0) if table is None or table.scale is None else np.asarray(table.scale, float)
        points = None if table is None else table.zeroPoint
        if points is None or not len(points):
            return scales, np.zeros(len(scales), np.int64)
        return scales, np.resize(np.asarray(points, np.int64), len(scales))


_STORED = ("float32", "float16", "int8", "uint8", "int16", "int32", "int64")
_TYPES: dict[int, str] = {
    number: name.lower() for name, number in vars(schema().TensorType).items() if name.isupper()
}
