"""Verification: does a model give here what its golden files say, and how far is it from that?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.ssd import SSD_POSTPROCESSED
from edge_vision.adapters.yolo import YOLO_END_TO_END
from edge_vision.contracts.bundles import OutputTable
from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError
from edge_vision.service.models.golden import FOLDER, Case
from edge_vision.service.models.stimuli import SEED, Arrays, answers

STEPS = 2
"""Steps of its scale by which a quantised output may differ."""
FLOAT_SHARE = 0.001
"""Share of its largest value by which an output in floats may differ."""
QUANTISED_INSIDE_SHARE = 0.02
"""The same where the graph computes in integers: some steps of 1/256 each."""
MOST_VALUES = 0.99
"""Share of its values that must be within the tolerance where something is rounded."""
LISTED_TOLERANCE = 0.02
"""By so much may the scores and places of listed rows differ; places in pixels by a 500th."""
_SLACK = 1.0 + 1e-4
_LISTS = (SSD_POSTPROCESSED.name, YOLO_END_TO_END.name)


class Tolerance(NamedTuple):
    """How far an output may be from its golden values: a `share` of them is `within` so much."""

    within: float
    share: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How one output differs from its golden values, over all cases.

    largest, mean  of the differences, in real values; infinite where one of the two is no number
    steps          the largest in steps of the scale, None where it is not quantised
    equal          share of the values that are the same
    inside         share of the values within the tolerance
    """

    spec: TensorSpec
    tolerance: Tolerance
    largest: float
    mean: float
    steps: float | None
    equal: float
    inside: float

    @property
    def good(self) -> bool:
        """True where it is within the tolerance."""
        return self.inside >= self.tolerance.share


def tolerances(
    bundle: ModelBundle, cases: Sequence[Case], declared: Sequence[OutputTable] = ()
) -> dict[str, Tolerance]:
    """The tolerance of each output that the cases keep: as declared, else as is usual for its kind."""
    said = {row.name: row for row in declared}
    found: dict[str, Tolerance] = {}
    for spec in bundle.outputs:
        kept = [case.kept[spec.name] for case in cases if spec.name in case.kept]
        if not kept:
            continue
        usual, row = _usual(spec, bundle, kept), said.get(spec.name)
        within = usual.within if row is None or row.tolerance is None else row.tolerance
        share = usual.share if row is None or row.share is None else row.share
        found[spec.name] = Tolerance(within, share)
    return found


def measured(
    model: Model, cases: Sequence[Case], usual: Mapping[str, Tolerance]
) -> dict[str, Tolerance]:
    """Tolerances with shares that suit how strongly a model answers to rounding.

    Its pixels are changed a little (see _shaken), which moves the outputs about as far as the rounding
    of other kernels does. Twice as many values may then be outside of the tolerance as were, or half as
    many inside where most were outside.
    """
    if not model.bundle.takes_image:
        return dict(usual)
    shaken = [_shaken(case, model.bundle) for case in cases]
    found = {each.spec.name: each.inside for each in differences(model, shaken, usual)}
    shares = {name: max(1.0 - 2.0 * (1.0 - inside), inside / 2.0) for name, inside in found.items()}
    return {
        name: Tolerance(each.within, max(0.001, math.floor(min(each.share, shares[name]) * 1000) / 1000))
        for name, each in usual.items()
    }


def _shaken(case: Case, bundle: ModelBundle) -> Case:
    """A case whose pixels are changed: by at most one level, or in a model of floats by a thousandth.

    A quantised graph answers to one level as it does to another rounding. A graph of floats does not;
    but one whose weights are quantised rounds inside, and then a thousandth moves it as one level would.
    """
    image, chance = bundle.image_input, np.random.default_rng(SEED)
    pixels = case.inputs[image.name]
    if pixels.dtype.kind == "f":
        by = 1.0 if _is_quantised_inside(bundle) else 0.001
        moved = pixels + chance.uniform(-by, by, pixels.shape) / np.asarray(image.std).reshape(-1)[0]
    else:
        limits = np.iinfo(pixels.dtype)
        levels = chance.integers(-1, 2, pixels.shape)
        moved = np.clip(pixels.astype(np.int64) + levels, limits.min, limits.max)
    return replace(case, inputs={**case.inputs, image.name: moved.astype(pixels.dtype)})


