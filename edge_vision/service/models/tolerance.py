"""Tolerance: how far an output may be from its golden values, as is usual for its kind, or declared."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.ssd import SSD_POSTPROCESSED
from edge_vision.adapters.yolo import YOLO_END_TO_END
from edge_vision.contracts.bundle_table import AllowanceTable, OutputTable
from edge_vision.contracts.model import STATE, ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.contracts.variants import caller_names
from edge_vision.service.models.golden import Case, bound

STEPS = 2
"""Steps of its scale by which a quantised output may differ."""
FLOAT_SHARE = 0.001
"""Share of its largest value by which an output in floats may differ."""
PICTURE_SHARE = 0.008
"""The same of a picture, two of its 255 levels: it answers to a level that changes with a level.

So does what says something of each place by itself, such as the classes of the pixels.
"""
PICTURES = "image", "class-scores", "mask"
QUANTISED_INSIDE_SHARE = 0.02
"""The same where the graph computes in integers: some steps of 1/256 each."""
MOST_VALUES = 0.99
"""Share of its values that must be within the tolerance where something is rounded."""
MOST_ROWS = 0.9
"""The same of listed boxes, which are few."""
LISTED_TOLERANCE = 0.02
"""By so much may the scores of listed boxes differ."""
WIDEST = 6.0
"""A tolerance is at most so many times the usual one, however strongly a model answers to rounding."""
LEAST_SHARE = 0.8
"""Where a smaller share of the values has to be within the tolerance they prove little."""
VARIANT_SHARE = 0.1
"""Share of its largest value by which an output of a further variant may differ."""
MOST_VARIANT_VALUES = 0.9
"""Share of a further variant's values that must be within the tolerance."""
_LISTS = (SSD_POSTPROCESSED.name, YOLO_END_TO_END.name)


class Tolerance(NamedTuple):
    """How far an output may be from its golden values: a `share` of them is `within` so much."""

    within: float
    share: float


def tolerances(
    bundle: ModelBundle,
    cases: Sequence[Case],
    declared: Sequence[OutputTable | AllowanceTable] = (),
    is_further: bool | None = None,
) -> dict[str, Tolerance]:
    """The tolerance of each output that the cases keep: as declared, else as is usual for its kind.

    is_further  True for a variant that did not give the golden values; None: as the bundle says
    """
    if is_further is None:
        is_further = bool(bundle.variants) and bundle.variant != bundle.variants[0].name
    said, called = {row.name: row for row in declared}, caller_names(bundle.facts)
    golden = [bound(case, bundle).kept for case in cases]
    found: dict[str, Tolerance] = {}
    for spec in bundle.outputs:
        kept = [each[spec.name] for each in golden if spec.name in each]
        if not kept:
            continue
        usual, row = _usual(spec, bundle, kept, is_further), said.get(spec.name)
        if row is None:
            row = said.get(called.output(spec.name))
        within = usual.within if row is None or row.tolerance is None else row.tolerance
        share = usual.share if row is None or row.share is None else row.share
        found[spec.name] = Tolerance(within, share)
    return found


def _usual(
    spec: TensorSpec, bundle: ModelBundle, kept: Sequence[NDArray[Any]], is_further: bool
) -> Tolerance:
    """The tolerance that is usual for an output; a wide one of a further variant."""
    peak = median(float(np.abs(array.astype(np.float64)).max(initial=0.0)) for array in kept)
    usual = _of_its_kind(spec, bundle, peak)
    if not is_further:
        return usual
    within = max(usual.within, rounded(VARIANT_SHARE * peak)) if usual.within else 0.0
    return Tolerance(within, min(usual.share, MOST_VARIANT_VALUES))


def _of_its_kind(spec: TensorSpec, bundle: ModelBundle, peak: float) -> Tolerance:
    """The tolerance of an output by what it means and how it is stored; peak: its largest value."""
    if bundle.layout in _LISTS and spec.meaning != STATE:
        if spec.meaning in ("boxes", "classes", "classes-or-scores"):
            return Tolerance(0.0, 0.0)  # rows change places: the boxes that are sure are looked for
        return Tolerance(0.0 if spec.meaning == "count" else LISTED_TOLERANCE, MOST_ROWS)
    if spec.quantisation is not None:
        return Tolerance(rounded(STEPS * spec.quantisation.scale), MOST_VALUES)
    if np.dtype(spec.dtype).kind != "f":
        return Tolerance(0.0, MOST_VALUES)  # numbers of classes: only the same will do
    if is_quantised_inside(bundle):
        return Tolerance(rounded(QUANTISED_INSIDE_SHARE * peak), MOST_VALUES)
    share = PICTURE_SHARE if spec.meaning in PICTURES else FLOAT_SHARE
    return Tolerance(rounded(share * peak), 1.0)


def is_quantised_inside(bundle: ModelBundle) -> bool:
    """True where inputs, outputs or operators show that the graph computes in integers."""
    specs = (*bundle.inputs, *bundle.outputs)
    return "QUANTIZE" in bundle.facts.operators or any(spec.quantisation is not None for spec in specs)


def rounded(value: float) -> float:
    """Rounded to what a person reads, and never to nothing."""
    return max(float(f"{value:.4g}"), 1e-6)
