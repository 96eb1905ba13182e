"""The notes in a .tflite file: what its TFLITE_METADATA says of it, of its inputs and its outputs.

Nobody maintains a reader of this part, so the tables are read by the numbers of their fields, from 0 in
the order of the published schema (tensorflow/lite/schema/metadata_schema.fbs).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from edge_vision.builtin.tflite.flatbuffer_check import Layouts, TableChecker, Unions
from edge_vision.contracts.file_facts import TensorNote
from edge_vision.contracts.tensors import PerChannel

TABLES: Layouts = {
    "ModelMetadata": {
        0: "text",
        1: "text",
        2: "text",
        3: "[SubGraphMetadata]",
        4: "text",
        5: "text",
        6: "[AssociatedFile]",
        7: "text",
    },
    "SubGraphMetadata": {
        0: "text",
        1: "text",
        2: "[TensorMetadata]",
        3: "[TensorMetadata]",
        4: "[AssociatedFile]",
    },
    "TensorMetadata": {
        0: "text",
        1: "text",
        2: "[text]",
        4: "[ProcessUnit]",
        6: "[AssociatedFile]",
    },
    "ProcessUnit": {1: "?ProcessUnitOptions"},
    "NormalizationOptions": {0: "*4", 1: "*4"},
    "AssociatedFile": {0: "text", 1: "text", 3: "text", 4: "text"},
}
_NORMALIZATION = 1
UNIONS: Unions = {"ProcessUnitOptions": {_NORMALIZATION: "NormalizationOptions"}}

_LABEL_FILES = (2, 3)
"""Types of associated files: TENSOR_AXIS_LABELS, TENSOR_VALUE_LABELS."""

_ABOUT = {"name": 0, "description": 1, "version": 2, "author": 4, "licence": 5}


@dataclass(frozen=True, slots=True)
class Notes:
    """What the metadata says.

    about    name, description, version, author, licence; those that are given
    inputs   a note for each input that has one, in the model's order
    outputs  likewise
    files    names of the files that should be packed
    """

    about: dict[str, str]
    inputs: tuple[TensorNote, ...] = ()
    outputs: tuple[TensorNote, ...] = ()
    files: tuple[str, ...] = ()


def read_notes(content: bytes) -> Notes:
    """What a buffer of TFLITE_METADATA says; raises ModelError where it is damaged."""
    TableChecker(content, TABLES, UNIONS).check("ModelMetadata")
    table = import_module("flatbuffers.table").Table
    model = _Table(table, content, int.from_bytes(content[:4], "little"))
    about = {name: model.text(field) for name, field in _ABOUT.items() if model.text(field)}
    graph = next(model.tables(3), None)
    if graph is None:
        return Notes(about, files=_file_names(model, 6))
    inputs, outputs = list(graph.tables(2)), list(graph.tables(3))
    of_tensors = [name for tensor in inputs + outputs for name in _file_names(tensor, 6)]
    files = (*_file_names(model, 6), *_file_names(graph, 4), *of_tensors)
    return Notes(
        about,
        tuple(_tensor_note(tensor) for tensor in inputs),
        tuple(_tensor_note(tensor) for tensor in outputs),
        tuple(dict.fromkeys(files)),
    )


class _Table:
    """A table of a FlatBuffer that was checked, its fields by number."""

    def __init__(self, kind: Any, content: bytes, place: int) -> None:
        self._kind = kind
        self._content = content
        self._table = kind(content, place)

    def text(self, field: int) -> str:
        """A text, empty where it is left out."""
        place = self._place(field)
        raw: bytes = self._table.String(place) if place else b""
        return raw.decode("utf-8", errors="replace").strip()

    def number(self, field: int) -> int:
        """An enumeration's value, one byte."""
        place = self._place(field)
        return self._content[place] if place else 0

    def tables(self, field: int) -> Iterator[_Table]:
        """The tables of an array."""
        offset = self._offset(field)
        if offset:
            first, count = self._table.Vector(offset), self._table.VectorLen(offset)
            for index in range(count):
                place = self._table.Indirect(first + 4 * index)
                yield _Table(self._kind, self._content, place)

    def table(self, field: int) -> _Table | None:
        """A table of its own, as in a union."""
        place = self._place(field)
        return _Table(self._kind, self._content, self._table.Indirect(place)) if place else None

    def floats(self, field: int) -> list[float]:
        """An array of numbers."""
        offset = self._offset(field)
        if not offset:
            return []
        flags = import_module("flatbuffers.number_types").Float32Flags
        return [float(value) for value in self._table.GetVectorAsNumpy(flags, offset)]

    def _offset(self, field: int) -> int:
        return int(self._table.Offset(4 + 2 * field))

    def _place(self, field: int) -> int:
        """Where a field lies in the buffer, 0 where it is left out."""
        offset = self._offset(field)
        return int(self._table.Pos) + offset if offset else 0


def _tensor_note(tensor: _Table) -> TensorNote:
    mean, std = _normalisation(tensor)
    files = [f for f in tensor.tables(6) if f.number(2) in _LABEL_FILES]
    files.sort(key=lambda file: bool(file.text(3)))  # those of a language go behind the one of none
    labels = tuple(file.text(0) for file in files)
    return TensorNote(tensor.text(0), tensor.text(1), mean, std, labels)


def _normalisation(tensor: _Table) -> tuple[PerChannel | None, PerChannel | None]:
    for unit in tensor.tables(4):
        options = unit.table(1) if unit.number(0) == _NORMALIZATION else None
        if options is not None:
            mean, std = options.floats(0), options.floats(1)
            if {len(mean), len(std)} <= {1, 3} and all(map(math.isfinite, mean + std)) and min(std) > 0:
                return _per_channel(mean), _per_channel(std)
    return None, None


def _per_channel(numbers: list[float]) -> PerChannel:
    return numbers[0] if len(set(numbers)) == 1 else tuple(numbers)


def _file_names(table: _Table, field: int) -> tuple[str, ...]:
    return tuple(file.text(0) for file in table.tables(field) if file.text(0))
