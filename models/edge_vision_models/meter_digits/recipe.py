"""The recipe of `meter-digits`: a small network learns tenths on a circle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from edge_vision.training.session import Session
from edge_vision_models.meter_digits.fewer import DrawnOptions, fewer, with_drawn
from edge_vision_models.meter_digits.wheels import (
    DATA,
    LABELS,
    TENTHS,
    Filters,
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


class MeterDigitsOptions(DrawnOptions, WheelOptions):
    """Options of the recipe `meter-digits`."""

    epochs: int = option(60, "So many times the pictures are gone through.", ge=1)
    filters: Filters = option(
        ((28, 28), (40, 40), (56, 48)), "Channels of the convolutions, halved after each group."
    )
    hidden: int = option(40, "Values between what is seen and the scores.", ge=1)
    dropout: float = option(0.2, "Share of what is seen that is left out in each step.", ge=0, lt=1)
    label_smoothing: float = option(
        0.0, "Share of each truth that is spread over all tenths.", ge=0, lt=1
    )
    ema: float = option(
        0.0, "Momentum of a moving average of the weights, which is what is kept; 0: none.", ge=0, lt=1
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
    forms = ("weight-int8", "int8")
    Options = MeterDigitsOptions

    def read(self, folder: Path, cache: Path) -> Parts:
        """The pictures of a folder for each tenth, in two parts that have nothing in common."""
        made = split_wheels(folder, self.options)
        self.notes = [*made.training.notes]
        training, validation = (
            cached_wheels(part, cache, self.warp) for part in (made.training, made.validation)
        )
        return Parts(self._few_and_drawn(training), validation, LABELS)

    def _few_and_drawn(self, training: Examples) -> Examples:
        """As many pictures as are wanted, and beside them those that a generator draws."""
        options = self.options
        chosen = fewer(training, options.most_per_class, options.seed)
        if not options.drawn_by:
            return chosen
        with self.open_model(options.drawn_by) as model:
            self.notes.append(f"{options.drawn_by} draws {options.drawn} pictures of each tenth")
            return with_drawn(chosen, model, options.drawn, options.seed)

    def exam(self, folder: Path, cache: Path, part: str) -> Exam:
        """The files themselves, so that any model sees them as it would in the daemon."""
        made = read_folders(folder) if part == "all" else None
        if made is None:
            made = getattr(split_wheels(folder, self.options), part)
        if not len(made):
            raise TrainingError(f"{folder}: has no {part} part; declare it by a folder {part}/")
        return Exam(made, made.labels, tuple(made.labels[item.label or 0] for item in made.items))

    def network(self, session: Session, parts: Parts) -> Any:
        """The keras.Model of logits of all tenths."""
        from edge_vision_models.meter_digits.network import (  # noqa: PLC0415 - needs Keras
            wheel_body,
            wheel_network,
        )

        options = self.options
        return wheel_network(wheel_body(options.filters, options.hidden, TENTHS, options.dropout))

    def losses(self, session: Session, parts: Parts) -> Mapping[str, Any]:
        """Cross-entropy with the shares of neighbouring tenths."""
        from edge_vision.training.fitting.losses import CrossEntropy  # noqa: PLC0415 - needs Keras

        return {_ANSWER: CrossEntropy(self.options.label_smoothing)}

    def epoch(self, parts: Parts, random: np.random.Generator, epoch: int) -> EpochData:
        """All wheels: ever less augmented, and told ever more sharply."""
        strength, spread = fading(self.options, epoch / self.options.epochs)
        wheels = augmented_wheels(parts.training, self.options, strength, random)
        truth = circular_truth(wheels.positions, spread)
        return EpochData({"image": wheels.pictures}, {_ANSWER: truth})

    def validate(self, network: Any, parts: Parts) -> Score:
        """The pictures of the validation part in batches."""
        part = parts.validation
        answers = network.predict({"image": part.pictures}, batch_size=256, verbose=0)[_ANSWER]
        return circular_score(np.asarray(answers).argmax(axis=1), positions_of(part), LABELS)

    def device_graph(self, network: Any) -> Any:
        """One wheel in, probabilities out."""
        from edge_vision_models.meter_digits.network import wheel_step  # noqa: PLC0415 - needs Keras

        return wheel_step(network)

    def representative(self, part: Examples) -> Sequence[Sequence[Inputs]]:
        """Wheels from all over the part, each by itself."""
        rows = np.random.default_rng(self.options.seed).permutation(len(part))[:CALIBRATED]
        return [[{"image": np.asarray(part.pictures[row : row + 1])}] for row in rows]

    def evaluate(self, model: Model, exam: Exam, warp: Warp = reference_warp) -> Score:
        """The shares that are exact and within a tenth, and the mean distance in tenths."""
        return evaluate_circular(model, exam.source, exam.labels, warp)
