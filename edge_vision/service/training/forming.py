"""Forming: the forms of a trained network as files, each judged as the daemon would run it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from edge_vision.builtin.warp import opencv_warp
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import TrainingError
from edge_vision.service.models.stimuli import answers
from edge_vision.service.training.nearness import nearness
from edge_vision.service.training.opening import opened_bundle
from edge_vision.service.training.trained import Trained
from edge_vision.training.export.device_graph import DeviceGraph
from edge_vision.training.export.states import recorded_steps
from edge_vision.training.export.variants import make_variants
from edge_vision.training.recipe import Inputs
from edge_vision.training.report.card import Form
from edge_vision.training.report.table import figure
from edge_vision.training.score import Score

Say = Callable[[str], None]
RUNS = 50
"""So many runs are timed; the middle one is told."""
NEARER = ("float16", "float32")
"""Forms that are as good as in Keras, or nearly so, in the order of their sizes."""
LONGEST = 1.0
"""Seconds after which no further run is timed."""


def made_forms(trained: Trained, folder: Path, say: Say) -> tuple[Form, ...]:
    """Write the forms of a recipe into a folder, as <form>.tflite, and judge each.

    Those that lose too much, or cannot be made, say why and have no file. Where none is left, those
    nearer to Keras are tried; raises TrainingError where these do no better.
    """
    sequences = trained.recipe.representative(trained.parts.training)
    samples = _samples(trained, sequences)
    forms: list[Form] = []
    for names in _attempts(trained.recipe.forms):
        for name, problem in _written(trained, names, samples, folder):
            forms.append(_told(trained, name, problem, folder, sequences, say))
        if not all(form.left_out for form in forms):
            return tuple(forms)
    raise TrainingError("no form of this network answers as it does in Keras, so there is no bundle")


def _attempts(wanted: Sequence[str]) -> Iterator[Sequence[str]]:
    """The forms that are wanted, then those nearer to Keras, for where none of them is near enough."""
    yield wanted
    yield from ((name,) for name in NEARER if name not in wanted)


def _told(
    trained: Trained,
    name: str,
    problem: str,
    folder: Path,
    sequences: Sequence[Sequence[Inputs]],
    say: Say,
) -> Form:
    """One form that was written, or could not be: judged, told of, and deleted where it is left out."""
    if problem:
        say(f"{name}: {problem}")
        return Form(name, 0, 0.0, None, problem)
    form, score = _judged(trained, name, folder / f"{name}.tflite", sequences)
    told = ", ".join(f"{key} {figure(key, value)}" for key, value in score.values.items())
    if form.psnr is not None:
        told = f"{told}, {form.psnr:.1f} dB from Keras"
    say(f"{name}: {told}; {form.size / 1000:.0f} kB, {form.milliseconds:.2g} ms a run")
    if form.left_out:
        say(f"{name}: is left out: {form.left_out}")
        (folder / f"{name}.tflite").unlink()
    return form


def _samples(trained: Trained, sequences: Sequence[Sequence[Inputs]]) -> Sequence[Inputs]:
    """All runs of some sequences; of a recurrent network with the states that it has on its way."""
    if trained.model.bundle.state:
        return recorded_steps(DeviceGraph(trained.graph), sequences)
    return [step for sequence in sequences for step in sequence]


def _written(
    trained: Trained, names: Sequence[Any], samples: Sequence[Inputs], folder: Path
) -> Iterator[tuple[str, str]]:
    """Names of the forms, and why one could not be made; all in one go where none gives trouble."""
    try:
        make_variants(trained.graph, names, samples, folder)
        yield from ((name, "") for name in names)
        return
    except TrainingError as error:
        if len(names) == 1:
            raise error
    for name in names:
        try:
            make_variants(trained.graph, (name,), samples, folder)
            yield name, ""
        except TrainingError as error:
            yield name, str(error)


def _judged(
    trained: Trained, name: str, file: Path, sequences: Sequence[Sequence[Inputs]]
) -> tuple[Form, Score]:
    """One form, run by the daemon's own runtime on the validation part, and its score."""
    with opened_bundle(declared_form(trained, file)) as model:
        score = trained.recipe.evaluate(model, trained.exam, opencv_warp)
        near = nearness(trained.model, model, sequences)
        milliseconds = _milliseconds(model, sequences)
    reason = _too_far(trained, score, near)
    return Form(name, file.stat().st_size, milliseconds, score, reason, near), score


def _too_far(trained: Trained, score: Score, near: float | None) -> str:
    """Why a form is too far from the network; empty where it is near enough.

    near  decibels between their pictures, None where they make none
    """
    recipe, chief = trained.recipe, next(iter(score.values))
    if not trained.score.chief - score.chief <= recipe.largest_loss:
        return (
            f"its {chief} is {figure(chief, score.chief)}, and the network's "
            f"{figure(chief, trained.score.chief)}"
        )
    if near is not None and near < recipe.least_psnr:
        return (
            f"its pictures are {near:.1f} dB from the network's, and are to be within "
            f"{recipe.least_psnr:g} dB"
        )
    return ""


def declared_form(trained: Trained, file: Path) -> ModelBundle:
    """What is known of a form's file, because all is known of the network that it was made of."""
    known = trained.model.bundle
    bare = load_bundle(file, known.name)

    def named(specs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
        return tuple(TensorSpec(s.name, (), "", meaning=s.meaning) for s in specs if s.meaning)

    return replace(
        bare,
        labels=known.labels,
        task=known.task,
        layout=known.layout,
        inputs=named(known.inputs),
        outputs=named(known.outputs),
        decoding=known.decoding,
        state=known.state,
        wishes=known.wishes,
        declared=True,
    )


def _milliseconds(model: Model, sequences: Sequence[Sequence[Inputs]]) -> float:
    """How long a run takes here, the middle one of several."""
    passed: list[float] = []
    started = time.perf_counter()
    for sequence in sequences:
        before = time.perf_counter()
        for _ in answers(model, sequence):
            now = time.perf_counter()
            passed.append(now - before)
            before = now
            if len(passed) > RUNS or now - started > LONGEST:
                return 1000.0 * median(passed[1:] or passed)
    return 1000.0 * median(passed[1:] or passed)