def differences(
    model: Model, cases: Sequence[Case], allowed: Mapping[str, Tolerance]
) -> tuple[Difference, ...]:
    """Run all cases and compare each output; raises ModelError where a case is not of this model."""
    specs = {spec.name: spec for spec in model.bundle.outputs}
    passed: dict[str, list[NDArray[np.float64]]] = {name: [] for name in allowed}
    for case in cases:
        for name in case.kept:
            if name not in specs:
                raise ModelError(
                    f"{FOLDER}/{case.name}.npz: is of another model: this one has no output {name}"
                )
        steps = [{n: array[i] for n, array in case.inputs.items()} for i in range(case.steps)]
        for number, outputs in enumerate(answers(model, steps)):
            for name, expected in case.kept.items():
                passed[name].append(_distance(specs[name], case, outputs, expected[number]))
    return tuple(
        _difference(specs[name], allowed[name], np.concatenate(distances))
        for name, distances in passed.items()
    )


def tells_apart(bundle: ModelBundle, cases: Sequence[Case], allowed: Mapping[str, Tolerance]) -> bool:
    """True where no two neighbouring cases could be taken for each other: else they prove little."""
    specs = {spec.name: spec for spec in bundle.outputs}
    for one, other in pairwise((*cases, cases[0])):
        distances = {
            name: _between(specs[name], one.kept[name].ravel(), other.kept[name].ravel())
            for name in allowed
            if one.kept[name].shape == other.kept[name].shape
        }
        if all(_difference(specs[n], allowed[n], each).good for n, each in distances.items()):
            return False
    return True


def _distance(
    spec: TensorSpec, case: Case, outputs: Arrays, expected: NDArray[Any]
) -> NDArray[np.float64]:
    """By how much each value of an output differs from what was kept of it, in real values."""
    obtained = case.kept_of(spec.name, outputs[spec.name])
    if (obtained.shape, obtained.dtype) != (expected.shape, expected.dtype):
        raise ModelError(
            f"{FOLDER}/{case.name}.npz: is of another model: {spec.name} has {obtained.size} values "
            f"of {obtained.dtype} here, {expected.size} of {expected.dtype} there"
        )
    return _between(spec, obtained, expected)


def _between(spec: TensorSpec, obtained: NDArray[Any], expected: NDArray[Any]) -> NDArray[np.float64]:
    """By how much stored values differ, in real values; infinite where one of two is no number."""
    scale = 1.0 if spec.quantisation is None else spec.quantisation.scale
    with np.errstate(invalid="ignore"):
        distance = np.abs(obtained.astype(np.float64) - expected.astype(np.float64)) * scale
    return np.where(obtained == expected, 0.0, np.where(np.isnan(distance), np.inf, distance))


def _difference(spec: TensorSpec, tolerance: Tolerance, distances: NDArray[np.float64]) -> Difference:
    largest = float(distances.max(initial=0.0))
    scale = None if spec.quantisation is None else spec.quantisation.scale
    return Difference(
        spec,
        tolerance,
        largest,
        mean=float(distances.mean()) if distances.size else 0.0,
        steps=None if scale is None else largest / scale,
        equal=_share(distances == 0.0),
        inside=_share(distances <= tolerance.within * _SLACK),
    )


def _share(which: NDArray[np.bool_]) -> float:
    return float(which.mean()) if which.size else 1.0


def _usual(spec: TensorSpec, bundle: ModelBundle, kept: Sequence[NDArray[Any]]) -> Tolerance:
    """The tolerance that is usual for an output, by what it means and how it is stored."""
    peak = max(float(np.abs(array.astype(np.float64)).max(initial=0.0)) for array in kept)
    if bundle.layout in _LISTS and spec.meaning != "state":
        whole = spec.meaning in ("classes", "count")
        within = 0.0 if whole else _rounded(max(LISTED_TOLERANCE, peak / 500.0))
        return Tolerance(within, MOST_VALUES)
    if spec.quantisation is not None:
        return Tolerance(_rounded(STEPS * spec.quantisation.scale), MOST_VALUES)
    if np.dtype(spec.dtype).kind != "f":
        return Tolerance(0.0, MOST_VALUES)  # numbers of classes: only the same will do
    if _is_quantised_inside(bundle):
        return Tolerance(_rounded(QUANTISED_INSIDE_SHARE * peak), MOST_VALUES)
    return Tolerance(_rounded(FLOAT_SHARE * peak), 1.0)


def _is_quantised_inside(bundle: ModelBundle) -> bool:
    """True where inputs, outputs or operators show that the graph computes in integers."""
    specs = (*bundle.inputs, *bundle.outputs)
    return "QUANTIZE" in bundle.facts.operators or any(spec.quantisation is not None for spec in specs)


def _rounded(value: float) -> float:
    """Rounded to what a person reads, and never to nothing."""
    return max(float(f"{value:.4g}"), 1e-6)
