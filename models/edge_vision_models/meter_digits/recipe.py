"""The recipe of `meter-digits`: a small network learns tenths on a circle, also from larger ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

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

Taught: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""What teachers say of an epoch's pictures (n, 32, 20, 3), as shares (n, 100)."""


class MeterDigitsOptions(WheelOptions):
    """Options of the recipe `meter-digits`."""

    epochs: int = option(45, "So many times the pictures are gone through.", ge=1)
    filters: tuple[int, int, int] = option((24, 40, 56), "Channels of the three convolutions.")
    hidden: int = option(48, "Values between what is seen and the scores.", ge=1)
    dropout: float = option(0.22, "Share of what is seen that is left out in each step.", ge=0, lt=1)
    teacher_width: float = option(
        1.6, "Channels of the teachers, which learn first, times those of the network; 0: none.", ge=0
    )
    teacher_epochs: int = option(40, "So many times a teacher goes through its pictures.", ge=1)
    teacher_share: float = option(
        0.5, "Share of the truth that is what a teacher says of the same picture.", ge=0, le=1
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
        training, validation = (
            cached_wheels(part, cache, self.warp) for part in (made.training, made.validation)
        )
        return Parts(training, validation, LABELS)

    def exam(self, folder: Path, cache: Path, part: str) -> Exam:
        """The files themselves, so that any model sees them as it would in the daemon."""
        made = read_folders(folder) if part == "all" else None
        if made is None:
            made = getattr(split_wheels(folder, self.options), part)
        if not len(made):
            raise TrainingError(f"{folder}: has no {part} part; declare it by a folder {part}/")
        return Exam(made, made.labels, tuple(made.labels[item.label or 0] for item in made.items))

    def train(self, session: Session, parts: Parts) -> Any:
        """First the teachers, if there are to be any, then the network itself.

        Two teachers learn from half of the pictures each, and tell what they see in the other half: of
        what a teacher knows by heart it only repeats what people said, with their mistakes.
        """
        options = self.options
        if not options.teacher_width:
            return self._fit(session, parts, ALONE, options.epochs)
        second = _halves(parts.training, options.seed)
        teachers = []
        for number, rows in enumerate((~second, second), start=1):
            half = Parts(parts.training.take(np.flatnonzero(rows)), parts.validation)
            name, width = f"teacher-{number}", options.teacher_width
            teachers.append(self._fit(session, half, name, options.teacher_epochs, width))

        def taught(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
            """What the teacher that did not learn from it says of each picture, (n, 100)."""
            from edge_vision_models.meter_digits.network import shares_of  # noqa: PLC0415

            said = np.empty((len(pictures), TENTHS), np.float32)
            said[second] = shares_of(teachers[0], pictures[second])
            said[~second] = shares_of(teachers[1], pictures[~second])
            return said

        return self._fit(session, parts, "student", options.epochs, taught=taught)

    def _fit(
        self,
        session: Session,
        parts: Parts,
        name: str,
        epochs: int,
        width: float = 1.0,
        taught: Taught | None = None,
    ) -> Any:
        """One network, trained."""
        from edge_vision.training.fitting.losses import CrossEntropy  # noqa: PLC0415 - needs Keras
        from edge_vision_models.meter_digits.network import (  # noqa: PLC0415
            wheel_body,
            wheel_network,
        )

        options = self.options
        filters = [round(channels * width) for channels in options.filters]
        dropout = min(0.5, options.dropout * width)
        with session.scope(options.seed):
            hidden = round(options.hidden * width)
            network = wheel_network(wheel_body(filters, hidden, TENTHS, dropout))
            losses = {_ANSWER: CrossEntropy(options.label_smoothing)}

        def data(epoch: int, random: np.random.Generator) -> EpochData:
            strength, spread = fading(options, epoch / epochs)
            wheels = augmented_wheels(parts.training, options, strength, random)
            truth = circular_truth(wheels.positions, spread)
            if taught is not None:
                share = np.float32(options.teacher_share)
                truth = (1 - share) * truth + share * taught(wheels.pictures)
            return EpochData({"image": wheels.pictures}, {_ANSWER: truth})

        settings = options.model_copy(update={"epochs": epochs})
        session.fit(network, losses, data, lambda learnt: self.validate(learnt, parts), settings, name)
        return network

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


def _halves(part: Examples, seed: int) -> NDArray[np.bool_]:
    """True for one half of the examples, (n,); what belongs together is in the same half."""
    names = np.array(part.groups or [str(row) for row in range(len(part))])
    groups, numbers = np.unique(names, return_inverse=True)
    chosen = np.random.default_rng(seed).permutation(len(groups)) % 2 == 0
    return np.asarray(chosen[numbers])
