"""Opening models for training: by name, as a folder or a file, with the runtime that the daemon uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from edge_vision.builtin.warp import opencv_warp
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.data.errors import ConfigError, ModelError
from edge_vision.service.models.library import Library
from edge_vision.service.plugins import load_plugins
from edge_vision.training.recipe import Recipe


def find_model(written: str) -> Path:
    """The bundle's folder, or the file, of a name or a path; raises ModelError where there is none.

    The folder of a training stands for the bundle that it made.
    """
    try:
        return Library.here().find(written, Path())
    except ConfigError as error:
        raise ModelError(error.problem) from error


def declared_bundle(path: Path, variant: str | None = None) -> ModelBundle:
    """What is known of a model before it is opened; raises ModelError, which names the file."""
    try:
        return load_bundle(path, path.name, variant=variant)
    except ConfigError as error:
        problem = error.problem
        raise ModelError(problem if str(path) in problem else f"{path}: {problem}") from error


def equip(recipe: Recipe[Any]) -> None:
    """Give a recipe what the daemon has: its warp, and its models."""
    recipe.warp = opencv_warp
    recipe.open_model = opened_model


def opened_model(written: str) -> AbstractContextManager[Model]:
    """A model by its bundle's name, its folder or its file, closed at the end."""
    return opened_bundle(declared_bundle(find_model(written)))


@contextmanager
def opened_bundle(bundle: ModelBundle) -> Iterator[Model]:
    """A model opened by the runtime that the daemon would use, closed at the end."""
    model: Model | None = load_plugins().manager.hook.open_model(bundle=bundle, threads=1)
    if model is None:
        raise ModelError(f"{bundle.file}: no plugin can open this model")
    try:
        yield model
    finally:
        model.close()
