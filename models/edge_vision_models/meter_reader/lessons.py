"""Lessons: what a reader learns one after the other: what single wheels show, and how they carry."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.training.evaluation.circular import circular_score
from edge_vision.training.examples import Parts
from edge_vision.training.fitting.epoch_data import EpochData
from edge_vision.training.fitting.losses import CrossEntropy
from edge_vision.training.fitting.settings import FitSettings
from edge_vision.training.score import Score
from edge_vision.training.session import Session
from edge_vision_models.meter_digits.network import SCORES, wheel_network
from edge_vision_models.meter_digits.wheels import LABELS as TENTH_LABELS
from edge_vision_models.meter_digits.wheels import (
    TENTHS,
    Wheels,
    augmented_wheels,
    circular_truth,
    fading,
    positions_of,
)
from edge_vision_models.meter_reader.network import DIGITS, SEEN, Reader
from edge_vision_models.meter_reader.options import MeterReaderOptions
from edge_vision_models.meter_reader.rows import Composer, Rows, exam_rows, texts_of, training_rows
from edge_vision_models.meter_reader.scoring import rows_score

SHOWN_NOTHING = 0.02
"""Share of black pictures beside those of wheels."""
CARRY_STRENGTHS = (1.0, 0.6)
"""How strongly wheels are augmented, of what they are at the most, in turn while the GRU learns."""


class Lessons:
    """All that a reader is taught, from the same parts of the data."""

    def __init__(self, session: Session, parts: Parts, options: MeterReaderOptions) -> None:
        self._session = session
        self._parts = parts
        self._options = options
        self._composer = Composer(parts.training)
        self._judged = exam_rows(parts.validation, options.exam_rows)

    def wheels(self, reader: Reader) -> None:
        """Teach the CNN what a single wheel shows, and that black is none."""
        options, part = self._options, self._parts.validation
        with self._session.scope(options.seed):
            network = wheel_network(reader.body)

        def data(epoch: int, random: np.random.Generator) -> EpochData:
            strength, spread = fading(options, epoch / options.epochs)
            return _wheel_epoch(self._augmented(strength, random), spread)

        def validate(learnt: Any) -> Score:
            said = learnt.predict({"image": part.pictures}, batch_size=256, verbose=0)[SCORES]
            tenths = np.asarray(said)[:, :TENTHS].argmax(axis=1)
            return circular_score(tenths, positions_of(part), TENTH_LABELS)

        self._session.fit(
            network, {SCORES: CrossEntropy(options.label_smoothing)}, data, validate, options, "wheels"
        )

    def carry(self, reader: Reader) -> None:
        """Teach the GRU digits from what the CNN sees of rows; the CNN stays as it is."""
        options = self._options
        nothing = reader.shares(np.zeros_like(self._parts.training.pictures[:1]))

        def seen(pictures: NDArray[np.uint8], rows: Rows) -> NDArray[np.float32]:
            # NO_WHEEL, -1, takes the last line of the table: what black looks like.
            return np.concatenate([reader.shares(pictures), nothing])[rows.wheels]

        def data(epoch: int, random: np.random.Generator) -> EpochData:
            strength = CARRY_STRENGTHS[epoch % len(CARRY_STRENGTHS)] * options.strength[0]
            wheels = self._augmented(strength, random)
            rows = training_rows(self._composer, random, options.memory_rows)
            shares = seen(wheels.pictures, rows)
            truth = rows.as_seen(shares[:, -1, :TENTHS].argmax(axis=1))
            return EpochData({SCORES: shares}, {DIGITS: truth.digits})

        held = seen(np.asarray(self._parts.validation.pictures), self._judged)

        def validate(learnt: Any) -> Score:
            return self._score(learnt.predict({SCORES: held}, batch_size=256, verbose=0))

        settings = self._settings(options.memory_epochs, options.memory_rate)
        losses = {DIGITS: CrossEntropy()}
        self._session.fit(reader.memory, losses, data, validate, settings, "carry")

    def _augmented(self, strength: float, random: np.random.Generator) -> Wheels:
        return augmented_wheels(self._parts.training, self._options, strength, random)

    def _settings(self, epochs: int, rate: float) -> FitSettings:
        return self._options.model_copy(update={"epochs": epochs, "learning_rate": rate})

    def _score(self, answers: Any) -> Score:
        """How well the rows that judge were read, from logits (n, 8, 11)."""
        texts = texts_of(np.asarray(answers[DIGITS]).argmax(axis=-1))
        return rows_score(texts, self._judged.numbers, self._judged.counts)


def _wheel_epoch(wheels: Wheels, spread: float) -> EpochData:
    """Pictures of wheels and some black ones, and shares (n, 101) of what they show."""
    shown = np.pad(circular_truth(wheels.positions, spread), ((0, 0), (0, SEEN - TENTHS)))
    black = np.zeros_like(wheels.pictures[: max(1, round(SHOWN_NOTHING * len(shown)))])
    none = np.zeros((len(black), SEEN), np.float32)
    none[:, -1] = 1.0
    pictures = np.concatenate([wheels.pictures, black])
    return EpochData({"image": pictures}, {SCORES: np.concatenate([shown, none])})
