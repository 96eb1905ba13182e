"""Verification: does a model give here what its golden files say, and how far is it from that?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.yolo import YOLO_END_TO_END
from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError
from edge_vision.service.models.comparison import Judge, are_inside, between, excess
from edge_vision.service.models.golden import FOLDER, Case, bound, real_outputs
from edge_vision.service.models.stimuli import SEED, Arrays, answers
from edge_vision.service.models.tolerance import (
    LEAST_SHARE,
    WIDEST,
    Tolerance,
    is_quantised_inside,
    rounded,
    tolerances,
)

CLEARLY = 4.0
"""Two answers are different where they are so many times as far apart as rounding moves them."""
LEAST_NOISE = 0.05
"""Rounding moves an output by this share of its tolerance at least."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How one output differs from its golden values, over all runs.

    largest, mean  of the differences, in real values; infinite where one of the two is no number
    steps          the largest in steps of the scale, None where it is not quantised
    equal          share of the values that are the same
    inside         share of the values within the tolerance, in the run where it is least
    told           True where each run is much nearer to its own golden values than to those of others
    same           True where the decision is the same: the best class, the boxes that are sure
    """

    spec: TensorSpec
    tolerance: Tolerance
    largest: float
    mean: float
    steps: float | None
    equal: float
    inside: float
    told: bool = True
    same: bool = True

    @property
    def good(self) -> bool:
        """True where it is within the tolerance, and is the answer to what was shown."""
        return self.inside >= self.tolerance.share and self.told and self.same


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a case: the real values that were kept of each output, by its name.

    case      the case it is of
    expected  its golden values
    obtained  what the model gives here
    shaken    what it gives here for pixels that are changed a little, a number of times
    """

    case: Case
    expected: Arrays
    obtained: Arrays
    shaken: tuple[Arrays, ...]


def measured(
    runs: Sequence[Run], bundle: ModelBundle, usual: Mapping[str, Tolerance]
) -> dict[str, Tolerance]:
    """Tolerances that suit how strongly a model answers to rounding.

    Changing its pixels a little (see _shaken) moves the outputs at least about as far as the rounding of
    other kernels does. A tolerance is twice what most values move by, up to WIDEST times the usual; and
    twice as many values may be outside of it as then were, or half as many inside where most are not.
    """
    found: dict[str, Tolerance] = {}
    for spec in bundle.outputs:
        if spec.name not in usual:
            continue
        within, share = usual[spec.name]
        moved = [_distances(spec, s, run.obtained) for run in runs for s in run.shaken]
        if not share:
            found[spec.name] = usual[spec.name]
            continue
        if within and moved:
            most = max(float(np.quantile(each, 0.95)) if each.size else 0.0 for each in moved)
            within = max(within, rounded(min(2.0 * most, WIDEST * within)))
        inside = min((_share(are_inside(each, within)) for each in moved), default=1.0)
        found[spec.name] = Tolerance(within, _spared(share, inside))
    return found


def _spared(share: float, inside: float) -> float:
    """The share to ask for where so many are inside: twice as many may be outside, or half inside."""
    allowed = min(share, max(1.0 - 2.0 * (1.0 - inside), inside / 2.0))
    return max(0.001, math.floor(allowed * 1000) / 1000)


def observed(model: Model, cases: Sequence[Case]) -> dict[str, Tolerance]:
    """Tolerances that suit a variant by what it gives here, for those who bundle it and know it good.

    They are half as wide again as the largest differences, and at most what is usual for a variant. Of
    what is only carried on fewer values need to be within that where fewer are: its answers count.
    """
    bundle = model.bundle
    found, runs = tolerances(bundle, cases, is_further=True), tried(model, cases, 0)
    read = answered(bundle, found)
    for spec in bundle.outputs:
        if spec.name not in found or not (usual := found[spec.name]).within:
            continue
        differing = [_distances(spec, run.expected, run.obtained) for run in runs]
        largest = max(float(each.max(initial=0.0)) for each in differing)
        within = min(usual.within, rounded(1.5 * largest))
        inside = min(_share(are_inside(each, within)) for each in differing)
        share = usual.share if spec.name in read else _spared(usual.share, inside)
        found[spec.name] = Tolerance(within, share)
    return found


def tried(model: Model, cases: Sequence[Case], shakes: int = 1) -> tuple[Run, ...]:
    """Run all cases; raises ModelError where one is not of this model.

    shakes  so many times each case is run with its pixels changed a little
    """
    bundle, found = model.bundle, []
    for case in (bound(each, bundle) for each in cases):
        obtained = _obtained(model, case)
        others = [
            _obtained(model, _shaken(case, bundle, number))
            for number in range(shakes if bundle.takes_image else 0)
        ]
        for number in range(case.steps):
            expected = {name: array[number] for name, array in case.kept.items()}
            _check_values(case, expected, obtained[number])
            found.append(Run(case, expected, obtained[number], tuple(each[number] for each in others)))
    return tuple(found)


def differences(
    model: Model, cases: Sequence[Case], allowed: Mapping[str, Tolerance]
) -> tuple[Difference, ...]:
    """Run all cases and compare each output; raises ModelError where a case is not of this model."""
    bundle, runs = model.bundle, tried(model, cases)
    within = {name: tolerance.within for name, tolerance in allowed.items()}
    same = all(Judge(bundle, run.case).same(run.expected, run.obtained, within) for run in runs)
    read = {spec.name for spec in bundle.answers}
    judged = {name for name, each in answered(bundle, allowed).items() if each.share}
    return tuple(
        replace(
            _difference(spec, runs, allowed[spec.name]),
            told=spec.name not in judged or _are_told(spec, runs, within[spec.name]),
            same=same or spec.name not in read,
        )
        for spec in bundle.outputs
        if spec.name in allowed
    )


