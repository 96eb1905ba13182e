"""The shelf of models: each is opened once, when the first stage asks, and shared by all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pluggy

from edge_vision.builtin.tflite.trial import begin_trials
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.data.errors import ConfigError, ModelError, suggestion
from edge_vision.service.config import ModelTable
from edge_vision.service.models.choice import Choice, fastest_of
from edge_vision.service.models.library import Library


class Shelf:
    """Opens the models of a configuration through the `open_model` hook and keeps them.

    asked    the names that were asked for
    choices  why a variant is the one that is open, by the name of its model, where there was a choice
    """

    def __init__(
        self, tables: Mapping[str, ModelTable], folder: Path, manager: pluggy.PluginManager
    ) -> None:
        self._tables = tables
        self._folder = folder
        self._manager = manager
        self._library = Library.here()
        self._signatures: dict[str, tuple[object, ...]] = {}
        self._open: dict[str, Model] = {}
        self.asked: set[str] = set()
        self.choices: dict[str, Choice] = {}

    def model(self, name: str) -> Model:
        """The opened model of a name in [models]; raises ConfigError with its path."""
        if name not in self._tables:
            hint = suggestion(name, self._tables) or "; [models] is empty"
            raise ConfigError(f"there is no model {name!r}{hint}", "model")
        self.asked.add(name)
        if name not in self._open:
            # The signature comes first: what is replaced from here on is noticed at the next reload.
            signature = self._signature(name)
            self._open[name] = self._opened(name, self._tables[name])
            self._signatures[name] = signature
        return self._open[name]

    def _signature(self, name: str) -> tuple[object, ...]:
        """What tells whether a model is still the same: its table, and its files on the disk."""
        with _located(name):
            table = self._tables[name]
            path = self._library.find(table.bundle, self._folder)
            # Variants may lie further below; golden files may change as they like.
            files = sorted({*path.iterdir(), *path.rglob("*.tflite")}) if path.is_dir() else [path]
            if table.labels is not None:
                files.append(self._folder / table.labels)
            return table, tuple(_stamp(file) for file in files if file.is_file())

    def adopt(self, other: Shelf) -> None:
        """Take over from an earlier shelf what is open there and has not changed."""
        for name, model in other.models.items():
            signature = other._signatures[name]
            if name in self._tables and self._unchanged(name, signature):
                self._open[name] = model
                self._signatures[name] = signature
                if name in other.choices:
                    self.choices[name] = other.choices[name]

    def _unchanged(self, name: str, signature: tuple[object, ...]) -> bool:
        try:
            return self._signature(name) == signature
        except ModelProblem:
            return False  # told when somebody asks for it

    @property
    def models(self) -> Mapping[str, Model]:
        """The models that are open."""
        return self._open

    def close(self, keep: Shelf | None = None) -> None:
        """Close all models but those that another shelf took over."""
        kept = [] if keep is None else list(keep.models.values())
        for model in self._open.values():
            if not any(model is other for other in kept):
                model.close()

    def _opened(self, name: str, table: ModelTable) -> Model:
        """A model in the form that is wanted, else in the one that is the fastest here."""
        with _located(name):
            path = self._library.find(table.bundle, self._folder)
            if table.form == "fastest" and table.variant is None:
                path = _with_fastest_form(path, name)
            bundle = self._bundle(name, path, table.variant)
            if table.variant is not None or len(bundle.variants) < 2:
                return self._model(bundle)
            model, self.choices[name] = fastest_of(
                name, bundle.variants, lambda each: self._model(self._bundle(name, path, each.name))
            )
        return model

    def _bundle(self, name: str, path: Path, variant: str | None) -> ModelBundle:
        table = self._tables[name]
        labels = None if table.labels is None else self._folder / table.labels
        return load_bundle(path, name, labels=labels, mean=table.mean, std=table.std, variant=variant)

    def _model(self, bundle: ModelBundle) -> Model:
        model: Model | None = self._manager.hook.open_model(bundle=bundle, threads=1)
        if model is None:
            raise ModelError("no plugin can open this model")
        return model


def foresee(tables: Mapping[str, ModelTable], folder: Path) -> None:
    """Begin to try the models of a configuration, while plugins are still being loaded.

    Those with several forms are left out: which of them are opened is told later.
    """
    library = Library.here()
    files: list[Path] = []
    for table in tables.values():
        with suppress(ConfigError, OSError):  # told when it is opened
            path = library.find(table.bundle, folder)
            found = list(path.rglob("*.tflite")) if path.is_dir() else [path]
            if len(found) == 1 and table.form == "as-is":
                files += found
    begin_trials(files)


def _with_fastest_form(path: Path, name: str) -> Path:
    # It takes part in few starts, and what it needs takes a while to load.
    from edge_vision.service.models.form_cache import with_fastest_form  # noqa: PLC0415

    return with_fastest_form(path, name)


@contextmanager
def _located(name: str) -> Iterator[None]:
    """Let whatever is wrong with a model be a ModelProblem at its place in the configuration."""
    try:
        yield
    except ConfigError as error:
        raise ModelProblem(error.problem, f"models.{name}.{error.path or 'bundle'}") from error
    except OSError as error:
        raise ModelProblem(f"cannot be read: {error.strerror}", f"models.{name}.bundle") from error
    except ModelError as error:
        raise ModelProblem(str(error), f"models.{name}.bundle") from error


def _stamp(file: Path) -> tuple[object, ...]:
    """What changes when a file is written to or replaced."""
    stat = file.stat()
    return str(file), stat.st_ino, stat.st_mtime_ns, stat.st_size


class ModelProblem(ConfigError):
    """A model of the configuration that cannot be opened; its path is complete from the top."""
