"""Real .tflite models of one operator, written byte by byte without TensorFlow.

LiteRT ships the FlatBuffers classes of the format; a model is one subgraph, its tensors (each with a
buffer, empty where the runtime allocates it) and its operators.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

_TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "uint8": schema.TensorType.UINT8,
    "int8": schema.TensorType.INT8,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
}
_OPTIONS = {"RESHAPE": "ReshapeOptions", "MEAN": "ReducerOptions", "GATHER": "GatherOptions"}


class TinyModel:
    """A model under construction: add tensors and operators, then write it."""

    def __init__(self) -> None:
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._codes: list[Any] = []
        self._buffers = [schema.BufferT()]

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str = "float32",
        *,
        quantisation: tuple[float, int] | None = None,
        value: NDArray[Any] | None = None,
        signature: Sequence[int] | None = None,
    ) -> int:
        """Add a tensor and give its index; `value` makes it constant, -1 in `signature` an open side."""
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name.encode(), list(shape), _TYPES[dtype]
        tensor.shapeSignature = None if signature is None else list(signature)
        if quantisation is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = (
                [quantisation[0]],
                [quantisation[1]],
            )
        if value is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(value.astype(dtype).tobytes(), dtype=np.uint8)
            tensor.buffer = len(self._buffers)
            self._buffers.append(buffer)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def operator(self, name: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any) -> None:
        """Add an operator such as "RESHAPE"; options are fields of its FlatBuffers table."""
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self._codes)
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        table = _OPTIONS[name]
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, table)
        operator.builtinOptions = getattr(schema, f"{table}T")()
        for field, value in options.items():
            setattr(operator.builtinOptions, field, value)
        self._codes.append(code)
        self._graph.operators.append(operator)

    def write(self, path: Path, inputs: Sequence[int], outputs: Sequence[int]) -> Path:
        """Write the model with these tensors as its inputs and outputs."""
        self._graph.inputs, self._graph.outputs = list(inputs), list(outputs)
        model = schema.ModelT()
        model.version, model.operatorCodes = 3, self._codes
        model.subgraphs, model.buffers = [self._graph], self._buffers
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        path.write_bytes(bytes(builder.Output()))
        return path


def copying(
    path: Path,
    shape: Sequence[int],
    output_shape: Sequence[int] | None = None,
    dtype: str = "float32",
    *,
    quantisation: tuple[float, int] | None = None,
    signature: Sequence[int] | None = None,
    names: tuple[str, str] = ("input", "output"),
) -> Path:
    """A model whose output is its input, in another shape of as many values where one is given."""
    target = list(shape if output_shape is None else output_shape)
    model = TinyModel()
    source = model.tensor(names[0], shape, dtype, quantisation=quantisation, signature=signature)
    wanted = model.tensor("shape", [len(target)], "int32", value=np.array(target))
    result = model.tensor(names[1], target, dtype, quantisation=quantisation)
    model.operator("RESHAPE", [source, wanted], [result], newShape=target)
    return model.write(path, [source], [result])


def averaging(path: Path, height: int = 4, width: int = 4) -> Path:
    """A classifier (1, height, width, 3) -> (1, 3): the mean of each channel, red first."""
    model = TinyModel()
    image = model.tensor("image", [1, height, width, 3])
    axes = model.tensor("axes", [2], "int32", value=np.array([1, 2]))
    means = model.tensor("means", [1, 3])
    model.operator("MEAN", [image, axes], [means])
    return model.write(path, [image], [means])


def looking_up(path: Path) -> Path:
    """A model that gives the entry of a table of three at its input (1,) int32; fails outside of it."""
    model = TinyModel()
    table = model.tensor("table", [3], value=np.array([10.0, 20.0, 30.0]))
    index = model.tensor("index", [1], "int32")
    entry = model.tensor("entry", [1])
    model.operator("GATHER", [table, index], [entry])
    return model.write(path, [index], [entry])


def twins(path: Path) -> Path:
    """A model of two inputs named x and two outputs named y, which are copies in reverse order."""
    model = TinyModel()
    inputs = [model.tensor("x", [1, 2]) for _ in range(2)]
    shape = model.tensor("shape", [2], "int32", value=np.array([1, 2]))
    outputs = [model.tensor("y", [1, 2]) for _ in range(2)]
    for source, result in zip(inputs, reversed(outputs), strict=True):
        model.operator("RESHAPE", [source, shape], [result], newShape=[1, 2])
    return model.write(path, inputs, outputs)


def detecting(path: Path, count: int = 5, classes: int = 3) -> Path:
    """A detector (1, 8, 8, 3) -> boxes (1, count, 4), scores (1, count, classes), always the same."""
    model = TinyModel()
    image = model.tensor("image", [1, 8, 8, 3], "uint8")
    outputs = []
    for name, last in (("boxes", 4), ("scores", classes)):
        shape = [1, count, last]
        value = np.linspace(0.0, 1.0, count * last)
        constant = model.tensor(f"{name}_values", [count * last], value=value)
        wanted = model.tensor(f"{name}_shape", [3], "int32", value=np.array(shape))
        outputs.append(model.tensor(name, shape))
        model.operator("RESHAPE", [constant, wanted], [outputs[-1]], newShape=shape)
    return model.write(path, [image], outputs)
