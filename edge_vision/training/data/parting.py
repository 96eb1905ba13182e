"""Parting: what a person may say of how data are split, and the split that has something to judge by."""

from __future__ import annotations

from pathlib import Path

from edge_vision.contracts.options import Options, option
from edge_vision.data.errors import TrainingError
from edge_vision.training.data.collection import Collection
from edge_vision.training.data.splits import Split, split


class PartingOptions(Options):
    """How data are split, where their folders do not say it."""

    validation: float = option(
        0.2, "Share of the pictures that only judge, where no folder val/ declares them.", gt=0.0, lt=1.0
    )
    group_by: str = option(
        "", "A regular expression whose first group, found in a file's path, names what stays together."
    )
    duplicates: bool = option(True, "Keep pictures that look the same in one part.")


def parted(collection: Collection, options: PartingOptions, seed: int, folder: Path) -> Split:
    """The parts of what a folder holds; raises TrainingError where nothing is left to judge by."""
    made = split(
        collection,
        options.validation,
        seed=seed,
        group_by=options.group_by,
        duplicates=options.duplicates,
    )
    if not len(made.validation):
        raise TrainingError(f"{folder}: nothing is left to judge by; declare it by a folder val/")
    return made


def part_of_split(made: Split, part: str, folder: Path) -> Collection:
    """One part by its name; raises TrainingError where it is empty."""
    chosen: Collection = getattr(made, part)
    if not len(chosen):
        raise TrainingError(f"{folder}: has no {part} part; declare it by a folder {part}/")
    return chosen
