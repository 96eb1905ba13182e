"""The recipe of `paint`: one small network learns to paint in all styles of a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from edge_vision.contracts.model import Model
from edge_vision.contracts.options import option
from edge_vision.data.errors import TrainingError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.augmentation.epoch import epoch as augmented
from edge_vision.training.augmentation.options import Augmentation
from edge_vision.training.data.cache import cached
from edge_vision.training.data.collection import Collection
from edge_vision.training.data.parting import PartingOptions, part_of_split, parted
from edge_vision.training.data.splits import Split
from edge_vision.training.data.unlabelled import read_unlabelled
from edge_vision.training.data_facts import DataFacts
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.fitting.epoch_data import EpochData
from edge_vision.training.fitting.settings import FitSettings
from edge_vision.training.recipe import Inputs, Recipe
from edge_vision.training.score import Score
from edge_vision.training.session import Session
from edge_vision_models.paint.painting import painted_by
from edge_vision_models.paint.styles import Styles

if TYPE_CHECKING:
    from edge_vision_models.paint.judging import Judge

OBJECTS = "objects"
"""The shipped model through whose backbone paintings are looked at."""

CALIBRATED = 60
"""So many pictures calibrate int8."""
VALIDATED = 8
"""So many pictures are painted, in each style, after an epoch."""

_IMAGE, _LABEL, _PAINTED, _CHANGED = "image", "label", "painted", "changed"

Smaller = Annotated[int, Field(ge=1, le=16)]

SEEN = Augmentation(
    scale=(1.0, 1.8), aspect=1.5, flip=0.5, brightness=0.15, contrast=0.3, saturation=0.3
)
"""How pictures are changed: pieces of them, mirrored, in other light."""


class PaintOptions(PartingOptions, FitSettings):
    """Options of the recipe `paint`."""

    styles: str = option("", "Folder with a picture of each style, whose file names are the labels.")
    epochs: int = option(24, "So many times the pictures are gone through.", ge=1)
    repeat: int = option(3, "So often each picture is seen in an epoch.", ge=1, le=1000)
    batch: int = option(4, "Pieces of pictures a step.", ge=1)
    learning_rate: float = option(6e-3, "The highest learning rate, reached after the warm-up.", gt=0.0)
    weight_decay: float = option(0.0, "Decay of the weights, as a share of the learning rate.", ge=0.0)
    every: int = option(8, "Each so many epochs, and after the last, the network is validated.", ge=1)
    size: tuple[int, int] = option(
        (256, 256), "Width and height of paintings; multiples of 4 from 32 on.", unit="px"
    )
    piece: int = option(
        128, "Width and height of the pieces of pictures that are learnt from.", unit="px", ge=32
    )
    width: int = option(16, "Channels at half the size; twice as many at a quarter of it.", ge=4, le=128)
    blocks: int = option(5, "Inverted residuals at a quarter of the size.", ge=1, le=16)
    backbone: str = option(
        OBJECTS, "What is looked through: a bundle with our backbone, a run's folder."
    )
    stroke: int = option(
        320,
        "Shorter side of the style pictures: of larger ones, strokes are broader.",
        unit="px",
        ge=32,
        le=2048,
    )
    scales: tuple[Smaller, ...] = option(
        (1, 2, 4),
        "So many times smaller the style is looked at; more make it hold broadly.",
        min_length=1,
    )
    style_weight: float = option(10.0, "What the style counts beside the content, which counts 1.", gt=0)
    smoothness: float = option(1.0, "What differences of neighbouring pixels count.", ge=0.0)
    steadiness: float = option(20.0, "What changes by a camera's noise count; 0: nothing.", ge=0.0)
    noise: float = option(8.0, "Standard deviation of that noise.", unit="levels", ge=0.0, le=64.0)
    judged: int = option(16, "So many pictures are judged, in each style; 0: all.", ge=0)
    augmentation: Augmentation = option(SEEN, "How pictures are changed at random.")


class Paint(Recipe[PaintOptions]):
    """A painter of several styles, which learns from pictures of anything, and one of each style."""

    name = "paint"
    task = "generate"
    layout = "image"
    meanings = {_PAINTED: "image"}  # noqa: RUF012 - as the base has it
    about = (
        "Paints what a camera sees, in the style of an old master that it is told: a living painting, "
        "or, behind a stage that hides people, a view that shows what is going on and not who it is. "
        "One network knows all styles, and learns others from a folder with one picture of each."
    )
    data = DataFacts(
        "COCO128, 128 photographs of anything, to be painted; and three paintings: The Great Wave off "
        "Kanagawa (Hokusai), The Scream (Munch), The Shipwreck of the Minotaur (Turner)",
        "the photographs are CC BY, the paintings in the public domain; the backbone through which "
        "paintings are judged, that of objects, learnt from ImageNet, which is for research and "
        "education only",
        research_only=True,
        cite="Lin and others, Microsoft COCO: Common objects in context, 2014",
    )
    limits = (
        "painted is the share of the perceptual loss of the unchanged picture that is gone, style that "
        "of the distance to the style alone; content is 1 where the backbone sees all that it sees in "
        "the picture, and 0 where it sees no more of it than in another one; flicker is how much a "
        "camera's noise changes the painting, as a share of how much it changes the picture. All are "
        "as our small backbone sees it, and say nothing of beauty. It looks at 256 x 256 pixels: people "
        "who are small in there become a few strokes. It does not make people unrecognisable by itself: "
        "of the faces that a detector found in 91 photographs it still found 36 % in the paintings of "
        "the three shipped styles, and more than 90 % of the faces could be matched with the very same "
        "photograph. With the stage anonymise in front of it (a blur of 3 blocks a face) these were at "
        "most 1 % and 11 %; paint.toml shows how, and the manual of the stage generate has the figures. "
        "It was not tried against programs that recognise people."
    )
    forms = ("float16", "int8")
    least_psnr = 40.0
    Options = PaintOptions

    def read(self, folder: Path, cache: Path) -> Parts:
        """All pictures of a folder, in two parts, and the names of the styles."""
        made, labels = self._split(folder), self.styles.labels
        self.notes = [*made.training.notes, f"{len(labels)} styles: {', '.join(labels)}"]
        training, validation = (
            cached(part, self._size, cache, warp=self.warp) for part in (made.training, made.validation)
        )
        return Parts(training, validation, labels)

    def exam(self, folder: Path, cache: Path, part: str) -> Exam:
        """Some of the files themselves, so that any model sees them as it would in the daemon."""
        whole = part == "all"
        chosen = _pictures(folder) if whole else part_of_split(self._split(folder), part, folder)
        return Exam(chosen.take(_evenly(len(chosen), self.options.judged)), self.styles.labels)

    def network(self, session: Session, parts: Parts) -> Any:
        """A painter, and what it paints of a picture with noise."""
        from edge_vision_models.paint.network import Shape, in_training, painter  # noqa: PLC0415

        options = self.options
        made = painter(len(parts.labels), Shape(options.width, options.blocks))
        return in_training(made, options.noise if options.steadiness else 0.0)

    def losses(self, session: Session, parts: Parts) -> Mapping[str, Any]:
        """How it is seen by our backbone, and how steady it is."""
        from edge_vision.training.fitting.learner import Goal  # noqa: PLC0415 - needs Keras
        from edge_vision_models.paint.network import Unsteadiness  # noqa: PLC0415

        losses: dict[str, Any] = {_PAINTED: self.judge.loss}
        if self.options.steadiness:
            losses[_CHANGED] = Goal(Unsteadiness(), self.options.steadiness)
        return losses

    def epoch(self, parts: Parts, random: np.random.Generator, epoch: int) -> EpochData:
        """Pieces of all pictures, each to be painted in one of the styles, all styles alike often."""
        from edge_vision_models.paint.judging import with_number  # noqa: PLC0415 - needs Keras

        options, piece = self.options, (self.options.piece, self.options.piece)
        made = augmented(parts.training, options.augmentation, piece, random, repeat=options.repeat)
        numbers = random.permutation(np.arange(len(made)) % len(parts.labels))
        labels = np.eye(len(parts.labels), dtype=np.float32)[numbers]
        targets = {_PAINTED: with_number(made.pictures, numbers), _CHANGED: np.zeros(len(made))}
        return EpochData({_IMAGE: made.pictures, _LABEL: labels}, targets)

    def validate(self, network: Any, parts: Parts) -> Score:
        """Some pictures of the validation part, painted in all styles."""
        from edge_vision_models.paint.network import painter_in  # noqa: PLC0415 - needs Keras

        rows = _evenly(len(parts.validation), VALIDATED)
        pictures = parts.validation.take(rows).pictures
        made, painted = painter_in(network), {}
        for number in range(len(parts.labels)):
            label = np.eye(len(parts.labels), dtype=np.float32)[[number] * len(pictures)]
            given = made.predict({_IMAGE: pictures, _LABEL: label}, batch_size=VALIDATED, verbose=0)
            painted[number] = np.rint(255.0 * np.asarray(given[_PAINTED])).astype(np.uint8)
        return Score(self.judge.judged(pictures, painted).figures, len(pictures))

    def device_graph(self, network: Any) -> Any:
        """One picture and a label in, its painting out."""
        from edge_vision_models.paint.network import painter_step  # noqa: PLC0415 - needs Keras

        return painter_step(network, self._size)

    def representative(self, part: Examples) -> Sequence[Sequence[Inputs]]:
        """Pictures from all over the part, in each style in turn.

        They have half the detail: golden files hold them whole, and prove as much in half the room.
        """
        labels = np.eye(len(self.styles.labels), dtype=np.float32)
        pictures = part.pictures[:, ::2, ::2]
        return [
            [
                {
                    _IMAGE: pictures[row : row + 1].repeat(2, axis=1).repeat(2, axis=2),
                    _LABEL: labels[[turn % len(labels)]],
                }
            ]
            for turn, row in enumerate(_evenly(len(part), CALIBRATED))
        ]

    def evaluate(self, model: Model, exam: Exam, warp: Warp = reference_warp) -> Score:
        """How much of the style is there, and of the content; and how noise shows."""
        made = painted_by(model, exam.source, self.styles, warp)
        judged = self.judge.judged(made.pictures, made.painted)
        return Score(
            {**judged.figures, "flicker": made.flicker},
            len(made.pictures),
            mistakes=judged.left,
            drawing=lambda row, _: made.mosaic(row),
        )

    @cached_property
    def styles(self) -> Styles:
        """The style pictures."""
        return Styles.read(self.options.styles, self.options.stroke)

    @cached_property
    def judge(self) -> Judge:
        """Who tells how well pictures are painted, by the options' weights."""
        from edge_vision.training.fitting.perceptual import Distances  # noqa: PLC0415 - needs Keras
        from edge_vision_models.paint.judging import judge_of  # noqa: PLC0415

        options = self.options
        counts = Distances(1.0, options.style_weight, options.smoothness)
        return judge_of(self._weights(), self.styles, options.scales, counts)

    def _weights(self) -> Path:
        """Where the weights of our backbone are."""
        written = Path(self.options.backbone)
        if written.exists():
            return written
        with self.open_model(self.options.backbone) as model:
            return model.bundle.file.parent

    @property
    def _size(self) -> tuple[int, int]:
        """(width, height) in pixels of paintings; raises TrainingError where the network cannot."""
        if any(side % 4 or side < 32 for side in self.options.size):
            raise TrainingError(f"size: {self.options.size} are no multiples of 4 from 32 on")
        return self.options.size

    def _split(self, folder: Path) -> Split:
        return parted(_pictures(folder), self.options, self.options.seed, folder)


def _pictures(folder: Path) -> Collection:
    """All pictures below a folder, each to be painted in all styles."""
    return read_unlabelled(folder, "label")


def _evenly(count: int, most: int) -> list[int]:
    """At most so many rows of all, evenly apart."""
    rows = np.linspace(0, count - 1, min(most or count, count)).round()
    return [int(row) for row in rows]