def apart(bundle: ModelBundle, one: Run, other: Run, allowed: Mapping[str, Tolerance]) -> float:
    """How far two answers are apart, in what rounding moves them by: of the output that tells most."""
    return max(
        (
            _times_noise(spec, one, other, allowed[spec.name].within)
            for spec in bundle.outputs
            if spec.name in allowed and allowed[spec.name].share
        ),
        default=0.0,
    )


def answered(bundle: ModelBundle, allowed: Mapping[str, Tolerance]) -> Mapping[str, Tolerance]:
    """The tolerances of what is not only carried on to the next run; all where there is nothing else."""
    names = {spec.name for spec in bundle.answers}
    return {name: each for name, each in allowed.items() if name in names} or allowed


def proves_little(bundle: ModelBundle, runs: Sequence[Run], allowed: Mapping[str, Tolerance]) -> bool:
    """True where two runs might be taken for each other, or most values answer any change wildly.

    What is carried on, and nothing else, may do so: it is what comes of it that counts.
    """
    answers = answered(bundle, allowed).values()
    wild = any(0.0 < each.share < LEAST_SHARE and bool(each.within) for each in answers)
    alike = any(apart(bundle, one, other, allowed) < CLEARLY for one, other in combinations(runs, 2))
    return wild or alike


def _are_told(spec: TensorSpec, runs: Sequence[Run], within: float) -> bool:
    """True where each run is at most half as far from its golden values as from another run.

    Only runs count that are further apart than rounding moves them.
    """
    for run in runs:
        own = excess(spec, _distances(spec, run.expected, run.obtained), within)
        others = [
            excess(spec, _distances(spec, other.obtained, run.obtained), within)
            for other in runs
            if other is not run and _times_noise(spec, run, other, within) >= CLEARLY
        ]
        if others and own > min(others) / 2.0:
            return False
    return True


def _times_noise(spec: TensorSpec, one: Run, other: Run, within: float) -> float:
    """How far an output of two runs is apart, in multiples of what rounding moves it by."""
    if one.obtained[spec.name].shape != other.obtained[spec.name].shape:
        return math.inf
    distance = excess(spec, _distances(spec, one.obtained, other.obtained), within)
    noise = max(
        (
            excess(spec, _distances(spec, shaken, run.obtained), within)
            for run in (one, other)
            for shaken in run.shaken
        ),
        default=0.0,
    )
    return distance / max(noise, LEAST_NOISE * within, 1e-9)


def _distances(spec: TensorSpec, one: Arrays, other: Arrays) -> NDArray[np.float64]:
    """By how much the values of an output differ; of listed rows of boxes only their scores."""
    first, second = one[spec.name].ravel(), other[spec.name].ravel()
    if spec.meaning == YOLO_END_TO_END.name and first.size == math.prod(spec.shape):
        first, second = first[4::6], second[4::6]
    return between(first, second)


def _obtained(model: Model, case: Case) -> list[Arrays]:
    """What a model gives in the runs of a case, the real values that are kept of each output."""
    steps = [{n: array[i] for n, array in case.inputs.items()} for i in range(case.steps)]
    runs = (real_outputs(model.bundle, outputs) for outputs in answers(model, steps))
    return [{name: case.kept_of(name, outputs[name]) for name in case.kept} for outputs in runs]


def _shaken(case: Case, bundle: ModelBundle, number: int) -> Case:
    """A case whose pixels are changed: by at most one level, or in a model of floats by a thousandth.

    A quantised graph answers to one level as it does to another rounding. A graph of floats does not;
    but one whose weights are quantised rounds inside, and then a thousandth moves it as one level would.
    """
    image, chance = bundle.image_input, np.random.default_rng(SEED + number)
    pixels = case.inputs[image.name]
    if pixels.dtype.kind == "f":
        by = 1.0 if is_quantised_inside(bundle) else 0.001
        moved = pixels + chance.uniform(-by, by, pixels.shape) / np.asarray(image.std).reshape(-1)[0]
    else:
        limits = np.iinfo(pixels.dtype)
        levels = chance.integers(-1, 2, pixels.shape)
        moved = np.clip(pixels.astype(np.int64) + levels, limits.min, limits.max)
    return replace(case, inputs={**case.inputs, image.name: moved.astype(pixels.dtype)})


def _check_values(case: Case, expected: Arrays, obtained: Arrays) -> None:
    for name, here in obtained.items():
        there = expected[name]
        if here.shape != there.shape or (here.dtype.kind == "f") != (there.dtype.kind == "f"):
            raise ModelError(
                f"{FOLDER}/{case.name}.npz: is of another model: {name} has {here.size} values "
                f"of {here.dtype} here, {there.size} of {there.dtype} there"
            )


def _difference(spec: TensorSpec, runs: Sequence[Run], tolerance: Tolerance) -> Difference:
    found = [_distances(spec, run.expected, run.obtained) for run in runs]
    distances = np.concatenate(found)
    largest = float(distances.max(initial=0.0))
    scale = None if spec.quantisation is None else spec.quantisation.scale
    return Difference(
        spec,
        tolerance,
        largest,
        mean=float(distances.mean()) if distances.size else 0.0,
        steps=None if scale is None else largest / scale,
        equal=_share(distances == 0.0),
        inside=min(_share(are_inside(each, tolerance.within)) for each in found),
    )


def _share(which: NDArray[np.bool_]) -> float:
    return float(which.mean()) if which.size else 1.0
