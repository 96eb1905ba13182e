"""The recipe for objects of one's own: pictures with boxes become a detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.centres import boxes_about, peaks
from edge_vision.contracts.model import Model
from edge_vision.contracts.options import option
from edge_vision.data import geometry
from edge_vision.data.errors import TrainingError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.augmentation.epoch import epoch as augmented
from edge_vision.training.augmentation.options import Augmentation
from edge_vision.training.augmentation.pasting import Cutout, cutouts, pasted
from edge_vision.training.average_precision import Found, Truth
from edge_vision.training.centre_maps import centre_maps
from edge_vision.training.data.classes import renamed
from edge_vision.training.data.collection import Collection, joined
from edge_vision.training.data.readers import Reading, read_any, tells
from edge_vision.training.data.unlabelled import read_unlabelled
from edge_vision.training.evaluation.detection import (
    MAX_IOU,
    MIN_SCORE,
    MOST_BOXES,
    detection_score,
    evaluate_detector,
)
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.fitting.epoch_data import EpochData
from edge_vision.training.marking import MarkingOptions, marked
from edge_vision.training.recipes.locate import Locate, LocateOptions
from edge_vision.training.score import Score
from edge_vision.training.session import Session

TOGETHER = 32
"""So many pictures are validated at once."""
ROOM = 1.25
"""Pictures are kept so much larger than the network sees them, for parts of them to be shown larger."""
_CENTRES, _SIDES, _CORNERS = "centres", "sides", "corners"

SEEN = Augmentation(
    scale=(0.6, 1.9),
    aspect=1.35,
    shift=0.1,
    flip=0.5,
    border="grey",
    brightness=0.15,
    contrast=0.35,
    saturation=0.5,
    grey=0.1,
    noise=4.0,
    blur=0.7,
)
"""How pictures with boxes are changed: seen nearer and further away, and by other cameras.

