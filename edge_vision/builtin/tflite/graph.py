"""The graph in a .tflite file: its tensors and operators, and what kind of memory it has.

It is read through the classes that are generated from TFLite's schema and ship with the runtime. The
file must have passed check_model, so that nothing they follow leads out of it.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.builtin.tflite.runtime import unique_names
from edge_vision.contracts.file_facts import Signature
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ModelError

STEPPING = frozenset(("LSTM", "RNN", "SVDF"))
"""Operators with a state that take one step a run."""

SEQUENCES = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
    "BIDIRECTIONAL_SEQUENCE_LSTM": "BidirectionalSequenceLSTMOptions",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNNOptions",
    "BIDIRECTIONAL_SEQUENCE_RNN": "BidirectionalSequenceRNNOptions",
}
"""Operators that take a whole sequence, and the tables that say along which side it runs."""

CALLS = {
    "WHILE": ("WhileOptions", ("CondSubgraphIndex", "BodySubgraphIndex")),
    "IF": ("IfOptions", ("ThenSubgraphIndex", "ElseSubgraphIndex")),
    "CALL": ("CallOptions", ("Subgraph",)),
}
"""Operators that run another graph, and the fields that say which."""

_CONSTANTS = ("float32", "float16", "int8", "uint8", "int16", "int32", "int64")

_NOWHERE = 1
"""Up to this number a buffer's offset says that nothing is kept behind the file's objects."""

_LONGEST_OPTIONS = 4096
"""Bytes of a custom operator's options that are looked at; those that are known take below 200."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: its name, the indices of its tensors (-1 for an input left out), and its table."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    table: Any


