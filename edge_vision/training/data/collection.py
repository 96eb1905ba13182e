"""A collection: the files of a data set, and what is to be told of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError

Part = Literal["training", "validation", "test", ""]
"""The part of a data set that something is declared to belong to; empty where nothing is declared."""

Truth = Literal["label", "boxes", "mask", "segments"]
"""What a collection tells: a label a picture, boxes, a mask, or labelled segments of videos."""

VOID = 255
"""The class of a mask's pixels that count for nothing."""

UNKNOWN = 254
"""Stands in a table of masks' values for those that nobody expects."""

NAMED = 5
"""A note or an error names at most so many files."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A picture, or a segment of a video, and what is to be told of it.

    file     where it lies
    name     the file's path inside the data set, with slashes
    group    what must not be torn apart when the data set is split; the name, unless something else is
    part     the part it is declared to belong to
    label    number of its class
    boxes    (k, 4) float32 x1, y1, x2, y2 in pixels of the picture, whose first pixel covers 0 to 1
    classes  (k,) int64 numbers of the boxes' classes
    mask     file of a picture of classes, of the same size
    size     (width, height) in pixels that the annotation states; None where it states none
    start    where the segment begins, in seconds of the video
    end      where it ends
    """

    file: Path
    name: str
    group: str
    part: Part = ""
    label: int | None = None
    boxes: NDArray[np.float32] | None = None
    classes: NDArray[np.int64] | None = None
    mask: Path | None = None
    size: tuple[int, int] | None = None
    start: float | None = None
    end: float | None = None

    @property
    def weight(self) -> float:
        """How much of its class it holds: 1 for a picture, the seconds of a segment."""
        if self.start is None or self.end is None:
            return 1.0
        return self.end - self.start


@dataclass(frozen=True, slots=True, eq=False)
class Collection:
    """The items of a data set, in the natural order of their names, and the names of their classes.

    truth       what its items tell
    mask_table  (256,) uint8: what each value in a mask's file means: a class number, VOID or
                UNKNOWN; None where there are no masks
    notes       sentences for people: how the data set was read, and what was passed over
    """

    items: tuple[Item, ...]
    labels: tuple[str, ...] = ()
    truth: Truth = "label"
    mask_table: NDArray[np.uint8] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: Iterable[int] | NDArray[np.integer[Any]]) -> Collection:
        """Those items of some rows, in that order."""
        return self.of(self.items[int(row)] for row in rows)

    def of(self, items: Iterable[Item]) -> Collection:
        """The same collection with other items."""
        return replace(self, items=tuple(items))

    def noting(self, *notes: str) -> Collection:
        """The same collection with further notes; empty ones are left out."""
        return replace(self, notes=(*self.notes, *(note for note in notes if note)))

    def part(self, part: Part) -> Collection:
        """The items declared to belong to a part."""
        return self.of(item for item in self.items if item.part == part)


def joined(collections: Sequence[Collection]) -> Collection:
    """One collection of several that tell the same of files with different names.

    The first one's labels come first; what others add is put behind them. Raises TrainingError where
    they do not go together.
    """
    first = collections[0]
    labels = tuple(dict.fromkeys(label for each in collections for label in each.labels))
    items: list[Item] = []
    for each in collections:
        if each.truth != first.truth or not _same(each.mask_table, first.mask_table):
            raise TrainingError(
                f"data sets of {first.truth} and of {each.truth}, or with different masks, do not join"
            )
        if first.mask_table is not None and each.labels != first.labels:
            raise TrainingError(f"masks of {first.labels} and of {each.labels} do not join")
        numbers = np.array([labels.index(label) for label in each.labels], np.int64)
        items += [_renumbered(item, numbers) for item in each.items]
    notes = tuple(dict.fromkeys(note for each in collections for note in each.notes))
    return replace(first, items=tuple(items), labels=labels, notes=notes)


def listed(names: Iterable[object]) -> str:
    """The first few of some names as text, and how many more there are."""
    texts = [str(name) for name in names]
    more = f" and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    return ", ".join(texts[:NAMED]) + more


def _same(one: NDArray[np.uint8] | None, other: NDArray[np.uint8] | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.array_equal(one, other))


def _renumbered(item: Item, numbers: NDArray[np.int64]) -> Item:
    """The item with its classes numbered anew: what was class i is numbers[i]."""
    label = None if item.label is None else int(numbers[item.label])
    classes = None if item.classes is None else numbers[item.classes]
    return replace(item, label=label, classes=classes)
