"""The recipe of `meter-digits`: a small network learns tenths on a circle, also from a larger one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge_vision.contracts.model import Model
from edge_vision.contracts.options import option
from edge_vision.data.errors import TrainingError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.data.folders import read_folders
from edge_vision.training.evaluation.circular import circular_score, evaluate_circular
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.fitting.epoch_data import EpochData
from edge_vision.training.recipe import Inputs, Recipe
from edge_vision.training.score import Score
from edge_vision.training.session import ALONE, Session
from edge_vision_models.meter_digits.wheels import (
    DATA,
    LABELS,
    TENTHS,
    WheelOptions,
    augmented_wheels,
    cached_wheels,
    circular_truth,
    fading,
    positions_of,
    split_wheels,
)

CALIBRATED = 300
"""So many wheels calibrate int8."""
_ANSWER = "scores"


class MeterDigitsOptions(WheelOptions):
    """Options of the recipe `meter-digits`."""

    epochs: int = option(45, "So many times the pictures are gone through.", ge=1)
    filters: tuple[int, int, int] = option((24, 40, 56), "Channels of the three convolutions.")
    hidden: int = option(48, "Values between what is seen and the scores.", ge=1)
    dropout: float = option(0.15, "Share of what is seen that is left out in each step.", ge=0, lt=1)
    teacher_width: float = option(
        1.6, "Channels of a teacher, trained first, times those of the network; 0: no teacher.", ge=0
    )
    teacher_epochs: int = option(30, "So many times the teacher goes through the pictures.", ge=1)
    teacher_share: float = option(
        0.5, "Share of the truth that is what the teacher says of the same picture.", ge=0, le=1
    )


class MeterDigits(Recipe[MeterDigitsOptions]):
    """A classifier of the hundred tenths that a rolling wheel may show."""

    name = "meter-digits"
    task = "classify"
    layout = "scores"
    meanings = {_ANSWER: "scores"}  # noqa: RUF012 - as the base has it
    about = (
        "Says how far one rolling digit of a water, gas or power meter has turned, to a tenth: 3.5 is "
        "half way from 3 to 4. Of a whole row of wheels, meter-reader makes a number."
    )
    limits = (
        "It looks at one wheel that fills the picture, upright, with its window's edges just out of "
        "view. Neighbouring tenths are told apart no better than people wrote them down, which is to "
        "about one tenth."
    )
    data = DATA
    forms = ("float16", "int8")
    Options = MeterDigitsOptions

    def read(self, folder: Path, cache: Path) -> Parts:
        """The pictures of a folder for each tenth, in two parts that have nothing in common."""
        made = split_wheels(folder, self.options)
        self.notes = [*made.training.notes]
        return Parts(cached_wheels(made.training, cache), cached_wheels(made.validation, cache), LABELS)

    def exam(self, folder: Path, cache: Path, part: str) -> Exam:
        """The files themselves, so that any model sees them as it would in the daemon."""
        made = read_folders(folder) if part == "all" else None
        if made is None:
            made = getattr(split_wheels(folder, self.options), part)
        if not len(made):
            raise TrainingError(f"{folder}: has no {part} part; declare it by a folder {part}/")
        return Exam(made, made.labels, tuple(made.labels[item.label or 0] for item in made.items))

    def train(self, session: Session, parts: Parts) -> Any:
        """First the teacher, if there is to be one, then the network itself."""
        options = self.options
        if not options.teacher_width:
            return self._fit(session, parts, ALONE)
        teacher = self._fit(session, parts, "teacher", width=options.teacher_width)
        return self._fit(session, parts, "student", teacher=teacher)

    def _fit(
        self, session: Session, parts: Parts, name: str, width: float = 1.0, teacher: Any = None
    ) -> Any:
        """One network, trained."""
        from edge_vision.training.fitting.losses import CrossEntropy  # noqa: PLC0415
        from edge_vision_models.meter_digits.network import (  # noqa: PLC0415 - needs Keras
            wheel_body,
            wheel_network,
        )

        options = self.options
        epochs = options.teacher_epochs if name == "teacher" else options.epochs
        filters = [round(channels * width) for channels in options.filters]
        with session.scope(options.seed):
            hidden = round(options.hidden * width)
            network = wheel_network(wheel_body(filters, hidden, TENTHS, options.dropout))
            losses = {_ANSWER: CrossEntropy()}

        def data(epoch: int, random: np.random.Generator) -> EpochData:
            return self._epoch(parts, random, epoch / epochs, teacher)

        settings = options.model_copy(update={"epochs": epochs})
        session.fit(network, losses, data, lambda learnt: self.validate(learnt, parts), settings, name)
        return network

    def _epoch(self, parts: Parts, random: np.random.Generator, done: float, teacher: Any) -> EpochData:
        """All pictures, augmented, and what they show then: as people say, and the teacher."""
        strength, spread = fading(self.options, done)
        wheels = augmented_wheels(parts.training, self.options, strength, random)
        truth = circular_truth(wheels.positions, spread)
        if teacher is not None:
            from edge_vision_models.meter_digits.network import shares_of  # noqa: PLC0415

            share = self.options.teacher_share
            truth = (1.0 - share) * truth + share * shares_of(teacher, wheels.pictures)
        return EpochData({"image": wheels.pictures}, {_ANSWER: truth.astype(np.float32)})

    def validate(self, network: Any, parts: Parts) -> Score:
        """The pictures of the validation part in batches."""
        part = parts.validation
        answers = network.predict({"image": part.pictures}, batch_size=256, verbose=0)[_ANSWER]
        return circular_score(np.asarray(answers).argmax(axis=1), positions_of(part), LABELS)

    def device_graph(self, network: Any) -> Any:
        """One wheel in, probabilities out."""
        from edge_vision.training.networks.device import for_device  # noqa: PLC0415 - needs Keras

        return for_device(network, endings={_ANSWER: "softmax"})

    def representative(self, part: Examples) -> Sequence[Sequence[Inputs]]:
        """Wheels from all over the part, each by itself."""
        rows = np.random.default_rng(self.options.seed).permutation(len(part))[:CALIBRATED]
        return [[{"image": np.asarray(part.pictures[row : row + 1])}] for row in rows]

    def evaluate(self, model: Model, exam: Exam, warp: Warp = reference_warp) -> Score:
        """The shares that are exact and within a tenth, and the mean distance in tenths."""
        return evaluate_circular(model, exam.source, exam.labels, warp)
