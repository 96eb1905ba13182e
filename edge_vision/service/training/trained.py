"""What a training ends with: the recipe, its data, its network and how well that does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge_vision.training.exam import Exam
from edge_vision.training.examples import Parts
from edge_vision.training.networks.keras_model import KerasModel, Purpose
from edge_vision.training.recipe import Recipe
from edge_vision.training.report.card import Card, Form
from edge_vision.training.score import Score


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A network that has learnt.

    recipe   what it was trained by
    parts    the data
    exam     what it is judged on
    network  what the recipe's training gave
    graph    the keras.Model that runs on a device
    model    the same, opened
    score    how well it does there
    command  what makes it again
    """

    recipe: Recipe[Any]
    parts: Parts
    exam: Exam
    network: Any
    graph: Any
    model: KerasModel
    score: Score
    command: str

    @property
    def parameters(self) -> int:
        """So many numbers it has learnt."""
        return int(self.graph.count_params())

    @property
    def looks_at(self) -> str:
        """What goes in, for people."""
        bundle = self.model.bundle
        if not bundle.takes_image:
            return ", ".join(f"{spec.name} {spec.shape}" for spec in bundle.inputs)
        width, height = bundle.image_input.size
        colours = "in colour" if bundle.image_input.channels == 3 else "in grey"
        return f"{width} x {height} pixels {colours}"

    @property
    def learnt(self) -> str:
        """How much it learnt from, for people."""
        training, validation = len(self.parts.training), len(self.parts.validation)
        return f"learnt from {training} examples, judged on {validation} others"


def purpose(recipe: Recipe[Any], name: str, labels: tuple[str, ...]) -> Purpose:
    """What a recipe's network is for, as its bundle will say."""
    meanings, decoding = dict(recipe.meanings), dict(recipe.decoding(labels))
    return Purpose(name, labels, recipe.task, recipe.layout, meanings, decoding, recipe.fit)


def card(trained: Trained, forms: Sequence[Form], pictures: Sequence[tuple[str, str]]) -> Card:
    """The card of a trained network; without forms it is that of a run."""
    recipe = trained.recipe
    return Card(
        trained.model.bundle.name,
        recipe.about,
        trained.model.bundle.labels,
        trained.looks_at,
        recipe.data,
        trained.learnt,
        trained.command,
        trained.parameters,
        trained.score,
        forms,
        recipe.limits,
        pictures,
    )
