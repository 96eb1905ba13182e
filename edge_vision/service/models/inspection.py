"""Inspection: opening one model as the daemon would, and all that can be told of it."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from edge_vision.adapters.catalogue import adapter_of, layout_named, unknown_layout
from edge_vision.adapters.generators import Conditions
from edge_vision.adapters.layout import Layout
from edge_vision.adapters.runner import Runner
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ConfigError, ModelError, StageError
from edge_vision.service.config import NAME
from edge_vision.service.models.stimuli import Arrays, answers, usual_stimuli
from edge_vision.service.plugins import load_plugins

SLOW = 1.0
"""Seconds after which no further run is timed."""
FURTHER_MEANINGS = ("latent", "label", "features")
"""What an input may be that is neither an image nor state."""
RUNS = 5
"""Runs of which the middle one is told; one before them fills the caches."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a model is and how it will be used.

    path           what was asked about, a file or a bundle's folder
    bundle         everything that is known of the model
    layout         the arrangement that its outputs follow
    labels         the names that results will have; empty where classes go by their numbers
    labels_from    where they come from
    pixels_from    where the normalisation of its image comes from
    milliseconds   how long one run took here
    warnings       what is doubtful, a sentence each
    given_labels   the file of labels that was given beside it, None without one
    """

    path: Path
    bundle: ModelBundle
    layout: Layout[Any]
    labels: tuple[str, ...]
    labels_from: str
    pixels_from: str
    milliseconds: float
    warnings: tuple[str, ...]
    given_labels: Path | None = None

    @property
    def image(self) -> TensorSpec | None:
        """Its image input, None where it has none."""
        return self.bundle.image_input if self.bundle.takes_image else None

    @property
    def classes(self) -> int:
        """So many classes a detector or an arg max chooses from, as the graph says; 0: it does not."""
        producers = self.bundle.facts.producers
        read = (producers.get(spec.name) for spec in self.bundle.answers)
        return max((producer.classes for producer in read if producer is not None), default=0)

    @property
    def name(self) -> str:
        """A name for it that may stand in a configuration."""
        return plain_name(self.path)


@contextmanager
def opened(
    path: Path, labels: Path | None = None, task: str = "", variant: str | None = None
) -> Iterator[Model]:
    """A model opened by the runtime that the daemon would use, closed at the end.

    path     a .tflite file, or a bundle's folder
    labels   a file of labels that goes before its own
    task     what it is for, where somebody said so
    variant  which form of a bundle's; None for that of model.tflite

    Raises ModelError, which names the file, whatever is wrong with it.
    """
    with naming(path):
        bundle = load_bundle(path, str(path), labels=labels, variant=variant)
        if task:
            bundle = replace(bundle, task=task)
        model: Model | None = load_plugins().manager.hook.open_model(bundle=bundle, threads=1)
        if model is None:
            raise ModelError("no plugin can open this model")
    try:
        yield model
    finally:
        model.close()


def inspected(path: Path, model: Model, labels: Path | None = None) -> Inspection:
    """Look into an opened model; raises ModelError, which names the file, where it is of no use."""
    with naming(path):
        bundle = model.bundle
        layout = layout_named(bundle.layout)
        if layout is None:
            raise unknown_layout(bundle)
        runner = Runner(model, object, provides=_provided(bundle, layout))
        trial = _tried(model)
        warnings = (*bundle.warnings, *_troubles(bundle, trial))
        bundle = _with_digest(bundle)
    return Inspection(
        path,
        bundle,
        layout,
        _told(runner.labels),
        _labels_from(bundle, labels, runner.labels),
        _pixels_from(bundle, layout),
        trial.milliseconds,
        warnings,
        labels,
    )


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let every own error become a ModelError whose one line names the file."""
    try:
        yield
    except ConfigError as error:
        raise ModelError(_with_file(path, error.problem)) from error
    except (ModelError, StageError) as error:
        raise ModelError(_with_file(path, str(error))) from error
    except OSError as error:
        raise ModelError(_with_file(path, error.strerror or str(error))) from error


def plain_name(path: Path) -> str:
    """A name made of a path's own, such as `mobilenet_v1_0-25` of mobilenet_v1_0.25.tflite."""
    stem = path.stem if path.suffix == ".tflite" else path.resolve().name
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:64]
    return name if NAME.fullmatch(name) else "model"


def _with_file(path: Path, problem: str) -> str:
    return problem if str(path) in problem else f"{path}: {problem}"


class _Trial(NamedTuple):
    """What a model gave for the drawn scene, and how long a run took, the middle one of several."""

    outputs: Arrays
    milliseconds: float


def _tried(model: Model) -> _Trial:
    """Run a model on the drawn scene: once to fill the caches, and then to see how long it takes."""
    step = usual_stimuli(model)[0].steps[:1]
    outputs: Arrays = {}
    passed: list[float] = []
    while len(passed) <= RUNS and sum(passed) < SLOW:
        started = time.perf_counter()
        outputs = next(answers(model, step))
        passed.append(time.perf_counter() - started)
    return _Trial(outputs, 1000.0 * median(passed[1:] or passed))


def _provided(bundle: ModelBundle, layout: Layout[Any]) -> tuple[str, ...]:
    """The inputs that the model's stage gives it beside a view: only that of generators does."""
    return Conditions.of(bundle).inputs if layout.task == "generate" else ()


def _with_digest(bundle: ModelBundle) -> ModelBundle:
    """A copy that knows its file's digest, where the runtime that opened it did not say so."""
    if bundle.facts.sha256:
        return bundle
    content = bundle.file.read_bytes()
    facts = replace(bundle.facts, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    return replace(bundle, facts=facts)


def _troubles(bundle: ModelBundle, trial: _Trial) -> tuple[str, ...]:
    """What is wrong with the outputs of a first run."""
    try:
        adapter_of(bundle, object).read(trial.outputs)
    except StageError as error:
        return (f"on a drawn scene: {error}",)
    return ()


def _told(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels, but for numbers that stand in for them."""
    return () if labels == tuple(str(number) for number in range(len(labels))) else labels


def _labels_from(bundle: ModelBundle, given: Path | None, used: tuple[str, ...]) -> str:
    if not bundle.labels:
        return "known of its kind" if _told(used) else "none: classes go by their numbers"
    if given is not None:
        return str(given)
    return "of its bundle" if bundle.folder is not None else "packed in the file"


def _pixels_from(bundle: ModelBundle, layout: Layout[Any]) -> str:
    """Where the normalisation of the image comes from, in the order in which it is looked for."""
    if not bundle.takes_image:
        return ""
    spec, wishes = bundle.image_input, bundle.wishes
    note = bundle.facts.notes.get(spec.name)
    if spec.takes_pixels:
        return "its integers are the pixels"
    if wishes.mean is not None or wishes.std is not None:
        return "declared"
    if note is not None and note.mean is not None:
        return "said by its metadata"
    if spec.name in bundle.facts.rescaled:
        return "told by the graph, which scales pixels itself"
    if layout.pixels.mean is not None or layout.pixels.std is not None:
        return f"usual for {layout.name}"
    return "assumed: nothing says so"
