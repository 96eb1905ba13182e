"""The bundle.toml of a model that was looked into: everything that was told of it, written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_vision.contracts.model import ModelBundle, StatePair
from edge_vision.contracts.tensors import PerChannel, TensorSpec
from edge_vision.service.models.inspection import FURTHER_MEANINGS, Inspection
from edge_vision.service.models.toml_text import toml_text
from edge_vision.service.models.verification import Tolerance

LABELS = "labels.txt"


def bundle_toml(
    inspection: Inspection,
    name: str,
    version: str = "",
    allowed: Mapping[str, Tolerance] | None = None,
) -> str:
    """The text of a bundle.toml.

    name     what the bundle is called
    version  which of several
    allowed  how far outputs may be from their golden values, by their names
    """
    bundle = inspection.bundle
    table: dict[str, Any] = {"name": name}
    if version := version or bundle.facts.about.get("version", ""):
        table["version"] = version
    table |= {"task": bundle.task, "layout": bundle.layout, "sha256": bundle.facts.sha256}
    if bundle.labels:
        table["labels"] = LABELS
    if bundle.state == () and len(bundle.inputs) > 1:
        table["state"] = []
    if inspection.image is not None:
        table["input"] = _input(inspection.image, bundle)
    if further := [spec for spec in bundle.inputs if spec.meaning in FURTHER_MEANINGS]:
        table["inputs"] = [{"name": spec.name, "meaning": spec.meaning} for spec in further]
    table["outputs"] = [
        _output(spec, (allowed or {}).get(spec.name)) for spec in bundle.outputs if spec.meaning
    ]
    if bundle.state:
        table["state"] = [_state(pair) for pair in bundle.state]
    if bundle.decoding:
        table["decoding"] = dict(bundle.decoding)
    return toml_text(table)


def _input(spec: TensorSpec, bundle: ModelBundle) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if not spec.takes_pixels:
        said = {"mean": _numbers(spec.mean), "std": _numbers(spec.std)}
    if spec.channels == 3:
        said["order"] = spec.order
    return {**said, "fit": bundle.fit}


def _numbers(values: PerChannel) -> Any:
    return list(values) if isinstance(values, tuple) else values


def _output(spec: TensorSpec, tolerance: Tolerance | None) -> dict[str, Any]:
    said: dict[str, Any] = {"name": spec.name, "meaning": spec.meaning}
    if tolerance is not None and tolerance.share:  # none for listed boxes: they are looked for
        said |= {"tolerance": tolerance.within, "share": tolerance.share}
    return said


def _state(pair: StatePair) -> dict[str, str]:
    """One of [[state]]; a variable inside the graph has one name for both sides."""
    if pair.input == pair.output:
        return {"output": pair.output}
    return {"input": pair.input, "output": pair.output}
