"""The objects of a .tflite file, read into memory to be changed and written again.

They are of the classes that are generated from TFLite's schema and ship with the runtime.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.builtin.tflite.file import find_schema
from edge_vision.data.errors import ModelError

ALIGNED = 16
"""Constants begin at multiples of so many bytes, as the schema demands."""

_IDENTIFIER = b"TFL3"
_NOWHERE = 1
"""Up to this number a buffer's offset says that nothing is kept behind the file's objects."""


class Objects:
    """The objects of a file with one graph.

    schema  the module with their classes
    model   the file's own
    graph   the only one in it
    """

    def __init__(self, content: bytes) -> None:
        """Read a file that was opened before, so that it is whole.

        Raises ModelError, without the file's name, where it is of a kind that cannot be changed.
        """
        schema = find_schema()
        if schema is None:
            raise ModelError("cannot be rewritten: that needs ai-edge-litert, or tensorflow, installed")
        self.schema: Any = schema
        self.model: Any = schema.ModelT.InitFromPackedBuf(content, 0)
        if len(self.model.subgraphs) != 1:
            raise ModelError(
                f"cannot be rewritten: it has {len(self.model.subgraphs)} graphs, which call others"
            )
        if any(buffer.offset > _NOWHERE for buffer in self.model.buffers):
            raise ModelError("cannot be rewritten: its constants lie behind the objects of the file")
        (self.graph,) = self.model.subgraphs
        self._size = len(content)
        self._names = {
            number: name
            for name, number in vars(schema.BuiltinOperator).items()
            if isinstance(number, int)
        }

    def packed(self) -> bytes:
        """The file of the objects as they are now."""
        builder = _aligning_builder(4 * self._size)
        builder.Finish(self.model.Pack(builder), _IDENTIFIER)
        return bytes(builder.Output())

    def name(self, operator: Any) -> str:
        """The name of an operator; a custom one goes by its own."""
        code = self.model.operatorCodes[operator.opcodeIndex]
        name = self._names.get(max(code.builtinCode, code.deprecatedBuiltinCode), "?")
        return (code.customCode or b"?").decode(errors="replace") if name == "CUSTOM" else str(name)

    def is_quantised(self, index: int) -> bool:
        """True for a tensor of integers that stand for real values."""
        tensor, types = self.graph.tensors[index], self.schema.TensorType
        scales = array_of(tensor.quantization.scale) if tensor.quantization is not None else ()
        integers = (types.INT8, types.UINT8, types.INT16, types.INT32, types.INT64, types.INT4)
        return len(scales) > 0 and tensor.type in integers

    def constant(self, index: int) -> NDArray[np.uint8]:
        """The bytes of a constant, none for what is computed."""
        return array_of(self.model.buffers[self.graph.tensors[index].buffer].data).astype(np.uint8)

    def range_of(self, index: int) -> tuple[float, float, float]:
        """Scale of a tensor that is computed, and the least and largest real values that it can have."""
        tensor = self.graph.tensors[index]
        scale = float(array_of(tensor.quantization.scale)[0])
        zero_points = array_of(tensor.quantization.zeroPoint)
        zero = float(zero_points[0]) if len(zero_points) else 0.0
        ends = np.iinfo(_type_of(self.schema, tensor.type))
        return scale, scale * (ends.min - zero), scale * (ends.max - zero)

    def new_like(self, index: int, ending: bytes, kind: int, quantisation: Any = None) -> int:
        """The index of a new tensor of another one's shape."""
        model, tensor = self.graph.tensors[index], self.schema.TensorT()
        tensor.name = text_of(model.name).encode() + ending
        tensor.shape, tensor.shapeSignature, tensor.hasRank = (
            model.shape,
            model.shapeSignature,
            model.hasRank,
        )
        tensor.type, tensor.quantization, tensor.buffer = kind, quantisation, 0
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def new_operator(self, name: str, source: int, target: int) -> Any:
        """A built-in operator from one tensor to another, which is not in the graph yet."""
        operator = self.schema.OperatorT()
        operator.opcodeIndex = self._code(name)
        operator.inputs, operator.outputs = np.array([source], np.int32), np.array([target], np.int32)
        return operator

    def _code(self, name: str) -> int:
        """The index of a built-in operator's code; a new one where there is none."""
        number = getattr(self.schema.BuiltinOperator, name)
        for index, code in enumerate(self.model.operatorCodes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == number:
                return index
        code = self.schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = number
        code.version = 1
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    def replace_constant(self, index: int, values: NDArray[Any]) -> None:
        """Give a tensor other values, in a buffer of its own."""
        buffer = self.schema.BufferT()
        buffer.data = np.ascontiguousarray(values).view(np.uint8).reshape(-1)
        self.model.buffers.append(buffer)
        self.graph.tensors[index].buffer = len(self.model.buffers) - 1

    def integers(self, index: int) -> NDArray[Any]:
        """The integers of a constant, in its shape; empty for what is computed."""
        tensor, raw = self.graph.tensors[index], self.constant(index)
        if not len(raw):
            return raw
        return raw.view(_type_of(self.schema, tensor.type)).reshape(indices_of(tensor.shape))

    def drop_old_constants(self) -> None:
        """Empty the buffers that nothing names any more."""
        named = {tensor.buffer for tensor in self.graph.tensors}
        named |= {entry.buffer for entry in self.model.metadata or ()}
        for index, buffer in enumerate(self.model.buffers):
            if index not in named:
                buffer.data = None


def _aligning_builder(size: int) -> Any:
    builder: Any = import_module("flatbuffers").Builder

    class Aligning(builder):  # type: ignore[misc]
        """Puts arrays at multiples of ALIGNED bytes."""

        def CreateNumpyVector(self, values: NDArray[Any]) -> Any:  # noqa: N802 - the library's name
            self.Prep(ALIGNED, values.nbytes)
            return super().CreateNumpyVector(values)

    return Aligning(size)


def _type_of(schema: Any, number: int) -> np.dtype[Any]:
    types = vars(schema.TensorType).items()
    return np.dtype(str(next(name.lower() for name, value in types if value == number)))


def indices_of(values: Any) -> list[int]:
    """Indices as a list; empty where there are none."""
    return [int(value) for value in array_of(values)]


def array_of(values: Any) -> NDArray[Any]:
    """What the classes give for an array, which is None or a number where there is none."""
    return np.empty(0) if values is None or np.ndim(values) == 0 else np.asarray(values)


def text_of(name: bytes | str | None) -> str:
    """A name as a text."""
    return name if isinstance(name, str) else (name or b"").decode(errors="replace")
