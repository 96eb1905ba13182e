"""The recipe of `meter-reader`: a CNN learns single wheels, then a GRU learns how they carry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.texts import ReadText
from edge_vision.contracts.model import Model
from edge_vision.data.errors import TrainingError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.evaluation.classification import class_scores
from edge_vision.training.evaluation.sights import look
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.recipe import Inputs, Recipe
from edge_vision.training.score import Score
from edge_vision.training.session import Session
from edge_vision_models.meter_digits.wheels import DATA, cached_wheels, positions_of, split_wheels
from edge_vision_models.meter_digits.wheels import LABELS as TENTH_LABELS
from edge_vision_models.meter_reader.options import MeterReaderOptions
from edge_vision_models.meter_reader.rows import LABELS, Composer, exam_rows
from edge_vision_models.meter_reader.rules import compared, told_of
from edge_vision_models.meter_reader.scoring import rows_score

CALIBRATED = 150
"""So many rows calibrate int8."""

Tell: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.int64]]
"""Where the wheels of pictures (n, 32, 20, 3) stand, (n,) in tenths."""


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
        "the next digit, either may be said: no nearer do people tell where a wheel stands. exact takes "
        "their word for it, within_tenth takes either, and exact_between_turns leaves such rows out. "
        "by_digit_... is what the same CNN reaches where each wheel is told by itself, and by_rule_... "
        "where a rule, in rules.py, carries from wheel to wheel instead of the GRU."
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
        training, validation = (
            cached_wheels(part, cache, self.warp) for part in (made.training, made.validation)
        )
        return Parts(training, validation, LABELS)

    def exam(self, folder: Path, cache: Path, part: str) -> Exam:
        """Rows composed of the pictures of a part, always the same ones."""
        if part not in ("validation", "training"):
            raise TrainingError(f"{self.name}: has no part {part}; say --part validation or training")
        wheels = cached_wheels(getattr(split_wheels(folder, self.options), part), cache, self.warp)
        rows = exam_rows(wheels, self.options.exam_rows)
        told = {"number": rows.numbers, "count": rows.counts}
        return Exam(Examples(rows.pictures(wheels.pictures), told), LABELS, rows.texts)

    def train(self, session: Session, parts: Parts) -> Any:
        """The CNN on single wheels, then the GRU on what that sees of rows."""
        from edge_vision_models.meter_reader.lessons import Lessons  # noqa: PLC0415 - needs Keras
        from edge_vision_models.meter_reader.network import new_reader  # noqa: PLC0415

        options = self.options
        with session.scope(options.seed):
            made = new_reader(options)
        lessons = Lessons(session, parts, options)
        lessons.wheels(made)
        lessons.carry(made)
        self._compare(session, parts, made.positions)
        return made

    def _compare(self, session: Session, parts: Parts, tell: Tell) -> None:
        """Find out how well the rows that judge are read from where single wheels stand.

        tell  where the wheels of pictures stand, where nobody else is to tell it
        """
        options = self.options
        random = np.random.default_rng(options.seed)
        learnt = Composer(parts.training).compose(random, options.exam_rows)
        judged = exam_rows(parts.validation, options.exam_rows)
        both = (parts.training, parts.validation)
        if options.compare:
            with session.teacher(options.compare) as model:
                told = [_positions(model, part) for part in both]
        else:
            told = [tell(np.asarray(part.pictures)) for part in both]
        self._compared = compared(learnt, told_of(learnt, told[0]), judged, told_of(judged, told[1]))

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


def _positions(model: Model, part: Examples) -> NDArray[np.int64]:
    """Where a classifier of tenths says that wheels stand, (n,)."""
    scores, _ = class_scores(model, part, TENTH_LABELS, np.unique(positions_of(part)))
    return np.asarray(scores.argmax(axis=1))
