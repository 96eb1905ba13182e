"""Finding recipes: one for data of one's own, that of a shipped model, or a file that holds one."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from edge_vision.data.errors import TrainingError, one_line, suggestion
from edge_vision.service.models.library import SHIPPED_PACKAGE
from edge_vision.training import recipes

if TYPE_CHECKING:
    from edge_vision.training.recipe import Recipe

EXTRA = "training needs Keras: pip install 'edge-vision[train]'"
KERAS_PACKAGES = ("keras", "tensorflow", "jax", "torch")


def find_recipe(written: str) -> type[Recipe[Any]]:
    """The recipe of a name, or that a .py file holds.

    Raises TrainingError, with a near name, where there is none.
    """
    if written.endswith(".py") or "/" in written:
        return _of_module(_loaded(Path(written)), written)
    known = {**dict(_shipped()), **dict(_general())}
    if written not in known:
        raise TrainingError(
            f"there is no recipe {written}{suggestion(written, known)}; a recipe of your own is given "
            "by its file: my_recipe.py"
        )
    return _of_module(_imported(known[written], written), written)


def recipe_names() -> tuple[str, ...]:
    """The names of all recipes, those for data of one's own first."""
    general = dict(_general())
    return (*general, *(name for name in dict(_shipped()) if name not in general))


def check_extra() -> None:
    """Raise TrainingError where Keras is not installed."""
    if importlib.util.find_spec("keras") is None:
        raise TrainingError(EXTRA)


def has_tensorflow() -> bool:
    """True where TensorFlow, which converts networks, is installed."""
    return importlib.util.find_spec("tensorflow") is not None


def _general() -> Iterator[tuple[str, str]]:
    """Names and modules of the recipes for data of one's own."""
    for module in pkgutil.iter_modules(recipes.__path__):
        yield _plain(module.name), f"{recipes.__name__}.{module.name}"


def _shipped() -> Iterator[tuple[str, str]]:
    """Names and modules of the recipes of shipped models, each in its model's package."""
    spec: ModuleSpec | None = importlib.util.find_spec(SHIPPED_PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        for file in sorted(Path(place).glob("*/recipe.py")):
            folder = file.parent.name
            if folder.isidentifier():
                yield _plain(folder), f"{SHIPPED_PACKAGE}.{folder}.recipe"


def _plain(module: str) -> str:
    return module.replace("_", "-")


def _imported(module: str, written: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in KERAS_PACKAGES:
            raise TrainingError(EXTRA) from None
        raise _failed(written, error) from error
    except Exception as error:
        raise _failed(written, error) from error


def _loaded(file: Path) -> ModuleType:
    """The module in a file."""
    if not file.is_file():
        raise TrainingError(f"{file}: there is no such file")
    name = f"edge_vision_recipe_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise TrainingError(f"{file}: is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pydantic and dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if not isinstance(error, Exception):
            raise
        raise _failed(str(file), error) from error
    return module


def _failed(written: str, error: Exception) -> TrainingError:
    return TrainingError(f"{written}: does not load: {one_line(f'{type(error).__name__}: {error}')}")


def _of_module(module: ModuleType, written: str) -> type[Recipe[Any]]:
    """The one recipe that a module defines."""
    from edge_vision.training.recipe import Recipe  # noqa: PLC0415 - the daemon does without

    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Recipe) and value.__module__ == module.__name__
    ]
    if not found:
        raise TrainingError(
            f"{written}: holds no recipe; write a class that inherits from Recipe, which is in "
            "edge_vision.training.recipe"
        )
    if len(found) > 1:
        names = " and ".join(recipe.__name__ for recipe in found)
        raise TrainingError(f"{written}: holds {names}; leave one recipe in it")
    recipe = found[0]
    if missing := [name for name in ("name", "task") if not getattr(recipe, name, "")]:
        raise TrainingError(f"{written}: {recipe.__name__} says no {' and no '.join(missing)}")
    return recipe
