"""Reports: what was found out about a model, for a person and for a program."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from edge_vision.contracts.tensors import PerChannel, TensorSpec
from edge_vision.service.models.bundle_toml import bundle_toml
from edge_vision.service.models.inspection import Inspection
from edge_vision.service.models.toml_text import toml_value
from edge_vision.service.models.verification import Difference

FIRST = 5
"""Labels, and operators, that a person is shown."""
WIDTH = 11
_BUILT_IN = re.compile(r"[A-Z0-9_]+")
_ORDERS = {"rgb": "red, green, blue", "bgr": "blue, green, red"}
_FITS = {"stretch": "the view is stretched", "letterbox": "the whole view, with grey bars beside it"}


def inspection_json(inspection: Inspection) -> dict[str, Any]:
    """What is known of a model, as JSON knows it."""
    bundle, facts = inspection.bundle, inspection.bundle.facts
    carried = {pair.output for pair in bundle.state or ()}
    return {
        "file": str(bundle.file),
        "size": facts.size,
        "sha256": facts.sha256,
        "variant": bundle.variant,
        "variants": [each.name for each in bundle.variants],
        "about": dict(facts.about),
        "task": bundle.task,
        "layout": bundle.layout,
        "says": inspection.layout.says,
        "inputs": [_input_json(spec) for spec in bundle.inputs],
        "outputs": [_tensor_json(spec) for spec in bundle.outputs],
        "classes": inspection.classes,
        "labels": list(inspection.labels),
        "labels_from": inspection.labels_from,
        "state": [{"input": pair.input, "output": pair.output} for pair in bundle.state or ()],
        "variables": [
            {**_tensor_json(spec), "carried": spec.name in carried} for spec in facts.variables
        ],
        "fit": bundle.fit,
        "pixels_from": inspection.pixels_from,
        "decoding": dict(bundle.decoding),
        "operators": dict(facts.operators),
        "milliseconds": round(inspection.milliseconds, 3),
        "warnings": list(inspection.warnings),
        "bundle_toml": bundle_toml(inspection, inspection.name),
    }


def _tensor_json(spec: TensorSpec) -> dict[str, Any]:
    stored = spec.quantisation
    return {
        "name": spec.name,
        "shape": list(spec.shape),
        "dtype": spec.dtype,
        "quantisation": stored and {"scale": stored.scale, "zero_point": stored.zero_point},
        "meaning": spec.meaning,
    }


def _input_json(spec: TensorSpec) -> dict[str, Any]:
    if spec.meaning != "image":
        return _tensor_json(spec)
    normalised = {} if spec.takes_pixels else {"mean": spec.mean, "std": spec.std}
    width, height = spec.size
    return {**_tensor_json(spec), **normalised, "order": spec.order, "width": width, "height": height}


def inspection_text(inspection: Inspection) -> str:
    """What is known of a model, for a person: what it is, how it is used, what to write."""
    lines = [f"{inspection.bundle.task}: {inspection.layout.says} ({inspection.layout.name})", ""]
    for name, *rows in _facts(inspection):
        lines += [f"{name if not i else '':<{WIDTH}}{row}" for i, row in enumerate(rows)]
    lines += ["", "To use it:", "", *_indented(_configuration(inspection))]
    if inspection.bundle.folder is None:
        text = bundle_toml(inspection, inspection.name)
        lines += ["", "As a bundle (`edge-vision models add` makes one) its bundle.toml is:", ""]
        lines += _indented(text)
    return "\n".join(lines)


def _facts(inspection: Inspection) -> Iterator[tuple[str, ...]]:
    """The facts in lines of a heading and one or more rows each; what there is none of is left out."""
    bundle, facts = inspection.bundle, inspection.bundle.facts
    size = f", {facts.size:,} bytes, sha256 {facts.sha256[:12]}..." if facts.sha256 else ""
    yield "file", f"{bundle.file}{size}"
    if len(bundle.variants) > 1:
        others = ", ".join(each.name for each in bundle.variants if each.name != bundle.variant)
        yield "variants", f"{bundle.variant}, which this is; {others}"
    if about := [f"{key}: {' '.join(said.split())}" for key, said in facts.about.items() if said]:
        yield "about", *about
    if facts.operators:
        yield "operators", _operators(facts.operators)
    yield "inputs", *(_tensor(spec) for spec in bundle.inputs)
    yield "outputs", *(_tensor(spec) for spec in bundle.outputs)
    if inspection.image is not None:
        yield "pixels", *_pixels(inspection, inspection.image)
    if inspection.classes:
        yield "classes", f"{inspection.classes}, as the graph says"
    yield "labels", _labels(inspection)
    if bundle.state:
        pairs = (f"{pair.output} is {pair.input} of the next run" for pair in bundle.state)
        yield "state", *pairs
    carried = {pair.output for pair in bundle.state or ()}
    if lost := [spec.name for spec in facts.variables if spec.name not in carried]:
        yield "variables", f"reset before each run: {', '.join(lost)}"
    yield "one run", f"{inspection.milliseconds:.3g} ms here, on one thread"
    if inspection.warnings:
        yield "doubts", *inspection.warnings


def _operators(operators: Any) -> str:
    most = sorted(operators.items(), key=lambda item: (-item[1], item[0]))
    custom = [name for name in operators if not _BUILT_IN.fullmatch(name)]
    shown = ", ".join(f"{count} {name}" for name, count in most[:FIRST])
    rest = f", {len(most) - FIRST} other kinds" if len(most) > FIRST else ""
    return f"{shown}{rest}{'; custom: ' if custom else ''}{', '.join(sorted(custom))}"


def _tensor(spec: TensorSpec) -> str:
    stored = spec.quantisation
    quantised = f", {stored.scale:.6g} * (value - {stored.zero_point})" if stored else ""
    return f"{spec.name} {spec.shape} {spec.dtype}{quantised}: {spec.meaning or 'not used'}"


def _pixels(inspection: Inspection, spec: TensorSpec) -> Iterator[str]:
    width, height = spec.size
    colours = _ORDERS[spec.order] if spec.channels == 3 else "grey"
    yield f"{width} x {height}, {colours}; {_FITS[inspection.bundle.fit]}"
    if spec.takes_pixels:
        yield f"they go in as they are: {inspection.pixels_from}"
    else:
        formula = f"(pixel - {_numbers(spec.mean)}) / {_numbers(spec.std)}"
        yield f"value = {formula}; {inspection.pixels_from}"


def _numbers(values: PerChannel) -> str:
    if isinstance(values, tuple):
        return f"({', '.join(f'{value:g}' for value in values)})"
    return f"{values:g}"


def _labels(inspection: Inspection) -> str:
    labels = inspection.labels
    if not labels:
        return inspection.labels_from
    shown = "; ".join(labels[:FIRST]) + ("; ..." if len(labels) > FIRST else "")
    return f"{len(labels)}: {shown} ({inspection.labels_from})"


def _configuration(inspection: Inspection) -> str:
    given = inspection.given_labels
    labels = None if given is None else str(given)
    return configuration(inspection.name, str(inspection.path), inspection.bundle.task, labels)


def configuration(name: str, bundle: str, task: str, labels: str | None = None) -> str:
    """What to write to use a model."""
    lines = [f"[models.{name}]", f"bundle = {toml_value(bundle)}"]
    if labels is not None:
        lines.append(f"labels = {toml_value(labels)}")
    lines += ["", f'stages = [{{ uses = "{task}", model = "{name}" }}]      # of a camera']
    return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return [f"    {line}".rstrip() for line in text.rstrip("\n").split("\n")]


def differences_json(found: Sequence[Difference]) -> list[dict[str, Any]]:
    """How outputs differ from their golden values, as JSON knows it; what is infinite is null."""
    return [
        {
            "name": each.spec.name,
            "meaning": each.spec.meaning,
            "largest": _finite(each.largest),
            "mean": _finite(each.mean),
            "steps": None if each.steps is None else _finite(each.steps),
            "equal": each.equal,
            "tolerance": each.tolerance.within,
            "inside": each.inside,
            "share": each.tolerance.share,
            "told": each.told,
            "same": each.same,
            "good": each.good,
        }
        for each in found
    ]


def differences_text(found: Sequence[Difference]) -> str:
    """How outputs differ from their golden values, for a person: a table."""
    rows = [("output", "largest", "mean", "steps", "equal", "tolerance", "inside", "wanted", "")]
    rows += [
        (
            f"{each.spec.name} ({each.spec.meaning or 'not used'})",
            f"{each.largest:.4g}",
            f"{each.mean:.4g}",
            "" if each.steps is None else f"{each.steps:.4g}",
            _percent(each.equal),
            f"{each.tolerance.within:.4g}",
            _percent(each.inside),
            _percent(each.tolerance.share) if each.tolerance.share else "same boxes",
            _verdict(each),
        )
        for each in found
    ]
    return in_columns(rows)


def _verdict(difference: Difference) -> str:
    if difference.good:
        return "good"
    if difference.inside < difference.tolerance.share:
        return "beyond"
    return "another answer" if difference.same else "another decision"


def in_columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of texts, one a line, in columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def _percent(share: float) -> str:
    return f"{math.floor(share * 10000) / 100:g} %"


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
