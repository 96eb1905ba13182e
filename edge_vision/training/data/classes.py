"""Classes: what a data set tells apart, under other names, or less of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.collection import Collection, Item, listed

OTHER = -1


def renamed(collection: Collection, classes: Mapping[str, Sequence[str]]) -> Collection:
    """A collection of boxes that are of these classes, in this order.

    classes  for each, patterns of the names that the data have for it, with * for anything, as fnmatch
             reads them; capital and small letters are the same

    Boxes of no class are left out; their pictures stay, as background. Raises TrainingError where no
    name of the data belongs to any class.
    """
    names = tuple(classes)
    numbers = np.array([_number(label, classes) for label in collection.labels], np.int64)
    if not (numbers != OTHER).any():
        raise TrainingError(
            f"classes: none of the data's names is among those of {listed(names)}; "
            f"the data have {listed(collection.labels)}"
        )
    left = [label for label, number in zip(collection.labels, numbers, strict=True) if number == OTHER]
    items = tuple(_with(item, numbers) for item in collection.items)
    told = replace(collection, items=items, labels=names)
    return told.noting(f"boxes of {len(left)} names are left out: {listed(left)}" if left else "")


def _number(label: str, classes: Mapping[str, Sequence[str]]) -> int:
    """The class that a name of the data belongs to, the first that fits; OTHER where none does."""
    for number, patterns in enumerate(classes.values()):
        if any(fnmatchcase(label.lower(), pattern.lower()) for pattern in patterns):
            return number
    return OTHER


def _with(item: Item, numbers: np.ndarray) -> Item:
    if item.boxes is None or item.classes is None:
        return item
    classes = numbers[item.classes]
    kept = classes != OTHER
    return replace(item, boxes=item.boxes[kept], classes=classes[kept])
