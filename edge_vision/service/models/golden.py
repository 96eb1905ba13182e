"""Golden files: inputs of a model and the outputs that they must give, one .npz file a case.

They are of all variants of a model: pictures are pixels, and what is quantised comes with its scale. The
members of a file, each an array whose first side is the steps (but `every` and `scale`):

pixels:NAME  (steps, height, width, 3) uint8 BGR of an image input
input:NAME   (steps, *shape) of any other input
output:NAME  (steps, n) the values that were kept of an output
every:NAME   () every so many values of that output were kept
scale:KEY    (2,) scale and zero point of a member such as output:NAME whose values are quantised
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.contracts.regular_file import read_regular
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.contracts.variants import caller_names
from edge_vision.data.errors import ModelError
from edge_vision.service.models.stimuli import Arrays, Stimulus, answers

FOLDER = "golden"
MOST_VALUES = 1 << 14
"""Of an output with more values than this in all steps of a case every k-th is kept, as they are stored.

The k has no factor in common with the output's sides, or all that is kept may be of one channel."""
MOST_NUMBERS = 1 << 22
"""The same for whole numbers, such as a map of classes, which take little room."""
LARGEST = 256 << 20
"""Bytes that the arrays of one case may take."""


@dataclass(frozen=True, slots=True)
class Case:
    """Some runs of a model in a row. Tensors go by the names that callers have for them, or their own.

    name    the file's, without its ending
    inputs  arrays (steps, *shape) by input name; the state is left out: it starts as zeros
    kept    arrays (steps, n) by output name: the values that were kept of each run
    every   by output name: every so many values were kept
    pixels  names of the inputs that are given as pixels, (steps, height, width, 3) uint8 BGR
    scales  of quantised arrays, by their members' names such as output:scores
    """

    name: str
    inputs: Arrays
    kept: Arrays
    every: dict[str, int]
    pixels: frozenset[str] = frozenset()
    scales: Mapping[str, Quantisation] = field(default_factory=dict)

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
    bundle, runs = model.bundle, list(answers(model, stimulus.steps))
    every = {name: _every(array, len(runs)) for name, array in runs[0].items()}
    inputs = {name: np.stack([step[name] for step in stimulus.steps]) for name in stimulus.steps[0]}
    kept = {
        name: np.stack([run[name].reshape(-1)[::stride] for run in runs])
        for name, stride in every.items()
    }
    for name, array in kept.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelError(
                f"{bundle.name}: its output {name} holds values that are no numbers "
                f"(on {stimulus.name}), so nothing can be compared with it"
            )
    pixels = frozenset({bundle.image_input.name} if stimulus.pixels else ())
    inputs |= {name: np.stack(stimulus.pixels) for name in pixels}
    return _for_all_variants(Case(stimulus.name, inputs, kept, every, pixels), bundle)


def bound(case: Case, bundle: ModelBundle) -> Case:
    """A case as one form of a model takes it, and the real values that it has to give.

    Its names are those of the model's tensors, its inputs are of their types. Raises ModelError where
    it is of another model.
    """
    called = caller_names(bundle.facts)
    own_inputs, own_outputs = (
        {caller: own for own, caller in names.items()} for names in (called.inputs, called.outputs)
    )
    takes, gives = ({s.name: s for s in specs} for specs in (bundle.inputs, bundle.outputs))
    inputs, kept, every = {}, {}, {}
    for name, array in case.inputs.items():
        spec = _found(takes, own_inputs.get(name, name), case, "input")
        if name in case.pixels:
            inputs[spec.name] = np.stack([spec.from_pixels(picture) for picture in array])
        elif (stored := case.scales.get(f"input:{name}")) is not None:
            inputs[spec.name] = spec.stored(_real(array, stored))
        else:
            inputs[spec.name] = array
    for name, array in case.kept.items():
        spec = _found(gives, own_outputs.get(name, name), case, "output")
        stored = case.scales.get(f"output:{name}")
        if stored is None and array.dtype.kind in "iu":  # of this very form, or not quantised at all
            stored = spec.quantisation
        kept[spec.name] = array if stored is None else _real(array, stored)
        every[spec.name] = case.every[name]
    return Case(case.name, inputs, kept, every)


