"""Unlabelled pictures: a folder of which nothing is told but the pictures themselves."""

from __future__ import annotations

from pathlib import Path

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.collection import Collection, Item, Truth
from edge_vision.training.data.files import look_at, part_of


def read_unlabelled(folder: Path, truth: Truth = "boxes") -> Collection:
    """All pictures below a folder, in natural order; folders such as train/ and val/ declare parts.

    truth  what they will be told to show, as nothing is told yet

    Raises TrainingError where there are none.
    """
    tree = look_at(folder)
    paths = tree.pictures()
    if not paths:
        raise TrainingError(f"{folder}: there are no pictures in it")
    items = tuple(Item(folder / path, str(path), group=str(path), part=part_of(path)) for path in paths)
    return Collection(items, truth=truth).noting(
        f"{len(items)} pictures of which nothing is told", *tree.passed_over(paths)
    )
