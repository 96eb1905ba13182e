"""A recipe: all that turns one kind of data into one kind of model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.model import Fit, Model
from edge_vision.data.errors import TrainingError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.data_facts import OWN_DATA, DataFacts
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.fitting.epoch_data import EpochData
from edge_vision.training.fitting.settings import FitSettings
from edge_vision.training.score import Score
from edge_vision.training.session import Opening, Session, nothing_opened

Inputs = Mapping[str, NDArray[Any]]
"""Arrays by the names of a model's inputs, for one run; its state is left out."""

RecipeOptions = TypeVar("RecipeOptions", bound=FitSettings)

FORMS = ("float32", "float16", "weight-int8", "int8")
"""The forms of a model that a recipe tries, unless it says otherwise."""


class Recipe(ABC, Generic[RecipeOptions]):
    """Reads data, trains a network on them, says what comes out and how well it does.

    A recipe of a single network says what it is (`network`), how it learns (`losses`, `epoch`) and how
    it is judged (`validate`). One of several networks overrides `train`, which then calls `session.fit`
    once for each, with a name of its own.

    Options       what a person may set, a class of FitSettings and more
    name          what the recipe is called
    task          of its models, as in a bundle
    layout        how the answers of its models are arranged, as in a bundle
    meanings      what each of their outputs means, by name
    fit           how a view is made to fit their picture
    about         what its models do, a sentence for people
    data          facts about what it learns from
    limits        what its models cannot do, sentences for people
    forms         of its model that are tried for the bundle, the usual one first
    largest_loss  a form whose chief figure is lower than Keras' by more than this is left out
    least_psnr    decibels; of a model that makes pictures, so is a form whose are less like Keras'
    takes_file    whether its data may be a single file, such as a recording, instead of a folder
    warp          how pixels are taken from the pictures that are read; set to the daemon's before `read`
    open_model    opens a model that has a part in reading the data; set, too, before `read`
    """

    name: ClassVar[str] = ""
    task: ClassVar[str] = ""
    layout: str = ""
    meanings: Mapping[str, str] = {}
    fit: Fit = "stretch"
    about: ClassVar[str] = ""
    data: DataFacts = OWN_DATA
    limits: ClassVar[str] = ""
    forms: ClassVar[tuple[str, ...]] = FORMS
    largest_loss: ClassVar[float] = 0.005
    least_psnr: ClassVar[float] = 0.0

    takes_file: ClassVar[bool] = False

    Options: ClassVar[type[FitSettings]] = FitSettings

    def __init__(self, options: RecipeOptions) -> None:
        self.options = options
        self.warp: Warp = reference_warp
        self.open_model: Opening = nothing_opened
        self.notes: list[str] = []  # for people, what was noticed while the data were read

    @abstractmethod
    def read(self, folder: Path, cache: Path) -> Parts:
        """The data of a folder, in parts; raises TrainingError where they are not what is needed.

        cache  a folder to keep what was read in, for the next time
        """

    def exam(self, folder: Path, cache: Path, part: str) -> Exam:
        """What models are judged on: the validation part, or test, training, all.

        Raises TrainingError where the recipe knows no such part.
        """
        parts = self.read(folder, cache)
        if part not in ("validation", "training"):
            raise TrainingError(f"{self.name}: has no part {part}; say --part validation or training")
        chosen: Examples = getattr(parts, part)
        return Exam(chosen, parts.labels, label_names(chosen, parts.labels))

    def train(self, session: Session, parts: Parts) -> Any:
        """Train, and give what `device_graph` makes a model of: here one network, at its best."""
        with session.scope(self.options.seed):
            network = self.network(session, parts)
            losses = self.losses(session, parts)
        session.fit(
            network,
            losses,
            lambda epoch, random: self.epoch(parts, random, epoch),
            lambda learnt: self.validate(learnt, parts),
            self.fit_settings(parts),
        )
        return network

    def network(self, session: Session, parts: Parts) -> Any:
        """The keras.Model to train, with the weights that it begins with."""
        raise NotImplementedError

    def losses(self, session: Session, parts: Parts) -> Mapping[str, Any]:
        """What it is to make small, by the names of its outputs."""
        raise NotImplementedError

    def epoch(self, parts: Parts, random: np.random.Generator, epoch: int) -> EpochData:
        """What is learnt from in one epoch, augmented."""
        raise NotImplementedError

    def fit_settings(self, parts: Parts) -> FitSettings:
        """The settings of the fit; here what a person set."""
        return self.options

    def validate(self, network: Any, parts: Parts) -> Score:
        """How well a network does on the validation part after an epoch; quicker than `evaluate`."""
        raise NotImplementedError

    @abstractmethod
    def device_graph(self, network: Any) -> Any:
        """The keras.Model that runs on a device: one example, pixel values in, answers out."""

    def decoding(self, labels: Sequence[str]) -> Mapping[str, Any]:
        """What the layout's adapter is told, as [decoding] of a bundle."""
        return {}

    @abstractmethod
    def representative(self, part: Examples) -> Sequence[Sequence[Inputs]]:
        """Typical inputs, as runs in a row: to calibrate int8 with, and for golden files."""

    @abstractmethod
    def evaluate(self, model: Model, exam: Exam, warp: Warp = reference_warp) -> Score:
        """How well any model does, asked as the daemon asks it.

        warp  how pixels are taken from a picture
        """


def label_names(part: Examples, labels: Sequence[str]) -> tuple[str, ...]:
    """The label of each example by its name; empty where examples have none."""
    numbers = part.targets.get("label")
    if numbers is None or not labels:
        return ()
    return tuple(labels[int(number)] for number in numbers)
