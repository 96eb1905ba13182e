"""Real .tflite models of one operator, written byte by byte without TensorFlow.

LiteRT ships the FlatBuffers classes of the format; a model is one subgraph, its tensors (each with a
buffer, empty where the runtime allocates it) and its operators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    "bool": schema.TensorType.BOOL,
    "resource": schema.TensorType.RESOURCE,
}
_OPTIONS = {
    "RESHAPE": "ReshapeOptions",
    "MEAN": "ReducerOptions",
    "GATHER": "GatherOptions",
    "ADD": "AddOptions",
    "CONV_2D": "Conv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "SUB": "SubOptions",
    "MUL": "MulOptions",
    "DIV": "DivOptions",
    "CAST": "CastOptions",
    "QUANTIZE": "QuantizeOptions",
    "DEQUANTIZE": "DequantizeOptions",
    "SVDF": "SVDFOptions",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNNOptions",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
    "VAR_HANDLE": "VarHandleOptions",
    "READ_VARIABLE": "ReadVariableOptions",
    "ASSIGN_VARIABLE": "AssignVariableOptions",
    "CALL_ONCE": "CallOnceOptions",
    "ARG_MAX": "ArgMaxOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "WHILE": "WhileOptions",
    "GREATER_EQUAL": "GreaterEqualOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
}


class TinyModel:
    """A model under construction: add tensors and operators, then write it."""

    def __init__(self) -> None:
        self._graph = _empty_graph()
        self._graphs = [self._graph]
        self._codes: list[Any] = []
        self._buffers = [schema.BufferT()]
        self._metadata: list[Any] = []
        self._signatures: list[Any] = []

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str = "float32",
        *,
        quantisation: tuple[float | Sequence[float], int] | None = None,
        side: int = 0,
        value: NDArray[Any] | None = None,
        signature: Sequence[int] | None = None,
        variable: bool = False,
    ) -> int:
        """Add a tensor and give its index; `value` makes it constant, -1 in `signature` an open side.

        Of several scales in `quantisation`, each is of one place along the `side`.
        """
        tensor = schema.TensorT()
        tensor.isVariable = variable
        tensor.name, tensor.shape, tensor.type = name.encode(), list(shape), _TYPES[dtype]
        tensor.shapeSignature = None if signature is None else list(signature)
        if quantisation is not None:
            tensor.quantization = schema.QuantizationParametersT()
            scale, zero_point = quantisation
            scales = [scale] if isinstance(scale, int | float) else list(scale)
            tensor.quantization.scale = scales
            tensor.quantization.zeroPoint = [zero_point] * len(scales)
            tensor.quantization.quantizedDimension = side
        if value is not None:
            tensor.buffer = self._buffer(value.astype(dtype).tobytes())
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def operator(self, name: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any) -> None:
        """Add an operator such as "RESHAPE"; options are fields of its FlatBuffers table."""
        operator = self._operator(getattr(schema.BuiltinOperator, name), inputs, outputs)
        table = _OPTIONS[name]
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, table)
        operator.builtinOptions = getattr(schema, f"{table}T")()
        for field, value in options.items():
            setattr(operator.builtinOptions, field, value)

    def custom(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], options: bytes = b""
    ) -> None:
        """Add an operator that is no part of TFLite."""
        operator = self._operator(schema.BuiltinOperator.CUSTOM, inputs, outputs)
        operator.customOptions = np.frombuffer(options, dtype=np.uint8) if options else None
        self._codes[-1].customCode = name.encode()

    def begin_graph(self) -> int:
        """Begin a further graph, such as the one of a CALL_ONCE; gives its index."""
        self._graph = _empty_graph()
        self._graphs.append(self._graph)
        return len(self._graphs) - 1

    def end_graph(self, inputs: Sequence[int] = (), outputs: Sequence[int] = ()) -> None:
        """End the further graph and go on with the first."""
        self._graph.inputs, self._graph.outputs = list(inputs), list(outputs)
        self._graph = self._graphs[0]

    def signature(self, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> None:
        """Add a way to call it, with names for callers."""
        signature = schema.SignatureDefT()
        signature.signatureKey = b"serving_default"
        signature.inputs, signature.outputs = _tensor_maps(inputs), _tensor_maps(outputs)
        self._signatures.append(signature)

    def metadata(self, content: bytes, name: str = "TFLITE_METADATA") -> None:
        """Add an entry of metadata."""
        entry = schema.MetadataT()
        entry.name, entry.buffer = name.encode(), self._buffer(content)
        self._metadata.append(entry)

    def write(self, path: Path, inputs: Sequence[int], outputs: Sequence[int]) -> Path:
        """Write the model with these tensors as its inputs and outputs."""
        self._graphs[0].inputs, self._graphs[0].outputs = list(inputs), list(outputs)
        model = schema.ModelT()
        model.version, model.operatorCodes = 3, self._codes
        model.subgraphs, model.buffers = self._graphs, self._buffers
        model.metadata, model.signatureDefs = self._metadata, self._signatures
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        path.write_bytes(bytes(builder.Output()))
        return path

    def _buffer(self, content: bytes) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(content, dtype=np.uint8)
        self._buffers.append(buffer)
        return len(self._buffers) - 1

    def _operator(self, number: int, inputs: Sequence[int], outputs: Sequence[int]) -> Any:
        code = schema.OperatorCodeT()
        code.builtinCode = number
        code.deprecatedBuiltinCode, code.version = min(number, 127), 1
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self._codes)
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        self._codes.append(code)
        self._graph.operators.append(operator)
        return operator


def _empty_graph() -> Any:
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = [], []
    return graph


def _tensor_maps(tensors: Mapping[str, int]) -> list[Any]:
    maps = []
    for name, index in tensors.items():
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name.encode(), index
        maps.append(entry)
    return maps


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


def averaging(
    path: Path,
    height: int = 4,
    width: int = 4,
    dtype: str = "float32",
    *,
    names: tuple[str, str] = ("image", "means"),
    called: tuple[str, str] | None = None,
) -> Path:
    """A classifier (1, height, width, 3) -> (1, 3): the mean of each channel, red first.

    dtype   of its input and output; bytes stand for 0 to 1
    called  names that a signature gives them
    """
    stored = {"uint8": (1 / 255, 0), "int8": (1 / 255, -128)}.get(dtype)
    model = TinyModel()
    image = model.tensor(names[0], [1, height, width, 3], dtype, quantisation=stored)
    axes = model.tensor("axes", [2], "int32", value=np.array([1, 2]))
    means = model.tensor(names[1], [1, 3], dtype, quantisation=stored)
    model.operator("MEAN", [image, axes], [means])
    if called is not None:
        model.signature({called[0]: image}, {called[1]: means})
    return model.write(path, [image], [means])


def enlarging(path: Path, side: int = 8, channels: int = 1) -> Path:
    """A generator that gives each pixel of a picture (1, side, side, channels) four times."""
    model = TinyModel()
    image = model.tensor("image", [1, side, side, channels], "uint8")
    size = model.tensor("size", [2], "int32", value=np.array([2 * side, 2 * side]))
    picture = model.tensor("picture", [1, 2 * side, 2 * side, channels], "uint8")
    model.operator("RESIZE_NEAREST_NEIGHBOR", [image, size], [picture])
    return model.write(path, [image], [picture])


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


def accumulating(path: Path, *, steps: int = 1, values: int = 2) -> Path:
    """A sequence model (1, steps, values) -> the same: each step adds the input to what it summed up.

    It is an RNN, h = x + h, whose state is a variable tensor named "hidden" (1, values).
    """
    model = TinyModel()
    source = model.tensor("steps", [1, steps, values])
    one = np.eye(values)
    weights = model.tensor("weights", [values, values], value=one)
    recurrent = model.tensor("recurrent", [values, values], value=one)
    bias = model.tensor("bias", [values], value=np.zeros(values))
    hidden = model.tensor("hidden", [1, values], variable=True)
    sums = model.tensor("sums", [1, steps, values])
    inputs = [source, weights, recurrent, bias, hidden]
    model.operator("UNIDIRECTIONAL_SEQUENCE_RNN", inputs, [sums], timeMajor=False)
    return model.write(path, [source], [sums])


def counting(path: Path, *, assigned: bool = True) -> Path:
    """A model that gives how often it ran, as a resource variable, times its input (1,).

    assigned  False where the variable is set once and read only
    """
    model = TinyModel()
    source = model.tensor("in", [1])
    setting = model.begin_graph()
    zero = model.tensor("zero", [1], value=np.zeros(1))
    first = model.tensor("first handle", [1], "resource")
    model.operator("VAR_HANDLE", [], [first], sharedName="count")
    model.operator("ASSIGN_VARIABLE", [first, zero], [])
    model.end_graph()
    handle = model.tensor("handle", [1], "resource")
    before, after, result = (model.tensor(name, [1]) for name in ("before", "after", "out"))
    one = model.tensor("one", [1], value=np.ones(1))
    model.operator("CALL_ONCE", [], [], initSubgraphIndex=setting)
    model.operator("VAR_HANDLE", [], [handle], sharedName="count")
    model.operator("READ_VARIABLE", [handle], [before])
    model.operator("ADD", [before, one], [after])
    if assigned:
        model.operator("ASSIGN_VARIABLE", [handle, after], [])
    model.operator("MUL", [after, source], [result])
    return model.write(path, [source], [result])


def customised(path: Path, name: str = "PosenetDecoderOp") -> Path:
    """A model of one operator that TFLite does not know."""
    model = TinyModel()
    image = model.tensor("image", [1, 8, 8, 3])
    result = model.tensor("result", [1, 4])
    model.custom(name, [image], [result])
    return model.write(path, [image], [result])


def never_ending(path: Path) -> Path:
    """A model (1,) -> (1,) whose loop has no end."""
    model = TinyModel()
    source, result = model.tensor("in", [1]), model.tensor("out", [1])
    condition = model.begin_graph()
    value, zero = model.tensor("value", [1]), model.tensor("zero", [1], value=np.zeros(1))
    always = model.tensor("always", [1], "bool")
    model.operator("GREATER_EQUAL", [value, zero], [always])
    model.end_graph([value], [always])
    body = model.begin_graph()
    before, after = model.tensor("before", [1]), model.tensor("after", [1])
    one = model.tensor("one", [1], value=np.ones(1))
    model.operator("MUL", [before, one], [after])
    model.end_graph([before], [after])
    model.operator("WHILE", [source], [result], condSubgraphIndex=condition, bodySubgraphIndex=body)
    return model.write(path, [source], [result])


def multiplying(path: Path, count: int) -> Path:
    """A model (count,) -> (count, count) of all products, which takes 4 * count^2 bytes."""
    model = TinyModel()
    source = model.tensor("in", [count])
    shape = model.tensor("shape", [2], "int32", value=np.array([count, 1]))
    column, result = model.tensor("column", [count, 1]), model.tensor("out", [count, count])
    model.operator("RESHAPE", [source, shape], [column], newShape=[count, 1])
    model.operator("MUL", [source, column], [result])
    return model.write(path, [source], [result])
