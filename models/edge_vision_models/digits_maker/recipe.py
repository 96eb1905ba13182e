"""The recipe of `digits-maker`: an autoencoder learns to draw wheels, while a critic looks on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.model import Model
from edge_vision.contracts.options import option
from edge_vision.data.errors import TrainingError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.augmentation.options import Augmentation
from edge_vision.training.evaluation.circular import circular_score
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.fitting.epoch_data import EpochData
from edge_vision.training.recipe import Inputs, Recipe
from edge_vision.training.score import Score
from edge_vision.training.session import Session
from edge_vision_models.digits_maker.circle import places
from edge_vision_models.digits_maker.judging import Jury, Real, jury
from edge_vision_models.meter_digits.fewer import FewerOptions, draw_wheels, fewer
from edge_vision_models.meter_digits.wheels import (
    DATA,
    LABELS,
    TENTHS,
    WheelOptions,
    Wheels,
    augmented_wheels,
    cached_wheels,
    circular_truth,
    positions_of,
    split_wheels,
)

CALIBRATED = 300
"""So many draws calibrate int8."""
VALIDATED = 10
"""So many pictures of each tenth are drawn after an epoch."""
STRIDE = 37
"""From each tenth that is asked for to the next, so that the first few are all over the wheel."""
_IMAGE, _LATENT, _LABEL = "image", "latent", "label"

CHANGES = Augmentation(
    rotate=1.5, scale=(0.98, 1.02), shift=0.03, brightness=0.08, contrast=0.15, saturation=0.3
)
"""How wheels are changed: less than for a reader, as what is changed is what will be drawn."""


class DigitsMakerOptions(FewerOptions, WheelOptions):
    """Options of the recipe `digits-maker`."""

    epochs: int = option(5, "So many times the pictures are gone through.", ge=1)
    repeat: int = option(1, "So often each picture is seen in an epoch.", ge=1, le=1000)
    learning_rate: float = option(3e-3, "The highest learning rate, reached after the warm-up.", gt=0.0)
    weight_decay: float = option(0.0, "Decay of the weights, as a share of the learning rate.", ge=0.0)
    final_rate: float = option(0.02, "Share of the learning rate that is left at the last step.", ge=0)
    clip: float = option(5.0, "Largest norm of all gradients together; 0: any.", ge=0.0)
    every: int = option(5, "Each so many epochs, and after the last, the network is validated.", ge=1)
    ema: float = option(0.99, "Momentum of a moving average of the weights, which is kept.", ge=0, lt=1)
    augmentation: Augmentation = option(CHANGES, "How pictures are changed at random.")
    latents: int = option(
        24, "Values drawn at random that tell one picture of a tenth from another.", ge=1
    )
    hidden: int = option(64, "Values between these, with the tenth, and the picture's places.", ge=1)
    channels: tuple[int, int, int, int] = option(
        (24, 48, 32, 16),
        "Channels of 5 x 8 places, before and after a convolution, 10 x 16, 20 x 32.",
    )
    divergence: float = option(
        2e-4, "What a nat counts by which latent values differ from a normal distribution.", ge=0.0
    )
    alike: float = option(0.1, "What differences count that the reader sees in redrawn pictures.", ge=0)
    fooled: float = option(
        5e-4, "What it counts whether the critic is fooled; ten times as much spoils all.", ge=0.0
    )
    readable: float = option(
        0.03, "What it counts whether the reader reads in drawn pictures what was wanted.", ge=0.0
    )
    reader_epochs: int = option(3, "So many times the reader goes through the pictures before.", ge=1)
    reader_rate: float = option(3e-3, "The highest learning rate of the reader.", gt=0.0)
    exam_draws: int = option(30, "So many pictures of each tenth are drawn in an exam.", ge=2)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DrawingExam(Exam):
    """An exam of models that draw: which tenths they are asked for.

    The source holds a real picture for each, of that tenth where there is one.

    wanted  (n,) tenths, 0 to 99
    real    all real pictures with which what is drawn is compared
    """

    wanted: NDArray[np.int64]
    real: Examples


class DigitsMaker(Recipe[DigitsMakerOptions]):
    """A generator of wheels: latent values and a tenth in, a picture out."""

    name = "digits-maker"
    task = "generate"
    layout = "image"
    meanings = {_IMAGE: "image"}  # noqa: RUF012 - as the base has it
    about = (
        "Draws one rolling digit of a water, gas or power meter, at the tenth that is wanted: 3.5 is "
        "half way from 3 to 4. What is drawn at random is whose meter it is: its type, colours, light."
    )
    limits = (
        "It draws what it has seen: 20 x 32 pixels of meters like those of its data. within_one and "
        "exact tell how often meter-digits reads in a drawn picture what was wanted; what drew and what "
        "reads learnt from the same pictures, but not from each other. frechet_distance compares how "
        "drawn and real pictures look to the backbone of objects (0: alike). diversity is how much "
        "drawn pictures of one tenth differ, beside real ones (100 %: as much). Few pictures are better "
        "changed a little than drawn anew: of 5, 10, 20 and 50 real pictures of each tenth meter-digits "
        "learns to tell 55.2, 66.1, 71.5 and 69.5 % exactly; with two drawn for each real one (of 50, "
        "one) by a generator that learnt from the same few (`--set most_per_class=10` for both) 43.6, "
        "48.2, 46.6 and 66.9 %; by this one, which saw all of its data, 59.2, 62.8, 64.6 and 67.7 % "
        "(benchmarks/drawn_digits.py, 20,000 pictures shown to each reader)."
    )
    data = DATA
    forms = ("float16", "int8")
    Options = DigitsMakerOptions

    def __init__(self, options: DigitsMakerOptions) -> None:
        super().__init__(options)
        self._jury: tuple[Jury, Real] | None = None

    def read(self, folder: Path, cache: Path) -> Parts:
        """The pictures of a folder for each tenth, in two parts that have nothing in common."""
        made = split_wheels(folder, self.options)
        self.notes = [*made.training.notes]
        training, validation = (
            cached_wheels(part, cache, self.warp) for part in (made.training, made.validation)
        )
        few = fewer(training, self.options.most_per_class, self.options.seed)
        return Parts(few, validation, LABELS)

    def exam(self, folder: Path, cache: Path, part: str) -> Exam:
        """As many pictures of each tenth; they are compared with the real ones of a part."""
        parts = self.read(folder, cache)
        if part not in ("validation", "training"):
            raise TrainingError(f"{self.name}: has no part {part}; say --part validation or training")
        wanted = np.tile(np.arange(TENTHS) * STRIDE % TENTHS, self.options.exam_draws)
        truths = tuple(LABELS[tenth] for tenth in wanted)
        real = getattr(parts, part)
        shown = real.take(_of_tenths(real, wanted))
        return DrawingExam(shown, LABELS, truths, wanted=wanted, real=real)

    def train(self, session: Session, parts: Parts) -> Any:
        """Train, while the jury looks at what is drawn after some epochs."""
        with jury(self.open_model, self.warp) as judges:
            self._jury = judges, Real.of(parts.validation, judges)
            try:
                return super().train(session, parts)
            finally:
                self._jury = None

    def network(self, session: Session, parts: Parts) -> Any:
        """An encoder, a decoder and a critic, and a reader that has learnt already."""
        from edge_vision_models.digits_maker import network  # noqa: PLC0415 - needs Keras

        options = self.options
        draws = network.decoder(options.latents, options.hidden, options.channels)
        reads = network.seen_by(self._reader(session, parts))
        return network.learning_network(draws, options.latents, reads)

    def _reader(self, session: Session, parts: Parts) -> Any:
        """A reader of wheels that learns from the same pictures, and from no others."""
        from edge_vision.training.fitting.losses import CrossEntropy  # noqa: PLC0415 - needs Keras
        from edge_vision_models.digits_maker import network  # noqa: PLC0415
        from edge_vision_models.meter_digits.network import SCORES  # noqa: PLC0415

        options, judged = self.options, parts.validation
        made = network.reader()

        def epoch(_: int, random: np.random.Generator) -> EpochData:
            wheels = self._wheels(parts, random)
            truth = circular_truth(wheels.positions, options.spread[0])
            return EpochData({_IMAGE: wheels.pictures}, {SCORES: truth})

        def validate(learnt: Any) -> Score:
            given = learnt.predict({_IMAGE: judged.pictures}, batch_size=256, verbose=0)[SCORES]
            return circular_score(np.asarray(given).argmax(axis=1), positions_of(judged), LABELS)

        settings = {"epochs": options.reader_epochs, "learning_rate": options.reader_rate, "every": 1}
        session.fit(
            made,
            {SCORES: CrossEntropy()},
            epoch,
            validate,
            options.model_copy(update=settings),
            "reader",
        )
        return made

    def losses(self, session: Session, parts: Parts) -> Mapping[str, Any]:
        """What redrawn pictures differ by, what latent values tell, and what reader and critic say."""
        from edge_vision.training.fitting.learner import Goal  # noqa: PLC0415 - needs Keras
        from edge_vision_models.digits_maker import network  # noqa: PLC0415

        options, plain = self.options, network.AsItIs()
        return {
            network.REDRAWN: Goal(network.Difference(), 1.0, target=_IMAGE),
            network.DIVERGENCE: Goal(plain, options.divergence, target=_IMAGE),
            network.ALIKE: Goal(plain, options.alike, target=_IMAGE),
            network.READABLE: Goal(plain, options.readable, target=_IMAGE),
            network.FOOLED: Goal(plain, options.fooled, target=_IMAGE),
            network.CRITIC: Goal(plain, 1.0, target=_IMAGE),
        }

    def epoch(self, parts: Parts, random: np.random.Generator, epoch: int) -> EpochData:
        """All wheels, a little changed, and what is random in each step."""
        wheels, options = self._wheels(parts, random), self.options
        inputs: dict[str, NDArray[Any]] = {
            _IMAGE: wheels.pictures,
            "place": places(wheels.positions),
            "shares": circular_truth(wheels.positions, options.spread[1]),
            "chance": random.standard_normal((len(wheels.pictures), 2 * options.latents), np.float32),
        }
        return EpochData(inputs, {_IMAGE: wheels.pictures})

    def _wheels(self, parts: Parts, random: np.random.Generator) -> Wheels:
        part = parts.training
        repeated = part.take(np.tile(np.arange(len(part)), self.options.repeat))
        return augmented_wheels(repeated, self.options, self.options.strength[0], random)

    def validate(self, network: Any, parts: Parts) -> Score:
        """How what it draws looks to the jury: how alike it is, then how well it can be read."""
        from edge_vision_models.digits_maker.network import drawn_by  # noqa: PLC0415 - needs Keras

        if self._jury is None:
            raise TrainingError(f"{self.name}: is validated while it is trained")
        judges, real = self._jury
        wanted = np.tile(np.arange(TENTHS), VALIDATED)
        random = np.random.default_rng(self.options.seed)
        latents = random.standard_normal((len(wanted), self.options.latents), np.float32)
        values = judges.score(drawn_by(network, latents, places(wanted)), wanted, real).values
        # Of two that can be read, the one is better whose pictures look more like real ones.
        return Score({"likeness": 1.0 / (1.0 + values["frechet_distance"]), **values}, len(wanted))

    def device_graph(self, network: Any) -> Any:
        """Latent values and a tenth in, a picture out."""
        from edge_vision_models.digits_maker.network import drawing_step  # noqa: PLC0415 - needs Keras

        return drawing_step(network)

    def representative(self, part: Examples) -> Sequence[Sequence[Inputs]]:
        """Random latent values, and all tenths in turn."""
        random, labels = np.random.default_rng(self.options.seed), np.eye(TENTHS, dtype=np.float32)
        turns = random.permutation(np.arange(CALIBRATED) % TENTHS)
        shape = (1, self.options.latents)
        return [
            [{_LATENT: random.standard_normal(shape, np.float32), _LABEL: labels[[turn]]}]
            for turn in turns.tolist()
        ]

    def evaluate(self, model: Model, exam: Exam, warp: Warp = reference_warp) -> Score:
        """How often what it draws is read as what was wanted, and how it looks beside real pictures."""
        if not isinstance(exam, DrawingExam):
            raise TypeError("models of this recipe are judged on its own exams")
        drawn = draw_wheels(model, exam.wanted, np.random.default_rng(self.options.seed))
        with jury(self.open_model, warp) as judges:
            return judges.score(drawn, exam.wanted, Real.of(exam.real, judges))


def _of_tenths(part: Examples, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of pictures of some tenths, another one each time as long as there are some; any for none."""
    rows = [np.flatnonzero(positions_of(part) == tenth) for tenth in range(TENTHS)]
    return np.array(
        [rows[t][turn // TENTHS % len(rows[t])] if len(rows[t]) else 0 for turn, t in enumerate(wanted)]
    )