def real_outputs(bundle: ModelBundle, outputs: Arrays) -> Arrays:
    """The real values of a run's outputs, float64 where they are quantised, else as they are."""
    return {
        spec.name: outputs[spec.name]
        if spec.quantisation is None
        else _real(outputs[spec.name], spec.quantisation)
        for spec in bundle.outputs
    }


def _for_all_variants(case: Case, bundle: ModelBundle) -> Case:
    """A case by callers' names, and with the scales of what is quantised."""
    called = caller_names(bundle.facts)
    scales = {
        f"input:{called.input(spec.name)}": spec.quantisation
        for spec in bundle.inputs
        if spec.quantisation is not None and spec.name in case.inputs and spec.name not in case.pixels
    } | {
        f"output:{called.output(spec.name)}": spec.quantisation
        for spec in bundle.outputs
        if spec.quantisation is not None and spec.name in case.kept
    }
    return Case(
        case.name,
        {called.input(name): array for name, array in case.inputs.items()},
        {called.output(name): array for name, array in case.kept.items()},
        {called.output(name): every for name, every in case.every.items()},
        frozenset(called.input(name) for name in case.pixels),
        scales,
    )


def _found(specs: Mapping[str, TensorSpec], name: str, case: Case, kind: str) -> TensorSpec:
    spec = specs.get(name)
    if spec is None:
        raise ModelError(f"{FOLDER}/{case.name}.npz: is of another model: this one has no {kind} {name}")
    return spec


def _real(array: NDArray[Any], stored: Quantisation) -> NDArray[np.float64]:
    return (array.astype(np.float64) - stored.zero_point) * stored.scale


def write_case(case: Case, folder: Path) -> None:
    """Write a case as a file of its own."""
    members = {
        f"{'pixels' if name in case.pixels else 'input'}:{name}": array
        for name, array in case.inputs.items()
    }
    for name, array in case.kept.items():
        members[f"output:{name}"] = array
        members[f"every:{name}"] = np.array(case.every[name])
    for member, stored in case.scales.items():
        members[f"scale:{member}"] = np.array([stored.scale, stored.zero_point])
    np.savez_compressed(folder / f"{case.name}.npz", **members)  # type: ignore[arg-type]


def read_cases(folder: Path) -> Iterator[Case]:
    """The cases in a bundle's folder, by name; raises ModelError where none is, or one is damaged."""
    files = sorted((folder / FOLDER).glob("*.npz"))
    if not files:
        raise ModelError(f"{folder}: has no golden files to compare with (it has no {FOLDER}/*.npz)")
    for file in files:
        yield _read_case(file)


def _read_case(file: Path) -> Case:
    kinds = ("pixels", "input", "output", "every", "scale")
    parts: dict[str, Arrays] = {kind: {} for kind in kinds}
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
        scales = {member: _quantisation(array) for member, array in parts["scale"].items()}
    except OSError as error:
        raise ModelError(f"{file}: {error.strerror or error}") from error
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError, NotImplementedError) as error:
        raise ModelError(f"{file}: is damaged ({error})") from error
    inputs, pixels = parts["input"] | parts["pixels"], frozenset(parts["pixels"])
    case = Case(file.stem, inputs, parts["output"], every, pixels, scales)
    if every.keys() != case.kept.keys() or not every or min(every.values()) < 1 or not case.steps:
        raise ModelError(f"{file}: is damaged (it lacks outputs)")
    return case


def _quantisation(array: NDArray[Any]) -> Quantisation:
    scale, zero_point = array.tolist()
    if not 0.0 < scale < math.inf:
        raise ValueError(f"{scale} is no scale")
    return Quantisation(float(scale), int(zero_point))


def _every(array: NDArray[Any], steps: int) -> int:
    most = MOST_NUMBERS if array.dtype.kind in "iu" and array.dtype.itemsize > 1 else MOST_VALUES
    every = math.ceil(array.size * steps / most)
    if every <= 1:
        return 1
    while any(math.gcd(every, side) > 1 for side in array.shape):
        every += 1
    return every
