"""The bundle.toml of a model that was looked into: everything that was told of it, written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_vision.contracts.model import ModelBundle, StatePair
from edge_vision.contracts.tensors import PerChannel, TensorSpec
from edge_vision.contracts.variants import CallerNames, caller_names
from edge_vision.service.models.inspection import FURTHER_MEANINGS, Inspection
from edge_vision.service.models.tolerance import Tolerance
from edge_vision.service.models.toml_text import toml_text

LABELS = "labels.txt"


def bundle_toml(
    inspection: Inspection,
    name: str,
    version: str = "",
    allowed: Mapping[str, Tolerance] | None = None,
    further: Mapping[str, Any] | None = None,
) -> str:
    """The text of a bundle.toml; tensors go by the names of a signature, which suit all variants.

    name     what the bundle is called
    version  which of several
    allowed  how far outputs may be from their golden values, by their names
    further  what a maker adds, such as variant, variants and made
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
    called = caller_names(bundle.facts)
    if others := [spec for spec in bundle.inputs if spec.meaning in FURTHER_MEANINGS]:
        table["inputs"] = [{"name": called.input(spec.name), "meaning": spec.meaning} for spec in others]
    table["outputs"] = [
        _output(spec, called.output(spec.name), allowed or {}) for spec in bundle.outputs if spec.meaning
    ]
    if bundle.state:
        table["state"] = [_state(pair, called) for pair in bundle.state]
    if bundle.decoding:
        table["decoding"] = dict(bundle.decoding)
    return toml_text({**table, **(further or {})})


def _input(spec: TensorSpec, bundle: ModelBundle) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if not spec.takes_pixels:
        said = {"mean": _numbers(spec.mean), "std": _numbers(spec.std)}
    if spec.channels == 3:
        said["order"] = spec.order
    return {**said, "fit": bundle.fit}


def _numbers(values: PerChannel) -> Any:
    return list(values) if isinstance(values, tuple) else values


def _output(spec: TensorSpec, name: str, allowed: Mapping[str, Tolerance]) -> dict[str, Any]:
    said: dict[str, Any] = {"name": name, "meaning": spec.meaning}
    tolerance = allowed.get(spec.name, allowed.get(name))
    if tolerance is not None and tolerance.share:  # none for listed boxes: they are looked for
        said |= {"tolerance": tolerance.within, "share": tolerance.share}
    return said


def _state(pair: StatePair, called: CallerNames) -> dict[str, str]:
    """One of [[state]]; a variable inside the graph has one name for both sides."""
    if pair.input == pair.output:
        return {"output": pair.output}
    return {"input": called.input(pair.input), "output": called.output(pair.output)}