class Graph:
    """The first graph of a model, the one that is run.

    operators        in the order in which they run
    inputs, outputs  indices of their tensors by the unique names that the interpreter's have too
    """

    def __init__(self, schema: Any, content: bytes) -> None:
        """Read the first graph of a file of the schema; raises ModelError where it makes no sense."""
        self._schema = schema
        self._content = content
        self._model = model = schema.Model.GetRootAs(content, 0)
        if not model.SubgraphsLength():
            raise ModelError("is damaged: it has no graph")
        self._graph = model.Subgraphs(0)
        self._names_of_codes = self._read_codes()
        self.operators = tuple(self._operators_of(self._graph))
        self.inputs = self._named(_integers(self._graph.InputsAsNumpy()))
        self.outputs = self._named(_integers(self._graph.OutputsAsNumpy()))

    def operator_counts(self) -> Mapping[str, int]:
        """How many there are of each operator, in all graphs."""
        graphs = (self._model.Subgraphs(i) for i in range(self._model.SubgraphsLength()))
        return dict(Counter(each.name for graph in graphs for each in self._operators_of(graph)))

    def signatures(self) -> tuple[Signature, ...]:
        """The named ways to call this graph, with the names that its tensors have here."""
        read = [self._model.SignatureDefs(i) for i in range(self._model.SignatureDefsLength())]
        return tuple(
            Signature(
                _text(each.SignatureKey()),
                _mapped(each.Inputs, each.InputsLength(), self.inputs),
                _mapped(each.Outputs, each.OutputsLength(), self.outputs),
            )
            for each in read
            if each.SubgraphIndex() == 0
        )

    def variables(self) -> Mapping[str, int]:
        """Indices of the tensors that keep their values from run to run, by names of their own."""
        kept = [i for i in range(self._graph.TensorsLength()) if self._graph.Tensors(i).IsVariable()]
        names = [_text(self._graph.Tensors(index).Name()) for index in kept]
        return dict(zip(unique_names(names, {*self.inputs, *self.outputs}), kept, strict=True))

    def time_steps(self) -> int:
        """Steps that one run of its recurrent operators takes, 0 without one."""
        steps = [self._steps(operator) for operator in self.operators if operator.name in SEQUENCES]
        single = any(operator.name in STEPPING for operator in self.operators)
        return max(steps, default=int(single))

    def changes_resources(self) -> bool:
        """True where a run changes a variable that is kept as a resource.

        The graph of a CALL_ONCE does not count: it sets variables before the first run.
        """
        return any(
            operator.name == "ASSIGN_VARIABLE"
            for index in self._reached_graphs()
            for operator in self._operators_of(self._model.Subgraphs(index))
        )

    def metadata(self, name: str) -> bytes:
        """The content of an entry of the file's metadata, empty without it."""
        for index in range(self._model.MetadataLength()):
            entry = self._model.Metadata(index)
            if _text(entry.Name()) == name:
                return self._buffer(entry.Buffer()).tobytes()
        return b""

    def spec(self, name: str, index: int) -> TensorSpec:
        """What is known of a tensor."""
        tensor = self._tensor(index)
        scales, zero_points = self._scales(index)
        return TensorSpec(
            name,
            _integers(tensor.ShapeAsNumpy()),
            self._kind(tensor),
            Quantisation(float(scales[0]), int(zero_points[0])) if len(scales) == 1 else None,
        )

    def constant(self, index: int) -> NDArray[np.float64] | None:
        """The real values of a constant, flat; None where a tensor is none, or stored in rare ways."""
        tensor = self._tensor(index)
        raw, kind = self._buffer(tensor.Buffer()), self._kind(tensor)
        if kind not in _CONSTANTS or not len(raw) or len(raw) % np.dtype(kind).itemsize:
            return None
        values = raw.view(kind).astype(np.float64)
        scales, zero_points = self._scales(index)
        if len(scales) in (1, len(values)):
            values = (values - zero_points) * scales
        elif len(scales):
            return None
        return values if np.isfinite(values).all() else None

    def custom_option(self, operator: Operator, key: str) -> int:
        """A whole number in the options of a custom operator, 0 where it is not there.

        They are bytes that mean what the operator likes. Most hold a map in FlexBuffers' format, which
        nothing has checked, so whatever fails while it is read says that it is none.
        """
        raw = _array(operator.table.CustomOptionsAsNumpy())
        if not 0 < len(raw) <= _LONGEST_OPTIONS:
            return 0
        try:
            value = import_module("flatbuffers.flexbuffers").GetRoot(raw.tobytes()).AsMap[key]
            return int(value.AsInt) if value.IsInt else 0
        except (LookupError, ValueError, TypeError, ArithmeticError, struct.error):
            return 0

    def _operators_of(self, graph: Any) -> Iterator[Operator]:
        for index in range(graph.OperatorsLength()):
            table = graph.Operators(index)
            code = table.OpcodeIndex()
            name = self._names_of_codes[code] if code < len(self._names_of_codes) else f"CODE_{code}"
            inputs, outputs = _integers(table.InputsAsNumpy()), _integers(table.OutputsAsNumpy())
            yield Operator(name, inputs, outputs, table)

    def _read_codes(self) -> list[str]:
        """The operators' names by their index; a custom one goes by its own."""
        names = _names(self._schema.BuiltinOperator)
        codes = []
        for index in range(self._model.OperatorCodesLength()):
            code = self._model.OperatorCodes(index)
            # Up to 126 both may stand in either field, after which only the newer one is wide enough.
            number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
            name = names.get(number, f"OPERATOR_{number}")
            codes.append(_text(code.CustomCode()) or name if name == "CUSTOM" else name)
        return codes

    def _named(self, indices: tuple[int, ...]) -> Mapping[str, int]:
        names = unique_names([_text(self._tensor(index).Name()) for index in indices])
        return dict(zip(names, indices, strict=True))

    def _tensor(self, index: int) -> Any:
        if not 0 <= index < self._graph.TensorsLength():
            raise ModelError(f"is damaged: it names a tensor {index}, which it does not have")
        return self._graph.Tensors(index)

    def _kind(self, tensor: Any) -> str:
        return _names(self._schema.TensorType).get(tensor.Type(), "unknown").lower()

    def _scales(self, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Scales and zero points of a tensor, as many as one another; empty where it is plain."""
        table = self._tensor(index).Quantization()
        if table is None:
            return _array(0), _array(0)
        scales, zero_points = _array(table.ScaleAsNumpy()), _array(table.ZeroPointAsNumpy())
        return scales, np.resize(zero_points, len(scales)) if len(zero_points) else 0 * scales

    def _buffer(self, index: int) -> NDArray[np.uint8]:
        if not 0 <= index < self._model.BuffersLength():
            raise ModelError(f"is damaged: it names a buffer {index}, which it does not have")
        buffer = self._model.Buffers(index)
        start, size = buffer.Offset(), buffer.Size()
        if start <= _NOWHERE:
            return _array(buffer.DataAsNumpy()).astype(np.uint8, copy=False)
        if start + size > len(self._content):
            raise ModelError(f"is damaged: its buffer {index} lies beyond its end")
        return np.frombuffer(self._content, np.uint8, size, start)

    def _steps(self, operator: Operator) -> int:
        shape = self.spec("", operator.inputs[0]).shape if operator.inputs else ()
        if len(shape) != 3:
            return 1
        options = self._options(operator, SEQUENCES[operator.name])
        return shape[0] if options is not None and options.TimeMajor() else shape[1]

    def _reached_graphs(self) -> set[int]:
        """The graphs that a run may run: the first, and what its loops and branches call."""
        reached: set[int] = set()
        waiting = [0]
        while waiting:
            index = waiting.pop()
            if index in reached or not 0 <= index < self._model.SubgraphsLength():
                continue
            reached.add(index)
            for operator in self._operators_of(self._model.Subgraphs(index)):
                table, fields = CALLS.get(operator.name, ("", ()))
                options = self._options(operator, table) if table else None
                waiting += [getattr(options, field)() for field in fields if options is not None]
        return reached

    def _options(self, operator: Operator, table: str) -> Any:
        """The options of an operator, None where they are of another kind."""
        if operator.table.BuiltinOptionsType() != getattr(self._schema.BuiltinOptions, table):
            return None
        union, options = operator.table.BuiltinOptions(), getattr(self._schema, table)()
        if union is not None:
            options.Init(union.Bytes, union.Pos)
        return options if union is not None else None


def _names(enumeration: Any) -> Mapping[int, str]:
    return {number: name for name, number in vars(enumeration).items() if isinstance(number, int)}


def _text(raw: bytes | None) -> str:
    """A name as the runtime tells it: up to the first zero byte."""
    return (raw or b"").partition(b"\0")[0].decode("utf-8", errors="replace")


def _array(values: Any) -> NDArray[Any]:
    """What the generated classes give for an array, which is the number 0 where there is none."""
    return values if isinstance(values, np.ndarray) else np.empty(0)


def _integers(values: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in _array(values))


def _mapped(entry: Callable[[int], Any], count: int, tensors: Mapping[str, int]) -> Mapping[str, str]:
    """A signature's names with those of the tensors behind them."""
    names = {index: name for name, index in tensors.items()}
    entries = [entry(number) for number in range(count)]
    return {
        _text(each.Name()): names[each.TensorIndex()] for each in entries if each.TensorIndex() in names
    }
