"""Reading a model bundle: a folder with a bundle.toml, or a .tflite file by itself."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from edge_vision.contracts.bundle_table import (
    BundleTable,
    InputTable,
    StateTable,
    inside_folder,
    read_table,
)
from edge_vision.contracts.file_facts import FileFacts
from edge_vision.contracts.labels import packed_labels, read_labels, reason
from edge_vision.contracts.model import ModelBundle, StatePair, Variant, Wishes
from edge_vision.contracts.regular_file import open_model_file
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.contracts.variants import variant_called, variants_of
from edge_vision.data.errors import ConfigError, ModelError, suggestion

_IDENTIFIER = b"TFL3"


def load_bundle(
    path: Path,
    name: str,
    *,
    labels: Path | None = None,
    mean: float | None = None,
    std: float | None = None,
    variant: str | None = None,
) -> ModelBundle:
    """What can be known of a model without opening it.

    path     a bundle's folder, or a .tflite file
    name     what the configuration calls it
    labels   a file of labels that goes before the bundle's own
    mean     of a float input, taken from each pixel (0 to 255); goes before the bundle's own
    std      of a float input, what remains is divided by it; likewise
    variant  which of its forms; None for that of model.tflite

    Raises ConfigError, with the key at fault, where what was asked for is not there, and ModelError
    where the model or its bundle.toml is not right.
    """
    is_folder = path.is_dir()
    table = read_table(path) if is_folder else BundleTable()
    variants = variants_of(table, path) if is_folder else ()
    if variant is not None:
        chosen = variant_called(variant, variants, path)
    else:
        chosen = variants[0] if is_folder else Variant("", path)
    _check_file(chosen, is_further=chosen in variants[1:])
    names, packed = _labels(table, chosen.file, path if is_folder else None, labels)
    state = None if table.state is None else tuple(_pair(row) for row in table.state)
    return ModelBundle(
        name,
        chosen.file,
        names,
        table.task,
        inputs=tuple(TensorSpec(i.name, (), "", meaning=i.meaning) for i in table.inputs),
        outputs=tuple(TensorSpec(o.name, (), "", meaning=o.meaning) for o in table.outputs),
        layout=table.layout,
        wishes=_wishes(table.input, mean, std, path),
        decoding=table.decoding,
        state=state,
        facts=FileFacts(sha256=chosen.sha256, labels=packed),
        declared=bool(table.task or table.layout or table.outputs),
        folder=path if is_folder else None,
        variant=chosen.name,
        variants=variants,
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


def _check_file(variant: Variant, *, is_further: bool) -> None:
    """Raise ConfigError where there is no such file, and ModelError where it is not the right one."""
    file, digest = variant.file, variant.sha256
    try:
        with open_model_file(file) as opened:
            head = opened.read(8)
            opened.seek(0)
            actual = hashlib.file_digest(opened, "sha256").hexdigest() if digest else ""
    except OSError as error:
        if is_further:  # nobody asked for it but bundle.toml
            raise ModelError(f"{file}: {reason(error)} (the variant {variant.name})") from None
        raise ConfigError(f"{file}: {reason(error)}", "bundle") from None
    if not head:
        raise ModelError(f"{file}: the file is empty")
    if head[4:] != _IDENTIFIER:
        raise ModelError(f"{file}: not a TFLite model (no {_IDENTIFIER.decode()} at its fifth byte)")
    if actual != digest:
        raise _other_file(file, actual, digest)


def _other_file(file: Path, actual: str, expected: str) -> ModelError:
    return ModelError(
        f"{file}: its digest is {actual[:12]}..., bundle.toml says {expected[:12]}...; "
        "the file is damaged or was replaced"
    )


def _labels(
    table: BundleTable, file: Path, folder: Path | None, given: Path | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The labels of a model's classes, and of these the ones that are packed in its file."""
    if given is not None:
        return read_labels(given), ()
    if folder is not None and (table.labels or os.path.lexists(folder / "labels.txt")):
        return read_labels(inside_folder(folder, table.labels or "labels.txt", "labels")), ()
    packed = packed_labels(file)
    return packed, packed


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
