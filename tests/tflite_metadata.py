"""TFLite metadata, written by the published schema's field numbers."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import flatbuffers  # type: ignore[import-untyped]
import numpy as np

from tests.tiny_models import TinyModel

AXIS_LABELS, VALUE_LABELS, DESCRIPTIONS = 2, 3, 1


@dataclass(frozen=True)
class AssociatedFile:
    name: str
    kind: int = AXIS_LABELS
    locale: str = ""


@dataclass(frozen=True)
class Tensor:
    name: str = ""
    mean: Sequence[float] = ()
    std: Sequence[float] = ()
    files: Sequence[AssociatedFile] = ()


class Metadata:
    """Builds a buffer of TFLITE_METADATA."""

    def __init__(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor], **about: str) -> None:
        self._builder = flatbuffers.Builder(256)
        fields: dict[int, int] = {
            number: self._builder.CreateString(about[name])
            for name, number in (("name", 0), ("description", 1), ("version", 2), ("author", 4))
            if name in about
        }
        graph = self._table(
            {2: self._array([self._tensor(t) for t in inputs])}
            | {3: self._array([self._tensor(t) for t in outputs])}
        )
        fields[3] = self._array([graph])
        self._builder.Finish(self._table(fields), b"M001")
        self.content = bytes(self._builder.Output())

    def _tensor(self, tensor: Tensor) -> int:
        fields = {0: self._builder.CreateString(tensor.name)}
        if tensor.mean:
            both = (tensor.mean, tensor.std)
            mean, std = (self._builder.CreateNumpyVector(np.array(v, np.float32)) for v in both)
            fields[4] = self._array([self._table({1: self._table({0: mean, 1: std})}, {0: 1})])
        if tensor.files:
            fields[6] = self._array([self._file(file) for file in tensor.files])
        return self._table(fields)

    def _file(self, file: AssociatedFile) -> int:
        fields = {0: self._builder.CreateString(file.name)}
        if file.locale:
            fields[3] = self._builder.CreateString(file.locale)
        return self._table(fields, {2: file.kind})

    def _table(self, pointers: dict[int, int], numbers: dict[int, int] | None = None) -> int:
        self._builder.StartObject(8)
        for field, place in pointers.items():
            self._builder.PrependUOffsetTRelativeSlot(field, place, 0)
        for field, number in (numbers or {}).items():
            self._builder.PrependUint8Slot(field, number, 0)
        return int(self._builder.EndObject())

    def _array(self, places: Sequence[int]) -> int:
        self._builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            self._builder.PrependUOffsetTRelative(place)
        return int(self._builder.EndVector())


def noted(file: Path, metadata: Metadata, **packed: str) -> Path:
    """A model (1, 8, 8, 3) -> two outputs (1, 8, 8, 3) with metadata and packed files."""
    model = TinyModel()
    image = model.tensor("image", [1, 8, 8, 3])
    shape = model.tensor("shape", [4], "int32", value=np.array([1, 8, 8, 3]))
    outputs = [model.tensor(name, [1, 8, 8, 3]) for name in ("first", "second")]
    for output in outputs:
        model.operator("RESHAPE", [image, shape], [output], newShape=[1, 8, 8, 3])
    model.metadata(b"1.5.0", "min_runtime_version")
    model.metadata(metadata.content)
    model.write(file, [image], outputs)
    with zipfile.ZipFile(file, "a") as archive:
        for name, text in packed.items():
            archive.writestr(f"{name}.txt", text)
    return file
