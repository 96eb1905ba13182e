"""The workshop: from a recipe and a folder of data to a bundle, step by step, each done only once."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge_vision.builtin.warp import opencv_warp
from edge_vision.contracts.bundle_table import read_table
from edge_vision.data.errors import ConfigError, ModelError, TrainingError
from edge_vision.service.models.toml_text import toml_value
from edge_vision.service.training.data_digest import digest_of
from edge_vision.service.training.finding import has_tensorflow
from edge_vision.service.training.opening import (
    declared_bundle,
    equip,
    find_model,
    opened_model,
)
from edge_vision.service.training.run_folder import CACHE, Run, RunFolder
from edge_vision.service.training.trained import Trained, card, purpose
from edge_vision.training.backend import TENSORFLOW, backend
from edge_vision.training.examples import Parts
from edge_vision.training.fitting.strategy import CLUSTER_VARIABLE, distribution
from edge_vision.training.networks.keras_model import KerasModel
from edge_vision.training.recipe import Recipe
from edge_vision.training.report.card import report_text
from edge_vision.training.report.pictures import Shown, write_pictures
from edge_vision.training.report.table import figures
from edge_vision.training.session import Session
from edge_vision.training.whole_file import whole_file

Say = Callable[[str], None]
REPORT = "report.md"
STAGES = {"image-and-heat": "remember"}
"""The stages for models of some layouts; for others they are called as their tasks are."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked to be trained.

    written     the recipe's name or file
    recipe      the recipe, with its options
    data        the folder that it learns from
    out         the run's folder
    name        of the bundle; empty for what it was, at first that of the run's folder
    distribute  none, mirrored or workers
    command     what was typed
    """

    written: str
    recipe: Recipe[Any]
    data: Path
    out: Path
    name: str
    distribute: str
    command: str

    def run(self) -> Run:
        """The run that was asked for."""
        options = self.recipe.options.model_dump(mode="json", exclude_none=True)
        file = self.recipe.takes_file and self.data.is_file()
        if not self.data.is_dir() and not file:
            seen = "is a file" if self.data.exists() else "does not exist"
            raise TrainingError(f"{self.data}: {seen}; --data is a folder")
        return Run(
            self.written,
            self.command,
            self.name,
            options,
            self.data.resolve(),
            digest_of(self.data),
            self.distribute,
            kind=type(self.recipe.options),
        )


def train(order: Order, *, restart: bool, say: Say) -> int:
    """Train, or go on with it, and make a bundle; gives the exit status."""
    folder = RunFolder(order.out)
    run = order.run()
    over = distribution(order.distribute, os.environ)
    if not over.chief:
        return _help_out(order, over)
    with folder.held():
        run = folder.begin(run, restart=restart)
        order = replace(order, name=run.name)
        if run.is_trained and folder.bundle.is_dir():
            called = _called(folder.bundle)
            if called == run.name:
                say(f"{order.out}: is trained already; --restart begins anew")
                _tell_use(folder, say)
                return 0
            say(f"{order.out}: is trained already; its bundle {called} is made again as {run.name}")
        if over.workers == 1 and backend() == TENSORFLOW:
            trained, pictures = _trained(order, folder, over, say)
            folder.finish(run)
            _put_bundle(trained, folder, pictures, say)
            _tell_use(folder, say)
            return 0
        if over.workers > 1:  # what comes after the training is for a process without the others
            _learn(order, folder.path / CACHE, over, say)
        else:
            _trained(order, folder, over, say)
        folder.finish(run)
    return _export_elsewhere(order, say)


def export(order: Order, *, say: Say) -> int:
    """Make the bundle of a training that is done; gives the exit status."""
    folder = RunFolder(order.out)
    with folder.held():
        run = folder.begin(order.run(), restart=False)
        if not run.is_trained:
            raise TrainingError(
                f"{order.out}: is not trained to its end; the command that began it goes on with it"
            )
        order = replace(order, name=run.name)
        trained, pictures = _trained(order, folder, distribution("none", os.environ), say)
        _put_bundle(trained, folder, pictures, say)
    _tell_use(folder, say)
    return 0


def _trained(order: Order, folder: RunFolder, over: Any, say: Say) -> tuple[Trained, tuple[Shown, ...]]:
    """Read the data, train what is not trained yet, judge it, and write the report."""
    recipe, cache = order.recipe, folder.path / CACHE
    session, parts, network = _learn(order, cache, over, say)
    graph = recipe.device_graph(network)
    model = KerasModel(graph, purpose(recipe, order.name, parts.labels))
    exam = recipe.exam(order.data, cache, "validation")
    score = recipe.evaluate(model, exam, opencv_warp)
    say(f"Keras: {figures(score.values)}")
    trained = Trained(recipe, parts, exam, network, graph, model, score, order.command)
    pictures = write_pictures(folder.path, session.histories, score, exam)
    shown = [(file.name, told) for file, told in pictures]
    with whole_file(folder.path / REPORT) as draft:
        draft.write_text(report_text(card(trained, (), shown)), encoding="utf-8")
    return trained, pictures


def _learn(order: Order, cache: Path, over: Any, say: Say) -> tuple[Session, Parts, Any]:
    """Read the data and train what is not trained yet: the session, the data, and what was trained."""
    recipe = order.recipe
    equip(recipe)
    cache.mkdir(exist_ok=True)
    session = _session(order.out, cache, over, say)
    parts = recipe.read(order.data, cache)
    for note in recipe.notes:
        say(note)
    say(f"{len(parts.training)} examples to learn from, {len(parts.validation)} to judge by")
    return session, parts, recipe.train(session, parts)


def _put_bundle(trained: Trained, folder: RunFolder, pictures: tuple[Shown, ...], say: Say) -> None:
    from edge_vision.service.training.bundling import (  # noqa: PLC0415 - imports TensorFlow
        put_bundle,
    )

    put_bundle(trained, folder.bundle, pictures, say)


def _help_out(order: Order, over: Any) -> int:
    """Train as one of several workers; the first of them writes the files and makes the bundle."""
    with tempfile.TemporaryDirectory(prefix="edge-vision-worker-") as cache:
        _learn(order, Path(cache), over, lambda _: None)
    return 0


def _session(folder: Path, cache: Path, over: Any, say: Say) -> Session:
    return Session(folder, cache, opened_model, find_model, say, over)


def _export_elsewhere(order: Order, say: Say) -> int:
    """Convert what another backend trained, in a process of its own that runs on TensorFlow."""
    again = f"edge-vision export {order.out}"
    if not has_tensorflow():
        say(
            f"trained with Keras on {backend()}; `{again}` makes the bundle where "
            "TensorFlow is installed and the data are"
        )
        return 0
    call = [sys.executable, "-m", "edge_vision", "export", str(order.out)]
    environment = {**os.environ, "KERAS_BACKEND": TENSORFLOW}
    environment.pop(CLUSTER_VARIABLE, None)
    return subprocess.run(call, check=False, env=environment).returncode  # noqa: S603 - our own program


def _called(bundle: Path) -> str:
    """The name that a bundle gives itself; raises ModelError where it cannot be read."""
    try:
        return read_table(bundle).name
    except ConfigError as error:
        raise ModelError(error.problem) from error


def _tell_use(folder: RunFolder, say: Say) -> None:
    """Say where the bundle is, and print a configuration that runs it."""
    bundle = declared_bundle(folder.bundle)
    name = _called(folder.bundle)
    lines = [
        f"[models.{name}]",
        f"bundle = {toml_value(str(folder.bundle.resolve()))}",
        "",
        "[cameras.camera]",
        'source = "test"                 # or a device, an address, a video, a folder of pictures',
        f'stages = [{{ uses = "{STAGES.get(bundle.layout, bundle.task)}", model = "{name}" }}]',
    ]
    say(f"\n{folder.bundle}\n\nTo use it, write into config.toml, and `edge-vision run config.toml`:\n")
    say("\n".join(lines))
