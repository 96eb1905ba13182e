"""A trial's answer: what a child process found out of a model, and how it is told in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from edge_vision.contracts.file_facts import FileFacts, Producer, Signature, TensorNote
from edge_vision.contracts.tensors import PerChannel, Quantisation, TensorSpec


@dataclass(frozen=True, slots=True)
class Trial:
    """What a model did when it was tried.

    inputs, outputs  its tensors, by unique names; the shapes of the outputs are those of a run
    variables        indices of the tensors in `facts.variables` in an interpreter, by name
    facts            what the file says of itself
    milliseconds     time of one run on one thread
    not_finite       names of the outputs that held values which are no numbers in every run
    runtime          what ran it, and its version
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    variables: Mapping[str, int]
    facts: FileFacts
    milliseconds: float
    not_finite: tuple[str, ...]
    runtime: str


def told(trial: Trial) -> Mapping[str, Any]:
    """The trial in values that JSON knows."""
    return asdict(trial)


def trial_of(said: Mapping[str, Any]) -> Trial:
    """The trial that was told; raises ValueError, KeyError or TypeError where it is none."""
    return Trial(
        inputs=tuple(map(_spec, said["inputs"])),
        outputs=tuple(map(_spec, said["outputs"])),
        variables=said["variables"],
        facts=_facts(said["facts"]),
        milliseconds=said["milliseconds"],
        not_finite=tuple(said["not_finite"]),
        runtime=said["runtime"],
    )


def _spec(said: Mapping[str, Any]) -> TensorSpec:
    quantisation = said["quantisation"]
    return TensorSpec(
        said["name"],
        tuple(said["shape"]),
        said["dtype"],
        None if quantisation is None else Quantisation(**quantisation),
    )


def _facts(said: Mapping[str, Any]) -> FileFacts:
    structured: dict[str, Any] = {
        "producers": {name: Producer(**each) for name, each in said["producers"].items()},
        "rescaled": {name: tuple(each) for name, each in said["rescaled"].items()},
        "notes": {name: _note(each) for name, each in said["notes"].items()},
        "signatures": tuple(Signature(**each) for each in said["signatures"]),
        "variables": tuple(map(_spec, said["variables"])),
        "labels": tuple(said["labels"]),
        "files": tuple(said["files"]),
        "missing": tuple(said["missing"]),
    }
    return FileFacts(**{**said, **structured})


def _note(said: Mapping[str, Any]) -> TensorNote:
    return TensorNote(
        said["name"],
        said["description"],
        _per_channel(said["mean"]),
        _per_channel(said["std"]),
        tuple(said["label_files"]),
    )


def _per_channel(said: float | list[float] | None) -> PerChannel | None:
    return tuple(said) if isinstance(said, list) else said
