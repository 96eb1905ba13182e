"""Reading a model bundle: a folder with a bundle.toml, or a .tflite file by itself."""

from __future__ import annotations

import hashlib
import math
import os
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from edge_vision.contracts.file_facts import FileFacts
from edge_vision.contracts.labels import TEXT_LIMIT, packed_labels, read_labels, reason
from edge_vision.contracts.model import TASKS, Fit, ModelBundle, StatePair, Wishes
from edge_vision.contracts.options import Options, option
from edge_vision.contracts.regular_file import open_model_file, read_regular
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ConfigError, ModelError, suggestion

_IDENTIFIER = b"TFL3"


class InputTable(Options):
    """[input] of a bundle.toml: how a view becomes the image that the model takes."""

    mean: float | tuple[float, ...] | None = option(
        None, "Taken from each pixel, which is 0 to 255; one number, or one for each channel."
    )
    std: float | tuple[float, ...] | None = option(
        None, "What remains is divided by it; one number, or one for each channel."
    )
    order: Literal["rgb", "bgr"] | None = option(None, "Order of the channels; left out, rgb.")
    fit: Fit | None = option(
        None, "How a view is made to fit: stretched, or whole with grey bars; left out, as is usual."
    )


class FurtherInputTable(Options):
    """One of [[inputs]] of a bundle.toml."""

    name: str = option(..., "The tensor's name in the model.", min_length=1)
    meaning: Literal["image", "latent", "label", "features"] = option(
        ..., "What it takes: a picture, numbers drawn at random, a class, or values of another kind."
    )


class OutputTable(Options):
    """One of [[outputs]] of a bundle.toml."""

    name: str = option(..., "The tensor's name in the model.", min_length=1)
    meaning: str = option(..., "What it is, such as scores, boxes, class-map.", min_length=1)
    tolerance: float | None = option(
        None,
        "Real values by which it may differ from its golden files; left out, as is usual for its kind.",
        ge=0,
    )
    share: float | None = option(
        None, "Share of its values that must be within the tolerance; left out, likewise.", gt=0, le=1
    )


class StateTable(Options):
    """One of [[state]] of a bundle.toml: an output that is an input of the next run."""

    input: str = option("", "The input's name; left out for a variable inside the graph.")
    output: str = option(..., "The output's name, or that of a variable inside the graph.", min_length=1)


class BundleTable(Options):
    """A bundle.toml; its table [made] is for people and is not read here."""

    name: str = option("", "What its maker calls it.")
    version: str = option("", "Which of several.")
    task: str = option("", "What it is for; left out, it is told from the outputs.")
    sha256: str = option(
        "", "Digest of model.tflite; another file is refused.", pattern="^([0-9a-f]{64})?$"
    )
    labels: str = option(
        "", "File of labels beside it; left out, labels.txt, else those packed in the model."
    )
    layout: str = option("", "How its outputs are arranged; left out, it is told from them.")
    input: InputTable = option(InputTable(), "How a view becomes its image.")
    inputs: tuple[FurtherInputTable, ...] = option((), "What inputs take where that cannot be told.")
    outputs: tuple[OutputTable, ...] = option((), "What outputs mean where that cannot be told.")
    state: tuple[StateTable, ...] | None = option(
        None, "Outputs that are inputs of the next run; left out, told by shape and name; [] for none."
    )
    decoding: dict[str, Any] = option({}, "What the layout's adapter is told, such as anchors.")

    @field_validator("task")
    @classmethod
    def _is_task(cls, task: str) -> str:
        if task and task not in TASKS:
            raise ValueError(f"should be {', '.join(TASKS[:-1])} or {TASKS[-1]}, not {task!r}")
        return task


def load_bundle(
    path: Path,
    name: str,
    *,
    labels: Path | None = None,
    mean: float | None = None,
    std: float | None = None,
) -> ModelBundle:
    """What can be known of a model without opening it.

    path    a bundle's folder, or a .tflite file
    name    what the configuration calls it
    labels  a file of labels that goes before the bundle's own
    mean    of a float input, taken from each pixel (0 to 255); goes before the bundle's own
    std     of a float input, what remains is divided by it; likewise

    Raises ConfigError, with the key at fault, where what was asked for is not there, and ModelError
    where the model or its bundle.toml is not right.
    """
    if path.is_dir():
        table = read_table(path)
        file = path / "model.tflite"
    else:
        table = BundleTable()
        file = path
    _check_file(file, table.sha256)
    packed: tuple[str, ...] = ()
    if labels is not None:
        names = read_labels(labels)
    elif table.labels:
        names = read_labels(_inside(path, table.labels))
    elif path.is_dir() and os.path.lexists(path / "labels.txt"):
        names = read_labels(_inside(path, "labels.txt"))
    else:
        packed = names = packed_labels(file)
    state = None if table.state is None else tuple(_pair(row) for row in table.state)
    return ModelBundle(
        name,
        file,
        names,
        table.task,
        inputs=tuple(TensorSpec(i.name, (), "", meaning=i.meaning) for i in table.inputs),
        outputs=tuple(TensorSpec(o.name, (), "", meaning=o.meaning) for o in table.outputs),
        layout=table.layout,
        wishes=_wishes(table.input, mean, std, path),
        decoding=table.decoding,
        state=state,
        facts=FileFacts(sha256=table.sha256, labels=packed),
        declared=bool(table.task or table.layout or table.outputs),
        folder=path if path.is_dir() else None,
    )


