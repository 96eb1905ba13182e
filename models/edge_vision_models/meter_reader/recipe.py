"""The recipe of `meter-reader`: a CNN learns single wheels, then a GRU learns how they carry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.texts import ReadText
from edge_vision.contracts.model import Model
from edge_vision.contracts.options import option
from edge_vision.data.errors import TrainingError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.evaluation.circular import circular_score
from edge_vision.training.evaluation.classification import class_scores
from edge_vision.training.evaluation.sights import look
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.fitting.epoch_data import EpochData
from edge_vision.training.fitting.settings import FitSettings
from edge_vision.training.recipe import Inputs, Recipe
from edge_vision.training.score import Score
from edge_vision.training.session import Session
from edge_vision_models.meter_digits.wheels import (
    DATA,
    TENTHS,
    WheelOptions,
    augmented_wheels,
    cached_wheels,
    circular_truth,
    fading,
    positions_of,
    split_wheels,
)
from edge_vision_models.meter_digits.wheels import LABELS as TENTH_LABELS
from edge_vision_models.meter_reader.rows import LABELS, Composer, Rows, joined, texts_of
from edge_vision_models.meter_reader.rules import compared, told_of
from edge_vision_models.meter_reader.scoring import rows_score

TRAINING_SLOP = (-0.33, 0.23)
"""Wheels that hang back further than those that judge; a third of the rows has none that do."""
NO_SLOP = (0.0, 0.0)
SHOWN_NOTHING = 0.02
"""Share of black pictures beside those of wheels."""
CALIBRATED = 150
"""So many rows calibrate int8."""
EXAM_SEED = 4
"""The rows that judge are always the same ones of the same pictures."""
MEMORY_STRENGTH = 0.6
"""How strongly wheels are augmented, of what they are at the most, while the GRU learns."""


class MeterReaderOptions(WheelOptions):
    """Options of the recipe `meter-reader`."""

    epochs: int = option(35, "So many times the CNN goes through the pictures of wheels.", ge=1)
    filters: tuple[int, int, int] = option((28, 56, 80), "Channels of the CNN's three convolutions.")
    hidden: int = option(64, "Values between what the CNN sees and its scores.", ge=1)
    dropout: float = option(0.2, "Share of what is seen that is left out in each step.", ge=0, lt=1)
    memory: tuple[int, int, int] = option(
        (40, 48, 48), "Values of a wheel, of the GRU, and of both together."
    )
    memory_epochs: int = option(10, "Epochs of the GRU over what the CNN sees.", ge=1)
    memory_rate: float = option(4e-3, "The highest learning rate of the GRU.", gt=0.0)
    memory_rows: int = option(30_000, "Rows that are composed for each of its epochs.", ge=1)
    together_epochs: int = option(3, "Epochs of both together at the end; 0: none.", ge=0)
    together_rate: float = option(4e-4, "The highest learning rate of both together.", gt=0.0)
    together_rows: int = option(6_000, "Rows that are composed for each of these epochs.", ge=1)
    exam_rows: int = option(3_000, "Rows that judge.", ge=1)
    compare: str = option(
        "",
        "A classifier of tenths, such as meter-digits, that reads the same rows digit by digit, and by "
        "a carry rule, for comparison; left out, the reader's own CNN.",
    )


class MeterReader(Recipe[MeterReaderOptions]):
    """A reader of rows of wheels, which learns how they carry from rows composed of single ones."""

    name = "meter-reader"
    task = "read"
    layout = "slots"
    meanings = {"digits": "slot-scores"}  # noqa: RUF012 - as the base has it
    about = (
        "Reads the number on a row of five to eight rolling wheels, as meters of water, gas and power "
        "have. It looks at each wheel, and goes over them from right to left, so that a wheel half way "
        "between two digits is read as what its right neighbour says."
    )
    limits = (
        "It takes the wheels side by side, each 20 x 32 pixels, the last one at the right end, black "
        "where there is none; the stage meter cuts them out. The rows it learnt from, and is judged on, "
        "are composed of pictures of single wheels. Where a row has its last wheel within a tenth of "
        "the next digit, either may be said."
    )
    data = DATA
    forms = ("float16", "int8")
    Options = MeterReaderOptions

    def __init__(self, options: MeterReaderOptions) -> None:
        super().__init__(options)
        self._compared: dict[str, float] = {}

    def read(self, folder: Path, cache: Path) -> Parts:
        """The pictures of a folder for each tenth, in two parts that have nothing in common."""
        made = split_wheels(folder, self.options)
        self.notes = [*made.training.notes]
        return Parts(cached_wheels(made.training, cache), cached_wheels(made.validation, cache), LABELS)

    def exam(self, folder: Path, cache: Path, part: str) -> Exam:
        """Rows composed of the pictures of a part, always the same ones."""
        if part not in ("validation", "training"):
            raise TrainingError(f"{self.name}: has no part {part}; say --part validation or training")
        wheels = cached_wheels(getattr(split_wheels(folder, self.options), part), cache)
        rows = self._exam_rows(wheels)
        told = {"number": rows.numbers, "count": rows.counts}
        return Exam(Examples(rows.pictures(wheels.pictures), told), LABELS, rows.texts)

    def train(self, session: Session, parts: Parts) -> Any:
        """The CNN on single wheels, the GRU on what that sees of rows, then both together."""
        from edge_vision_models.meter_reader.network import reader  # noqa: PLC0415 - needs Keras

        options = self.options
        with session.scope(options.seed):
            made = reader(options.filters, options.hidden, options.dropout, options.memory)
        self._learn_wheels(session, parts, made.body)
        self._learn_to_carry(session, parts, made)
        if options.together_epochs:
            self._learn_together(session, parts, made)
        self._compare(session, parts, made.body)
        return made

    def _learn_wheels(self, session: Session, parts: Parts, body: Any) -> None:
        """What a single wheel shows, and that black is none."""
        from edge_vision.training.fitting.losses import CrossEntropy  # noqa: PLC0415
        from edge_vision_models.meter_digits.network import SCORES, wheel_network  # noqa: PLC0415

        options, part = self.options, parts.validation
        with session.scope(options.seed):
            network = wheel_network(body)

        def data(epoch: int, random: np.random.Generator) -> EpochData:
            strength, spread = fading(options, epoch / options.epochs)
            wheels = augmented_wheels(parts.training, options, strength, random)
            truth = np.pad(circular_truth(wheels.positions, spread), ((0, 0), (0, 1)))
            none = np.eye(TENTHS + 1, dtype=np.float32)[[TENTHS]].repeat(
                max(1, round(SHOWN_NOTHING * len(truth))), axis=0
            )
            black = np.zeros((len(none), *wheels.pictures.shape[1:]), np.uint8)
            pictures = np.concatenate([wheels.pictures, black])
            return EpochData({"image": pictures}, {SCORES: np.concatenate([truth, none])})

        def validate(learnt: Any) -> Score:
            said = learnt.predict({"image": part.pictures}, batch_size=256, verbose=0)[SCORES]
            tenths = np.asarray(said)[:, :TENTHS].argmax(axis=1)
            return circular_score(tenths, positions_of(part), TENTH_LABELS)

        session.fit(network, {SCORES: CrossEntropy()}, data, validate, options, "wheels")

    def _learn_to_carry(self, session: Session, parts: Parts, made: Any) -> None:
        """Digits from what the CNN sees of rows; the CNN stays as it is."""
        from edge_vision.training.fitting.losses import CrossEntropy  # noqa: PLC0415
        from edge_vision_models.meter_digits.network import (  # noqa: PLC0415 - needs Keras
            SCORES,
            shares_of,
            wheel_network,
        )
        from edge_vision_models.meter_reader.network import DIGITS  # noqa: PLC0415

        options, composer, eyes = self.options, Composer(parts.training), wheel_network(made.body)
        judged = self._exam_rows(parts.validation)
        nothing = np.zeros((1, *parts.training.pictures.shape[1:]), np.uint8)

        def seen(pictures: NDArray[np.uint8], rows: Rows) -> NDArray[np.float32]:
            # Without a wheel a row of the table is taken from its end, which is what black looks like.
            return np.concatenate([shares_of(eyes, pictures), shares_of(eyes, nothing)])[rows.wheels]

        def data(_epoch: int, random: np.random.Generator) -> EpochData:
            strength = MEMORY_STRENGTH * options.strength[0]
            wheels = augmented_wheels(parts.training, options, strength, random)
            rows = _training_rows(composer, random, options.memory_rows)
            return EpochData({SCORES: seen(wheels.pictures, rows)}, {DIGITS: rows.digits})

        held = seen(np.asarray(parts.validation.pictures), judged)

        def validate(learnt: Any) -> Score:
            return _score(learnt.predict({SCORES: held}, batch_size=256, verbose=0)[DIGITS], judged)

        settings = self._settings(options.memory_epochs, options.memory_rate)
        losses = {DIGITS: CrossEntropy()}
        session.fit(made.memory, losses, data, validate, settings, "carry")

    def _learn_together(self, session: Session, parts: Parts, made: Any) -> None:
        """Digits from pictures of rows, CNN and GRU as one."""
        from edge_vision.training.fitting.losses import CrossEntropy  # noqa: PLC0415
        from edge_vision_models.meter_reader.network import DIGITS  # noqa: PLC0415 - needs Keras

        options, composer = self.options, Composer(parts.training)
        judged = self._exam_rows(parts.validation)
        pictures = judged.pictures(np.asarray(parts.validation.pictures))
        with session.scope(options.seed):
            network = made.network()

        def data(_epoch: int, random: np.random.Generator) -> EpochData:
            strength = MEMORY_STRENGTH * options.strength[0]
            wheels = augmented_wheels(parts.training, options, strength, random)
            rows = _training_rows(composer, random, options.together_rows)
            return EpochData({"image": rows.pictures(wheels.pictures)}, {DIGITS: rows.digits})

        def validate(learnt: Any) -> Score:
            return _score(learnt.predict({"image": pictures}, batch_size=64, verbose=0)[DIGITS], judged)

        settings = self._settings(options.together_epochs, options.together_rate)
        losses = {DIGITS: CrossEntropy()}
        session.fit(network, losses, data, validate, settings, "together")

    def _compare(self, session: Session, parts: Parts, body: Any) -> None:
        """Find out how well the rows that judge are read from where single wheels stand."""
        from edge_vision_models.meter_digits.network import (  # noqa: PLC0415 - needs Keras
            shares_of,
            wheel_network,
        )

        eyes = wheel_network(body)

        def positions(part: Examples) -> NDArray[np.int64]:
            if not self.options.compare:
                return shares_of(eyes, np.asarray(part.pictures))[:, :TENTHS].argmax(axis=1)
            with session.teacher(self.options.compare) as model:
                shown = np.unique(positions_of(part))
                return class_scores(model, part, TENTH_LABELS, shown)[0].argmax(axis=1)

        random = np.random.default_rng(self.options.seed)
        learnt = Composer(parts.training).compose(random, self.options.exam_rows)
        judged = self._exam_rows(parts.validation)
        self._compared = compared(
            learnt,
            told_of(learnt, positions(parts.training)),
            judged,
            told_of(judged, positions(parts.validation)),
        )

    def device_graph(self, network: Any) -> Any:
        """One row in, probabilities of each place's digit out."""
        return network.device_graph()

    def representative(self, part: Examples) -> Sequence[Sequence[Inputs]]:
        """Rows of the part's wheels, each by itself."""
        random = np.random.default_rng(self.options.seed)
        rows = Composer(part).compose(random, CALIBRATED)
        pictures = rows.pictures(np.asarray(part.pictures))
        return [[{"image": pictures[row : row + 1]}] for row in range(len(rows))]

    def evaluate(self, model: Model, exam: Exam, warp: Warp = reference_warp) -> Score:
        """The shares of rows that are exact and within a tenth, and of right digits.

        After a training, by_digit_... and by_rule_... are the same shares where single wheels are told.
        """
        if not isinstance(exam.source, Examples):
            raise TrainingError(f"{self.name}: is judged on rows that its own exam composed")
        told = exam.source.targets
        numbers, counts = np.asarray(told["number"]), np.asarray(told["count"])
        read = [each.reading.text for each in look(model, ReadText, exam.source, warp=warp)]
        score = rows_score(read, numbers, counts)
        values = {**score.values, **self._compared}
        return Score(values, score.examples, mistakes=score.mistakes, said=score.said)

    def _exam_rows(self, part: Examples) -> Rows:
        return Composer(part).compose(np.random.default_rng(EXAM_SEED), self.options.exam_rows)

    def _settings(self, epochs: int, rate: float) -> FitSettings:
        changed = {"epochs": epochs, "learning_rate": rate}
        return self.options.model_copy(update=changed)


def _training_rows(composer: Composer, random: np.random.Generator, count: int) -> Rows:
    """Rows of which a third is ideal."""
    ideal = count // 3
    return joined(
        [
            composer.compose(random, count - ideal, TRAINING_SLOP),
            composer.compose(random, ideal, NO_SLOP),
        ]
    )


def _score(logits: Any, rows: Rows) -> Score:
    """How well rows were read, from logits (n, 8, 11)."""
    texts = texts_of(np.asarray(logits).argmax(axis=-1))
    return rows_score(texts, rows.numbers, rows.counts)
