"""Recipes as tests use them: with settings that make them small, told as a person types them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_vision.contracts.model import Model
from edge_vision.data.errors import ModelError
from edge_vision.service.cli import main
from edge_vision.service.models import library
from edge_vision.service.training.finding import find_recipe
from edge_vision.service.training.opening import equip
from edge_vision.service.training.settings import parse_settings, setting
from edge_vision.training.recipe import Recipe
from edge_vision.training.session import Session


@dataclass(frozen=True)
class Trained:
    """A folder of data, what one command made of it, and what it said."""

    data: Path
    run: Path
    said: str

    @property
    def bundle(self) -> Path:
        return self.run / "bundle"

    def session(self, said: list[str] | None = None) -> Session:
        """A session in the run's folder, for which no bundle is installed."""

        def nothing(written: str) -> Path:
            raise ModelError(f"no bundle is called {written}")

        @contextmanager
        def closed(written: str) -> Iterator[Model]:
            yield from ()

        notes: list[str] = [] if said is None else said
        return Session(self.run, self.run / "cache", closed, nothing, notes.append)


@dataclass(frozen=True)
class SmallRecipe:
    """The name of a recipe, and settings with which it is done within seconds."""

    name: str
    settings: Mapping[str, object]
    form: str = ""
    """The only form of its bundle; empty: all that the recipe has."""

    def told(self, **others: object) -> list[str]:
        """The settings as they are typed after --set, others above them."""
        return [f"{key}={value}" for key, value in {**self.settings, **others}.items()]

    def __call__(self, **others: object) -> Recipe[Any]:
        """The recipe, equipped as `edge-vision train` equips it."""
        kind = find_recipe(self.name)
        made = kind(parse_settings(kind.Options, None, [setting(each) for each in self.told(**others)]))
        equip(made)
        return made

    def train(self, data: Path, run: Path, **others: object) -> Trained:
        """What `edge-vision train` makes of a folder; of bundles, only shipped ones have names."""
        said: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(library.VARIABLE, str(run.parent / "installed"))
            patch.setattr("edge_vision.service.training.commands._say", said.append)
            if self.form:
                patch.setattr(find_recipe(self.name), "forms", (self.form,))
            words = ["train", self.name, "--data", str(data), "--out", str(run)]
            assert main([*words, *(f"--set={each}" for each in self.told(**others))]) == 0
        return Trained(data, run, "\n".join(said))