Nothing is turned: the upright box round a turned one is larger than what it holds, by a fifth of the
width of somebody who stands and is turned by 3 degrees, and such boxes would be learnt.
"""


class DetectOptions(MarkingOptions, LocateOptions):
    """Options of the recipe `detect`."""

    cell = 8

    epochs: int = option(60, "So many times the pictures are gone through.", ge=1)
    batch: int = option(16, "Pictures a step.", ge=1)
    learning_rate: float = option(2e-3, "The highest learning rate, reached after the warm-up.", gt=0.0)
    weight_decay: float = option(0.05, "Decay of the weights, as a share of the learning rate.", ge=0.0)
    every: int = option(5, "Each so many epochs, and after the last, the network is validated.", ge=1)
    clip: float = option(10.0, "Largest norm of all gradients together; 0: any.", ge=0.0)
    ema: float = option(
        0.995, "Momentum of a moving average of the weights, which is what is kept; 0: none.", ge=0, lt=1
    )
    repeat: int = option(
        4, "So often each picture is seen in an epoch, changed anew each time.", ge=1, le=1000
    )
    columns: int = option(32, "Cells side by side; the network sees 8 pixels for each.", ge=4, le=80)
    rows: int = option(32, "Cells one above the other.", ge=4, le=80)
    also: tuple[Path, ...] = option(
        (), "Further folders of pictures with boxes, which are learnt from and never judge."
    )
    empty: tuple[Path, ...] = option(
        (), "Folders of pictures in which nothing is to be found: what it shall not be taken in by."
    )
    classes: dict[str, tuple[str, ...]] = option(
        {},
        "For each class that is to be found, what the data call it, with * for anything; boxes of "
        "other names are left out. Left out, all names are classes.",
    )
    paste: float = option(
        0.0,
        "Share of the pictures into which an object is put that was cut out of another one; the data "
        "then have to tell masks beside their boxes.",
        ge=0.0,
        le=1.0,
    )
    box_weight: float = option(2.0, "Weight of the boxes beside the middles.", ge=0.0)
    augmentation: Augmentation = option(SEEN, "How pictures are changed at random.")


class Detect(Locate[DetectOptions]):
    """A detector of objects: our backbone, and maps of their middles and of how far their sides are."""

    name = "detect"
    task = "detect"
    layout = "centres"
    meanings = {_CENTRES: "centre-scores", _SIDES: "box-sides"}  # noqa: RUF012 - as the base has it
    about = "Finds its kinds of objects in a picture, and says where each is."
    limits = (
        "Things much smaller than those it learnt from, or seen from elsewhere, are not found. Two "
        "things whose middles are less than two cells of 8 pixels apart count as one."
    )
    forms = ("float16", "int8")
    room = ROOM
    Options = DetectOptions

    def __init__(self, options: DetectOptions) -> None:
        super().__init__(options)
        self._cut: list[Cutout] | None = None

    def learnt_from(self, folder: Path, part: Collection, cache: Path) -> Collection:
        """The training part with masks where objects are pasted, further folders, and empty pictures."""
        options = self.options
        further = [self.collection(each, cache) for each in options.also]
        further += [_empty(each, part.labels) for each in options.empty]
        whole = joined([part, *further]) if further else part
        if whole.labels != part.labels:
            raise TrainingError(
                f"the folders of also add classes that {folder} does not have: "
                f"{', '.join(whole.labels[len(part.labels) :])}"
            )
        return _with_masks(whole, folder) if options.paste else whole

    def on_backbone(self, body: Any, classes: int) -> Any:
        """The maps of a detector."""
        from edge_vision.training.networks.detector import centre_detector  # noqa: PLC0415 - needs Keras

        return centre_detector(body, classes, self.options.channels)

    def losses(self, session: Session, parts: Parts) -> Mapping[str, Any]:
        """Focal loss of the middles, and the generalised overlap of the boxes."""
        from edge_vision.training.fitting.learner import Goal  # noqa: PLC0415 - needs Keras
        from edge_vision.training.fitting.losses import CentreFocal  # noqa: PLC0415
        from edge_vision.training.fitting.overlap import BoxIoU  # noqa: PLC0415

        return {_CENTRES: CentreFocal(), _CORNERS: Goal(BoxIoU(), self.options.box_weight)}

    def epoch(self, parts: Parts, random: np.random.Generator, epoch: int) -> EpochData:
        """All pictures several times, augmented, and the maps of their boxes."""
        options = self.options
        made = augmented(
            parts.training, options.augmentation, options.size, random, repeat=options.repeat
        )
        if options.paste:
            made = pasted(made, self._cutouts(parts.training), options.paste, random)
        grid = options.columns, options.rows
        rows = zip(made.targets["boxes"], made.targets["classes"], strict=True)
        maps = [
            centre_maps(boxes, numbers, options.size, grid, len(parts.labels)) for boxes, numbers in rows
        ]
        targets = {
            _CENTRES: np.stack([each.heights for each in maps]),
            _CORNERS: np.stack([each.corners for each in maps]),
        }
        return EpochData({"image": made.pictures}, targets)

    def validate(self, network: Any, parts: Parts) -> Score:
        """The pictures of the validation part in batches, as they are cached."""
        part = parts.validation
        said = network.predict({"image": part.pictures}, batch_size=TOGETHER, verbose=0)
        found = [
            _found(1.0 / (1.0 + np.exp(-centres)), 1.0 / (1.0 + np.exp(-sides)), self.options.size)
            for centres, sides in zip(said[_CENTRES], said[_SIDES], strict=True)
        ]
        pairs = zip(part.targets["boxes"], part.targets["classes"], strict=True)
        return detection_score(found, [Truth(*pair) for pair in pairs], parts.labels)

    def device_graph(self, network: Any) -> Any:
        """One picture in, the maps of middles and sides out."""
        from edge_vision.training.networks.device import for_device  # noqa: PLC0415 - needs Keras

        return for_device(network, endings={_CENTRES: "sigmoid", _SIDES: "sigmoid"})

    def evaluate(self, model: Model, exam: Exam, warp: Warp = reference_warp) -> Score:
        """Average precision, over overlaps of 0.5 to 0.95 and at 0.5."""
        return evaluate_detector(model, exam.source, exam.labels, warp)

    def collection(self, folder: Path, cache: Path) -> Collection:
        """What a folder holds: pictures with boxes in any usual form, or those that a teacher marks."""
        options = self.options
        if options.teacher and not tells(folder, "boxes"):
            with self.open_model(options.teacher) as teacher:
                read = marked(read_unlabelled(folder), teacher, cache, options.teacher_score, self.warp)
        else:
            read = read_any(folder, Reading("boxes"))
        return renamed(read, self.options.classes) if self.options.classes else read

    def _cutouts(self, part: Examples) -> list[Cutout]:
        """The objects that may be pasted, cut out once, in the size that the network sees them."""
        if self._cut is None:
            smaller = augmented(part, Augmentation(), self.options.size, np.random.default_rng(0))
            self._cut = cutouts(smaller)
        return self._cut


def _with_masks(collection: Collection, folder: Path) -> Collection:
    """The collection with the masks that a folder has for its pictures; the others have none."""
    if not tells(folder, "mask"):
        raise TrainingError(f"{folder}: has no masks to cut objects out by; leave paste out")
    read = read_any(folder, Reading("mask"))
    masks = {item.file: item.mask for item in read.items}
    items = (replace(item, mask=masks.get(item.file)) for item in collection.items)
    return replace(collection, items=tuple(items), mask_table=read.mask_table)


def _empty(folder: Path, labels: Sequence[str]) -> Collection:
    """The pictures of a folder, with no boxes of these classes."""
    nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    read = read_unlabelled(folder)
    items = (replace(item, boxes=nothing[0], classes=nothing[1], part="") for item in read.items)
    return replace(read, items=tuple(items), labels=tuple(labels))


def _found(centres: NDArray[np.floating], sides: NDArray[np.floating], size: tuple[int, int]) -> Found:
    """Boxes of one picture, in its pixels, from maps (rows, columns, ...) of scores and sides."""
    rows, columns, classes = centres.shape
    best = np.asarray(centres.max(axis=2), np.float32)
    cells = peaks(best, MIN_SCORE)
    boxes = boxes_about(cells, sides.reshape(-1, 4)[cells], (columns, rows))
    score, numbers = best.reshape(-1)[cells], centres.reshape(-1, classes)[cells].argmax(axis=1)
    kept = geometry.suppress(boxes, score, numbers, MAX_IOU)[:MOST_BOXES]
    return Found(boxes[kept] * np.array([*size, *size], np.float32), score[kept], numbers[kept])
