"""The recipe `remember`: from a recording of a camera's usual scene to a model of what is unusual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.redrawing import Redrawing
from edge_vision.contracts.model import Model
from edge_vision.contracts.options import option
from edge_vision.data.errors import TrainingError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.evaluation.sights import look
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.fitting.epoch_data import EpochData
from edge_vision.training.fitting.settings import FitSettings
from edge_vision.training.recipe import Inputs, Recipe
from edge_vision.training.score import Score
from edge_vision.training.session import Session
from edge_vision_models.remember.calibration import place_statistics, threshold_of
from edge_vision_models.remember.exam import PlantedExam, planted_exam, planted_score
from edge_vision_models.remember.light import Light, relit, relit_all
from edge_vision_models.remember.recording import Recording, Stretch, Taking, read_recording
from edge_vision_models.remember.things import with_pieces

SEEN = 10_000
"""So many frames a training goes through, about, where nobody says how many epochs it has."""
EPOCHS = (3, 40)
"""The fewest and the most epochs where nobody says how many."""
CALIBRATED = 60
"""So many frames calibrate int8."""
_IMAGE, _CLEAN, _APART = "image", "clean", "apart"


class RememberOptions(FitSettings):
    """Options of the recipe `remember`."""

    epochs: int = option(
        0, "So many times the frames are gone through; 0: 3 to 40, fewer where there are many.", ge=0
    )
    batch: int = option(16, "Examples a step.", ge=1)
    learning_rate: float = option(2e-3, "The highest learning rate, reached after the warm-up.", gt=0.0)
    size: tuple[int, int] = option(
        (128, 96), "Width and height that the network sees; multiples of 16.", unit="px"
    )
    rate: float = option(2.0, "Frames a second that are taken of a recording.", unit="1/s", gt=0, le=60)
    only: tuple[Stretch, ...] = option(
        (), "The stretches of a recording that are usual, [from, to]; left out, all of it.", unit="s"
    )
    most: int = option(7200, "So many frames at most, evenly apart.", ge=20)
    code: int = option(64, "Values that everything goes through that is redrawn.", ge=1, le=1024)
    width: int = option(16, "Channels at half the size, and twice as many further in.", ge=4, le=128)
    light: Light = option(Light(), "How light may change without being unusual.")
    copies: int = option(
        8, "So many times, in other light, the frames are looked at that tell what is normal.", ge=1
    )
    false_alarms: float = option(
        0.001, "Share of normal frames in which something may be called unusual.", gt=0.0, lt=0.5
    )


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """A network that has learnt, and how badly it redraws what is normal.

    network  in which the autoencoder is
    usual    (rows, columns) the mean error of each place
    spread   (rows, columns) how much more of it is normal
    """

    network: Any
    usual: NDArray[np.float32] = field(repr=False)
    spread: NDArray[np.float32] = field(repr=False)


class Remember(Recipe[RememberOptions]):
    """An autoencoder of a scene, and how badly it redraws each place of it as long as all is normal."""

    name = "remember"
    task = "generate"
    layout = "image-and-heat"
    meanings = {"redrawn": "image", "heat": "heat"}  # noqa: RUF012 - as the base has it
    about = (
        "Knows what one camera usually sees, whatever the light, and says how unusual each place of its "
        "view is now: 0 for as usual, 1 and more for what is seldom normal."
    )
    limits = (
        "It knows one camera in one place: where that is moved, a new recording is needed. What was in "
        "the recording is usual, also where it should not be. Things smaller than 4 pixels of what it "
        "sees are lost, and so are those as bright and of the same colour as what is behind them."
    )
    forms = ("float16", "weight-int8")
    largest_loss = 0.02
    takes_file = True
    Options = RememberOptions

    def read(self, folder: Path, cache: Path) -> Parts:
        """The frames of a recording: those to learn and to calibrate from, and those that judge."""
        recording = self._recording(folder, cache)
        self.notes = [*recording.notes]
        roles = recording.roles[recording.roles != "judges"]
        training = replace(
            recording.part("learns", "calibrates"), targets={"calibrates": roles == "calibrates"}
        )
        return Parts(training, recording.part("judges"))

    def exam(self, folder: Path, cache: Path, part: str) -> Exam:
        """Frames that it did not learn from, in other light, with and without things planted in them."""
        if part not in ("validation", "training"):
            raise TrainingError(f"{self.name}: has no part {part}; say --part validation or training")
        recording = self._recording(folder, cache)
        frames = recording.part("judges" if part == "validation" else "learns")
        return planted_exam(frames, self.options.light, self.options.seed)

    def train(self, session: Session, parts: Parts) -> Remembered:
        """Train the autoencoder, then look how badly it redraws what it did not learn from."""
        from edge_vision_models.remember.network import errors_of  # noqa: PLC0415 - needs Keras

        network, options = super().train(session, parts), self.options
        held = parts.training.take(np.flatnonzero(parts.training.targets["calibrates"]))
        random = np.random.default_rng((options.seed, 1))
        first, second = (
            np.concatenate(
                [
                    errors_of(network, relit_all(held.pictures[turn::2], options.light, random))
                    for _ in range(options.copies)
                ]
            )
            for turn in (0, 1)
        )
        # What is normal at a place is told by some frames, how far it is surpassed by the others.
        usual, spread = place_statistics(first)
        threshold = max(
            threshold_of(((errors - usual) / spread).max(axis=(1, 2)), options.false_alarms)
            for errors in (first, second)
        )
        session.say(
            f"unusual from {threshold:.1f} standard deviations on, by {len(held)} held-back frames"
        )
        usual, spread = place_statistics(np.concatenate([first, second]))
        return Remembered(network, usual, np.asarray(spread * threshold, np.float32))

    def network(self, session: Session, parts: Parts) -> Any:
        """An autoencoder that begins with what is usual at each place."""
        from edge_vision_models.remember import network  # noqa: PLC0415 - needs Keras

        options = self.options
        made = network.learning_network(options.size, options.code, options.width)
        learnt = _learnt(parts)
        rows = np.linspace(0, len(learnt) - 1, min(len(learnt), 100)).astype(np.int64)
        network.begin_with_the_usual(made, learnt[rows])
        return made

    def losses(self, session: Session, parts: Parts) -> Mapping[str, Any]:
        """How far what is redrawn is from what is usual."""
        from edge_vision_models.remember.network import Mean  # noqa: PLC0415 - needs Keras

        return {_APART: Mean()}

    def epoch(self, parts: Parts, random: np.random.Generator, epoch: int) -> EpochData:
        """All frames, in other light and with things in front of them."""
        frames, light = _learnt(parts), self.options.light
        others = frames[random.permutation(len(frames))]
        shown = np.stack(
            [
                relit(with_pieces(frame, other, random), light, random)
                for frame, other in zip(frames, others, strict=True)
            ]
        )
        return EpochData({_IMAGE: shown, _CLEAN: frames}, {_APART: np.zeros(len(frames), np.float32)})

    def fit_settings(self, parts: Parts) -> FitSettings:
        """As set, with as many epochs as suit the number of frames where nobody says how many."""
        if self.options.epochs:
            return self.options
        fewest, most = EPOCHS
        epochs = min(max(round(SEEN / len(_learnt(parts))), fewest), most)
        return self.options.model_copy(update={"epochs": epochs, "every": max(1, epochs // 6)})

    def validate(self, network: Any, parts: Parts) -> Score:
        """How well frames in other light are redrawn that it did not learn from."""
        from edge_vision_models.remember.network import errors_of  # noqa: PLC0415 - needs Keras

        part = parts.validation
        rows = np.linspace(0, len(part) - 1, min(len(part), 100)).astype(np.int64)
        random = np.random.default_rng(self.options.seed)
        error = float(
            errors_of(network, relit_all(part.pictures[rows], self.options.light, random)).mean()
        )
        return Score({"likeness": 1.0 / (1.0 + error), "error": error}, len(rows))

    def device_graph(self, network: Remembered) -> Any:
        """A frame in, the frame redrawn and its heat out."""
        from edge_vision_models.remember.network import Normal, device_step  # noqa: PLC0415

        return device_step(network.network, Normal(network.usual, network.spread))

    def representative(self, part: Examples) -> Sequence[Sequence[Inputs]]:
        """Frames from all over the part, each in a light of its own and with other things in front."""
        rows = np.linspace(0, len(part) - 1, min(len(part), CALIBRATED)).astype(np.int64)
        random, light = np.random.default_rng((self.options.seed, 3)), self.options.light
        frames = np.asarray(part.pictures[rows])
        changed = [
            relit(with_pieces(frame, other, random), light, random)
            for frame, other in zip(frames, random.permutation(frames), strict=True)
        ]
        return [[{_IMAGE: frame[np.newaxis]}] for frame in changed]

    def evaluate(self, model: Model, exam: Exam, warp: Warp = reference_warp) -> Score:
        """The share of planted things that is found, by size, and of frames with a false alarm."""
        if not isinstance(exam, PlantedExam):
            raise TypeError("models of this recipe are judged on its own exams")
        heats = [seen.reading.heat for seen in look(model, Redrawing, exam.source, warp=warp)]
        return planted_score(exam, np.stack(heats))

    def _recording(self, data: Path, cache: Path) -> Recording:
        options = self.options
        if any(side % 16 or side < 32 for side in options.size):
            raise TrainingError(f"size: {options.size} are no two multiples of 16 from 32 on")
        taking = Taking(options.size, options.rate, options.only, options.most)
        return read_recording(data, taking, cache, self.warp)


def _learnt(parts: Parts) -> NDArray[np.uint8]:
    """The frames to learn from, without those that calibrate."""
    learns = ~np.asarray(parts.training.targets["calibrates"], np.bool_)
    return np.asarray(parts.training.pictures[learns], np.uint8)