def with_tensors(
    bundle: ModelBundle,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    facts: FileFacts | None = None,
) -> ModelBundle:
    """A copy with the tensors that a runtime found, and what had been declared of them.

    A tensor may have been declared by its name, or by the one that a signature gives it; so may
    the tensors of a state. Labels that were found packed in the file give way to those that its
    metadata names.

    Raises ModelError where a tensor was declared that the model does not have, and where the file that
    was opened is not the one whose digest the bundle.toml names.
    """
    facts, expected = facts or bundle.facts, bundle.facts.sha256
    if expected not in ("", facts.sha256):
        raise _other_file(bundle.file, facts.sha256, expected)
    calls = facts.signatures
    called_inputs = {name: tensor for each in calls for name, tensor in each.inputs.items()}
    called_outputs = {name: tensor for each in calls for name, tensor in each.outputs.items()}
    own_inputs, own_outputs = _names(inputs, facts), _names(outputs, facts)
    state = bundle.state and tuple(
        StatePair(
            _own_name(pair.input, own_inputs, called_inputs),
            _own_name(pair.output, own_outputs, called_outputs),
        )
        for pair in bundle.state
    )
    return replace(
        bundle,
        inputs=_as_declared(bundle.name, "input", bundle.inputs, inputs, called_inputs),
        outputs=_as_declared(bundle.name, "output", bundle.outputs, outputs, called_outputs),
        state=state,
        facts=facts,
        labels=facts.labels if bundle.labels == bundle.facts.labels else bundle.labels,
    )


def _as_declared(
    model: str,
    kind: str,
    declared: tuple[TensorSpec, ...],
    found: tuple[TensorSpec, ...],
    called: Mapping[str, str],
) -> tuple[TensorSpec, ...]:
    """Inputs or outputs with the meanings that were declared of them.

    called  names that callers have for them, and their own
    """
    known = [spec.name for spec in found]
    meanings = {}
    for spec in declared:
        name = _own_name(spec.name, known, called)
        if name not in known:
            raise ModelError(
                f"{model}: bundle.toml names the {kind} {name}, which the model "
                f"does not have{suggestion(name, [*known, *called])}"
            )
        meanings[name] = spec.meaning
    return tuple(replace(spec, meaning=meanings.get(spec.name, spec.meaning)) for spec in found)


def _names(tensors: tuple[TensorSpec, ...], facts: FileFacts) -> set[str]:
    """The names of inputs or outputs, and of variables inside the graph, which may be a state too."""
    return {spec.name for spec in (*tensors, *facts.variables)}


def _own_name(written: str, own: Collection[str], called: Mapping[str, str]) -> str:
    """The name that a tensor has in the graph, where its caller's name was written; else the same."""
    return written if written in own else called.get(written, written)


def read_table(folder: Path) -> BundleTable:
    """The bundle.toml in a folder.

    Raises ConfigError where there is none, ModelError where it is not right.
    """
    path = folder / "bundle.toml"
    try:
        data = read_regular(path, TEXT_LIMIT + 1)
    except FileNotFoundError:
        raise ConfigError(f"{folder} is a folder without a bundle.toml", "bundle") from None
    except OSError as error:
        raise ConfigError(f"{path}: {reason(error)}", "bundle") from None
    if len(data) > TEXT_LIMIT:
        raise ModelError(f"{path}: larger than {TEXT_LIMIT} bytes")
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except RecursionError:
        raise ModelError(f"{path}: nested too deeply") from None
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from None
    table.pop("made", None)
    try:
        return BundleTable.parse(table)
    except ConfigError as error:
        raise ModelError(f"{path}: {error}") from None


def _check_file(file: Path, digest: str) -> None:
    try:
        with open_model_file(file) as opened:
            head = opened.read(8)
            opened.seek(0)
            actual = hashlib.file_digest(opened, "sha256").hexdigest() if digest else ""
    except OSError as error:
        raise ConfigError(f"{file}: {reason(error)}", "bundle") from None
    if not head:
        raise ModelError(f"{file}: the file is empty")
    if head[4:] != _IDENTIFIER:
        raise ModelError(f"{file}: not a TFLite model (no {_IDENTIFIER.decode()} at its fifth byte)")
    if actual != digest:
        raise _other_file(file, actual, digest)


def _inside(folder: Path, written: str) -> Path:
    """A file in a bundle's folder; raises ModelError where the way to it leads out.

    A bundle may come from anywhere, and what is read as its labels is published.
    """
    file = folder / written
    # Links that lead in a circle make Path.resolve fail, and are told when the file is opened.
    if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder)):
        raise ModelError(
            f"{folder / 'bundle.toml'}: labels: {written} is outside of the bundle's folder; "
            "copy the file into it"
        )
    return file


def _other_file(file: Path, actual: str, expected: str) -> ModelError:
    return ModelError(
        f"{file}: its digest is {actual[:12]}..., bundle.toml says {expected[:12]}...; "
        "the file is damaged or was replaced"
    )


def _wishes(table: InputTable, mean: float | None, std: float | None, path: Path) -> Wishes:
    """What was said of the image input, the configuration before the bundle.toml."""
    for key, value in (("mean", mean), ("std", std)):
        if value is not None and not math.isfinite(value):
            raise ConfigError(f"should be a finite number, not {value}", key)
    if std is not None and std <= 0:
        raise ConfigError(f"should be greater than 0, not {std}", "std")
    for key, written in (("mean", table.mean), ("std", table.std)):
        numbers = written if isinstance(written, tuple) else () if written is None else (written,)
        if isinstance(written, tuple) and len(written) not in (1, 3):
            raise ModelError(f"{path / 'bundle.toml'}: input.{key}: write one number, or three")
        if key == "std" and any(number <= 0 for number in numbers):
            raise ModelError(f"{path / 'bundle.toml'}: input.std: should be greater than 0")
    return Wishes(
        table.mean if mean is None else mean, table.std if std is None else std, table.order, table.fit
    )


def _pair(row: StateTable) -> StatePair:
    return StatePair(row.input or row.output, row.output)
