"""The recipe for masks of one's own: pictures with the class of each pixel become a segmenter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.model import Model
from edge_vision.contracts.options import option
from edge_vision.data.errors import TrainingError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.augmentation.epoch import epoch as augmented
from edge_vision.training.augmentation.options import Augmentation
from edge_vision.training.data.collection import VOID, Collection, joined
from edge_vision.training.data.masks import Coding
from edge_vision.training.data.readers import Reading, read_any
from edge_vision.training.evaluation.classification import confusion_of
from edge_vision.training.evaluation.segmentation import evaluate_segmenter, segmentation_score
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.fitting.epoch_data import EpochData
from edge_vision.training.recipes.locate import Locate, LocateOptions
from edge_vision.training.score import Score
from edge_vision.training.session import Session

TOGETHER = 16
"""So many pictures are validated at once."""
ROOM = 1.5
"""Pictures are kept so much larger than the network sees them, for parts of them to be shown larger."""
_CLASSES, _MASK, _OVERLAP = "classes", "mask", "overlap"

SEEN = Augmentation(
    rotate=4.0,
    scale=(0.75, 2.0),
    aspect=1.25,
    shift=0.05,
    flip=0.5,
    border="grey",
    brightness=0.2,
    contrast=0.4,
    saturation=0.5,
    grey=0.1,
    noise=4.0,
    blur=0.6,
)
"""How pictures with masks are changed: nearer and further away, in other light, by others."""


class SegmentOptions(LocateOptions):
    """Options of the recipe `segment`."""

    cell = 16

    epochs: int = option(60, "So many times the pictures are gone through.", ge=1)
    batch: int = option(8, "Pictures a step.", ge=1)
    learning_rate: float = option(2e-3, "The highest learning rate, reached after the warm-up.", gt=0.0)
    weight_decay: float = option(0.05, "Decay of the weights, as a share of the learning rate.", ge=0.0)
    every: int = option(5, "Each so many epochs, and after the last, the network is validated.", ge=1)
    ema: float = option(
        0.99,
        "Momentum of a moving average of the weights, which is what is validated and kept; 0: none.",
        ge=0.0,
        lt=1.0,
    )
    repeat: int = option(
        2, "So often each picture is seen in an epoch, changed anew each time.", ge=1, le=1000
    )
    columns: int = option(16, "Cells side by side; the network sees 16 pixels for each.", ge=2, le=64)
    rows: int = option(16, "Cells one above the other.", ge=2, le=64)
    stride: Literal[1, 2, 4] = option(
        2, "Pixels between two places of the answer: 1 follows outlines best, 4 is quickest."
    )
    also: tuple[Path, ...] = option(
        (), "Further folders of pictures with the same masks, which are learnt from and never judge."
    )
    labels: tuple[str, ...] = option(
        (), "Names of the classes from value 0 on, where no file labels.txt has them."
    )
    void: int | None = option(
        None,
        "The value of pixels that count for nothing, where it is neither 255 nor beyond the names.",
    )
    instances: bool = option(
        False, "Masks number objects: every value above 0 is one of them, and all are of one class."
    )
    balance: float = option(
        0.5, "How far rare classes count more: 0 not at all, 1 until all count the same.", ge=0.0, le=1.0
    )
    overlap_weight: float = option(
        1.0, "Weight of the overlap of each class beside the cross-entropy.", ge=0.0
    )
    augmentation: Augmentation = option(SEEN, "How pictures are changed at random.")


class Segment(Locate[SegmentOptions]):
    """A segmenter: our backbone, and a map of the class of each place; of two classes, a mask."""

    name = "segment"
    task = "segment"
    layout = "class-scores"
    meanings = {_CLASSES: "class-scores"}  # noqa: RUF012 - as the base has it
    about = "Says which of its classes each place of a picture belongs to."
    limits = (
        "Each place gets one of its classes, also where none of them fits. What is thinner than four of "
        "the pixels that it sees is often missed, and outlines are a pixel or two off."
    )
    forms: ClassVar[tuple[str, ...]] = ("weight-int8", "int8")
    room = ROOM
    Options = SegmentOptions

    def read(self, folder: Path, cache: Path) -> Parts:
        """The pictures of a folder with their masks, in two parts that have nothing in common."""
        parts = super().read(folder, cache)
        self._tell_apart(len(parts.labels))
        return parts

    def learnt_from(self, folder: Path, part: Collection, cache: Path) -> Collection:
        """The training part, and further folders."""
        return joined([part, *(self.collection(each, cache) for each in self.options.also)])

    def on_backbone(self, body: Any, classes: int) -> Any:
        """The way back up to the pixels."""
        from edge_vision.training.networks.segmenter import segmenter  # noqa: PLC0415 - needs Keras

        return segmenter(body, classes, self.options.channels, self.options.stride)

    def losses(self, session: Session, parts: Parts) -> Mapping[str, Any]:
        """Cross-entropy, in which rare classes count more, and the overlap of each class."""
        from edge_vision.training.fitting.learner import Goal  # noqa: PLC0415 - needs Keras
        from edge_vision.training.fitting.losses import CrossEntropy, balance  # noqa: PLC0415
        from edge_vision.training.fitting.overlap import SoftIoU  # noqa: PLC0415

        options = self.options
        counts = _pixels_of_classes(parts.training, len(parts.labels))
        learnt: dict[str, Any] = {
            _CLASSES: CrossEntropy(class_weights=balance(counts, options.balance), ignored=VOID)
        }
        if options.overlap_weight:
            overlap = SoftIoU(ignored=VOID)
            learnt[_OVERLAP] = Goal(overlap, options.overlap_weight, _CLASSES, _CLASSES)
        return learnt

    def epoch(self, parts: Parts, random: np.random.Generator, epoch: int) -> EpochData:
        """All pictures several times, augmented, and their masks with them."""
        options = self.options
        made = self.shown(parts, random)
        # A place of the answer lies between pixels of the mask: now one is taken, now another.
        x, y = random.integers(options.stride, size=2)
        masks = np.asarray(made.targets["mask"])[:, y :: options.stride, x :: options.stride]
        return EpochData({"image": made.pictures}, {_CLASSES: masks})

    def shown(self, parts: Parts, random: np.random.Generator) -> Examples:
        """The pictures of one epoch with their masks, in the size that the network sees."""
        options = self.options
        return augmented(
            parts.training, options.augmentation, options.size, random, repeat=options.repeat
        )

    def validate(self, network: Any, parts: Parts) -> Score:
        """The pictures of the validation part in batches, as they are cached."""
        part, stride = parts.validation, self.options.stride
        confusions = []
        for first in range(0, len(part), TOGETHER):
            rows = slice(first, first + TOGETHER)
            said = network.predict_on_batch({"image": np.asarray(part.pictures[rows])})[_CLASSES]
            numbers = np.asarray(said).argmax(axis=3).repeat(stride, axis=1).repeat(stride, axis=2)
            for row, truth in zip(numbers, part.targets["mask"][rows], strict=True):
                told = truth != VOID
                confusions.append(confusion_of(row[told], truth[told], len(parts.labels)))
        return segmentation_score(confusions, parts.labels)

    def device_graph(self, network: Any) -> Any:
        """One picture in; a map of logits of the classes out, or the probability of the foreground."""
        from edge_vision.training.networks.device import Ending, for_device  # noqa: PLC0415

        ending: Mapping[str, Ending] = {_CLASSES: "none"}
        if _MASK in network.output:
            ending = {_MASK: "sigmoid"}
        return for_device(network, endings=ending)

    def evaluate(self, model: Model, exam: Exam, warp: Warp = reference_warp) -> Score:
        """The overlap of each class and their mean, over the pictures' own pixels."""
        return evaluate_segmenter(model, exam.source, exam.labels, warp)

    def collection(self, folder: Path, cache: Path) -> Collection:
        """What a folder holds: pictures and masks."""
        options = self.options
        coding = Coding(options.labels, options.void, options.instances or None)
        return read_any(folder, Reading("mask", coding=coding))

    def _tell_apart(self, classes: int) -> None:
        """Two classes are answered by a mask, more by scores."""
        if classes < 2:
            raise TrainingError(f"the masks tell {classes} class; a segmenter needs two or more")
        if classes == 2:
            self.layout, self.meanings = _MASK, {_MASK: "mask"}


def _pixels_of_classes(part: Examples, classes: int) -> NDArray[np.int64]:
    """So many pixels are of each class, (classes,)."""
    counts = np.zeros(256, np.int64)
    for mask in part.targets["mask"]:
        counts += np.bincount(np.ravel(mask), minlength=256)
    return counts[:classes]
