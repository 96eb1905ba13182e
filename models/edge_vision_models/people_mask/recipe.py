"""The recipe of `people-mask`: what finds people learns their outlines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.model import Model
from edge_vision.contracts.options import option
from edge_vision.data import geometry
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.augmentation.augmentation import Augmentation
from edge_vision.training.augmentation.epoch import epoch as augmented
from edge_vision.training.augmentation.pasting import Cutout, cutouts, pasted
from edge_vision.training.data.classes import renamed
from edge_vision.training.data.collection import VOID, Collection, Item, joined
from edge_vision.training.data.parting import parted
from edge_vision.training.data.readers import Reading, read_any, tells
from edge_vision.training.data_facts import DataFacts
from edge_vision.training.exam import Exam
from edge_vision.training.examples import Examples, Parts
from edge_vision.training.recipes.segment import SEEN, Segment, SegmentOptions
from edge_vision.training.score import Score
from edge_vision_models.people_mask.judging import judge

PEDESTRIANS = "pedestrians"
"""The shipped model that this one begins from: it finds people already."""
PEOPLE = {"person": ("person", "pasperson*", "pedestrian*")}
"""What data sets call people."""
BACKGROUND = 0
TIGHT = 0.05
"""Boxes may be a little tight: so much of their sides around them counts for nothing either."""


class PeopleMaskOptions(SegmentOptions):
    """Options of the recipe `people-mask`."""

    epochs: int = option(40, "So many times the pictures are gone through.", ge=1)
    every: int = option(5, "Each so many epochs, and after the last, the network is validated.", ge=1)
    repeat: int = option(
        4, "So often each picture is seen in an epoch, changed anew each time.", ge=1, le=1000
    )
    columns: int = option(24, "Cells side by side; the network sees 16 pixels for each.", ge=2, le=64)
    rows: int = option(24, "Cells one above the other.", ge=2, le=64)
    stride: Literal[1, 2, 4] = option(
        1, "Pixels between two places of the answer: 1 follows outlines best, 4 is quickest."
    )
    backbone: str = option(
        PEDESTRIANS, "What to begin from: a bundle of ours, a run's folder; or nothing."
    )
    balance: float = option(
        0.0, "How far rare classes count more: 0 not at all, 1 until all count the same.", ge=0.0, le=1.0
    )
    validation: float = option(
        0.25,
        "Share of the pictures that only judge, where no folder val/ declares them.",
        gt=0.0,
        lt=1.0,
    )
    labels: tuple[str, ...] = option(("background", "person"), "Names of the two classes.")
    instances: bool = option(
        True, "Masks number people: every value above 0 is one of them, and all are of one class."
    )
    scenes: tuple[Path, ...] = option(
        (),
        "Folders of pictures with boxes of people, or of other things: what is in no box of a person is "
        "background, what is in one counts for nothing.",
    )
    paste: float = option(
        0.6,
        "Share of the pictures into which somebody is put who was cut out of another one.",
        ge=0.0,
        le=1.0,
    )
    augmentation: Augmentation = option(
        SEEN.model_copy(update={"scale": (0.55, 1.9), "visible": 0.0}),
        "How pictures are changed at random.",
    )


class PeopleMask(Segment):
    """A segmenter of people, whose mask `anonymise` can follow.

    Where the data tell boxes beside masks, people are also cut out and pasted elsewhere, and the parts
    are those that the recipe `pedestrians` makes, so that neither is judged on what the other learnt.
    """

    name = "people-mask"
    about = "Says which places of a picture show people who stand or walk."
    limits = (
        "It learnt from few pictures of people who are seen whole, by day, from the side, and at least "
        "a quarter as tall as the picture. People who are further away, sit, are seen from above or in "
        "the dark are often missed, and so are hands and feet. Where nobody may be recognised, hide the "
        "boxes of a detector too, and look at what is left to see. The masks that judge it leave out "
        "people who are half hidden, ride or sit: boxes round them, drawn by hand (unlabelled.csv), "
        "count for nothing; in iou_person_as_labelled, finding them counts as a mistake. Those boxes "
        "were looked for where an earlier model of this recipe disagreed with the masks, and the same "
        "30 pictures chose its settings and the epoch that was kept, so elsewhere expect less than "
        "either figure."
    )
    data = DataFacts(
        "Penn-Fudan, 120 pictures of pedestrians with their masks, and COCO128, 256 pictures with boxes",
        "none stated for Penn-Fudan, collected for research; the pictures of COCO128 are CC BY; the "
        "model that this one begins from, pedestrians, began from objects, which learnt from ImageNet, "
        "which is for research and education only",
        research_only=True,
        cite="Wang and others, Object detection combining recognition and segmentation, 2007; Lin and "
        "others, Microsoft COCO: Common objects in context, 2014",
    )
    forms = ("int8",)
    Options = PeopleMaskOptions
    options: PeopleMaskOptions

    def __init__(self, options: PeopleMaskOptions) -> None:
        super().__init__(options)
        self._cut: list[Cutout] | None = None
        self._scenes: NDArray[np.bool_] | None = None

    def collection(self, folder: Path, cache: Path) -> Collection:
        """The pictures and masks of a folder, with the parts that its boxes are split into."""
        masks = super().collection(folder, cache)
        if any(item.part for item in masks.items) or not tells(folder, "boxes"):
            return masks
        made = parted(_people(folder), self.options, self.options.seed, folder)
        judging = {item.file for item in made.validation.items}
        return masks.of(
            replace(item, part="validation" if item.file in judging else "training")
            for item in masks.items
        )

    def learnt_from(self, folder: Path, part: Collection, cache: Path) -> Collection:
        """The training part, with boxes where data tell some, and the scenes, which have no masks."""
        whole = super().learnt_from(folder, part, cache)
        boxed = [each for each in (folder, *self.options.also) if tells(each, "boxes")]
        found = {item.file: item for each in boxed for item in _people(each).items}
        items = (_with_boxes(item, found.get(item.file)) for item in whole.items)
        told = replace(whole, items=tuple(items), labels=tuple(PEOPLE), truth="boxes", mask_table=None)
        told = joined([told, *(_people(each) for each in self.options.scenes)])
        return replace(told, mask_table=whole.mask_table)

    def evaluate(self, model: Model, exam: Exam, warp: Warp = reference_warp) -> Score:
        """The overlap of each class; people whom the masks leave out count for nothing, where known."""
        if not isinstance(exam.source, Collection):
            return super().evaluate(model, exam, warp)
        with TemporaryDirectory() as folder:
            return judge(model, exam.source, warp, Path(folder))

    def shown(self, parts: Parts, random: np.random.Generator) -> Examples:
        """The pictures with masks, as many of the scenes, and people pasted into both."""
        options, part = self.options, parts.training
        if self._scenes is None:
            self._scenes = np.array([bool((mask == VOID).all()) for mask in part.targets["mask"]])
        masked, scenes = np.flatnonzero(~self._scenes), np.flatnonzero(self._scenes)
        some = random.permutation(scenes)[: len(masked)]
        drawn = part.take([*masked, *some])
        made = augmented(drawn, options.augmentation, options.size, random, repeat=options.repeat)
        for first in range(len(masked), len(made), len(drawn)):
            for row in range(first, first + len(some)):
                made.targets["mask"][row][:] = _outside(made.targets["boxes"][row], made.size)
        return pasted(made, self._cutouts(part), options.paste, random)

    def _cutouts(self, part: Examples) -> list[Cutout]:
        """The people who may be pasted, cut out once, in the size that the network sees them."""
        if self._cut is None:
            whole = augmented(part, Augmentation(), self.options.size, np.random.default_rng(0))
            self._cut = cutouts(whole)
        return self._cut


def _people(folder: Path) -> Collection:
    """The pictures of a folder with the boxes of people."""
    return renamed(read_any(folder, Reading("boxes")), PEOPLE)


def _with_boxes(item: Item, boxed: Item | None) -> Item:
    return item if boxed is None else replace(item, boxes=boxed.boxes, classes=boxed.classes)


def _outside(boxes: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A mask, (height, width), that says background outside of some boxes, and nothing inside."""
    mask = np.full(size[::-1], BACKGROUND, np.uint8)
    around = np.tile((boxes[:, 2:] - boxes[:, :2]) * TIGHT, 2) * np.array([-1, -1, 1, 1])
    for x1, y1, x2, y2 in geometry.clip_boxes(np.rint(boxes + around), *size).astype(int):
        mask[y1:y2, x1:x2] = VOID
    return mask
