"""Golden files: inputs of a model and the outputs that they must give, one .npz file a case."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.model import Model
from edge_vision.contracts.regular_file import read_regular
from edge_vision.data.errors import ModelError
from edge_vision.service.models.stimuli import Arrays, Stimulus, answers

FOLDER = "golden"
MOST_VALUES = 1 << 16
"""Of an output with more values than this every k-th is kept, in the order in which they are stored."""
MOST_NUMBERS = 1 << 22
"""The same for whole numbers, such as a map of classes, which take little room."""
LARGEST = 256 << 20
"""Bytes that the arrays of one case may take."""


@dataclass(frozen=True, slots=True)
class Case:
    """Some runs of a model in a row.

    name    the file's, without its ending
    inputs  arrays (steps, *shape) by input name; the state is left out: it starts as zeros
    kept    arrays (steps, n) by output name: the values that were kept of each run
    every   by output name: every so many values were kept
    """

    name: str
    inputs: Arrays
    kept: Arrays
    every: dict[str, int]

    @property
    def steps(self) -> int:
        """So many runs it has; raises ModelError where its arrays do not agree."""
        lengths = {len(array) for array in (*self.inputs.values(), *self.kept.values())}
        if len(lengths) != 1:
            raise ModelError(f"{FOLDER}/{self.name}.npz: its arrays are not of one length")
        return lengths.pop()

    def kept_of(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        """Of an output (any shape) of one run the values that are kept, (n,)."""
        return array.reshape(-1)[:: self.every[name]]


def made_case(model: Model, stimulus: Stimulus) -> Case:
    """What a model gives for a stimulus; raises ModelError where that holds what is no number."""
    runs = list(answers(model, stimulus.steps))
    every = {name: _every(array) for name, array in runs[0].items()}
    inputs = {name: np.stack([step[name] for step in stimulus.steps]) for name in stimulus.steps[0]}
    kept = {
        name: np.stack([run[name].reshape(-1)[::stride] for run in runs])
        for name, stride in every.items()
    }
    for name, array in kept.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelError(
                f"{model.bundle.name}: its output {name} holds values that are no numbers "
                f"(on {stimulus.name}), so nothing can be compared with it"
            )
    return Case(stimulus.name, inputs, kept, every)


def write_case(case: Case, folder: Path) -> None:
    """Write a case as a file of its own."""
    members = {f"input:{name}": array for name, array in case.inputs.items()}
    for name, array in case.kept.items():
        members[f"output:{name}"] = array
        members[f"every:{name}"] = np.array(case.every[name])
    np.savez_compressed(folder / f"{case.name}.npz", **members)  # type: ignore[arg-type]


def read_cases(folder: Path) -> Iterator[Case]:
    """The cases in a bundle's folder, by name; raises ModelError where none is, or one is damaged."""
    files = sorted((folder / FOLDER).glob("*.npz"))
    if not files:
        raise ModelError(f"{folder}: has no golden files to compare with (it has no {FOLDER}/*.npz)")
    for file in files:
        yield _read_case(file)


def _read_case(file: Path) -> Case:
    parts: dict[str, Arrays] = {"input": {}, "output": {}, "every": {}}
    try:
        packed = read_regular(file, LARGEST + 1)
        if len(packed) > LARGEST:
            raise ValueError(f"larger than {LARGEST} bytes")
        content = io.BytesIO(packed)
        with zipfile.ZipFile(content) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                raise ValueError(f"it takes more than {LARGEST} bytes")
        with np.load(content, allow_pickle=False) as arrays:
            for member in arrays.files:
                kind, _, name = member.partition(":")
                parts[kind][name] = arrays[member]
        every = {name: int(array) for name, array in parts["every"].items()}
    except OSError as error:
        raise ModelError(f"{file}: {error.strerror or error}") from error
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError, NotImplementedError) as error:
        raise ModelError(f"{file}: is damaged ({error})") from error
    case = Case(file.stem, parts["input"], parts["output"], every)
    if every.keys() != case.kept.keys() or not every or min(every.values()) < 1 or not case.steps:
        raise ModelError(f"{file}: is damaged (it lacks outputs)")
    return case


def _every(array: NDArray[Any]) -> int:
    most = MOST_NUMBERS if array.dtype.kind in "iu" and array.dtype.itemsize > 1 else MOST_VALUES
    return max(1, math.ceil(array.size / most))
