"""Masks: for each picture another one, whose pixels hold the numbers of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.collection import UNKNOWN, VOID, Collection, Item, listed
from edge_vision.training.data.files import (
    MASK_FOLDERS,
    PICTURE_FOLDERS,
    TEXT_FOLDERS,
    Tree,
    folder_kind,
    key_of,
    look_at,
    part_of,
)
from edge_vision.training.data.pictures import UnreadableError, read_mask
from edge_vision.training.data.yolo import NAME_LISTS, find_names

SUFFIXES = ("", "_mask", "_L", "_label", "_labels", "_seg", "-mask")
"""What a mask's stem may have after the picture's."""

LOOKED_AT = 64
"""So many masks, spread over the data set, are read to find out what their values mean."""

BINARY = ("background", "object")
"""The labels of masks that tell only two things apart."""


@dataclass(frozen=True, slots=True)
class Coding:
    """What the values in masks mean; what is left out is judged by looking at some masks.

    labels     names of the classes, from value 0 on
    void       the value of pixels that count for nothing; 255 is taken for it where it is no class
    instances  True where 0 is background and every other value is one of several objects of one class
    """

    labels: tuple[str, ...] = ()
    void: int | None = None
    instances: bool | None = None


@dataclass(frozen=True, slots=True)
class _Pair:
    """A picture and its mask, as paths inside of their folders."""

    picture: PurePosixPath
    mask: PurePosixPath


def read_masks(pictures: Path, masks: Path, coding: Coding | None = None) -> Collection:
    """Masks in one folder of pictures in another, matched by their names.

    A mask's stem is the picture's, or that with _mask, _L, _label, _seg. Folders of parts declare parts.
    Masks hold class numbers (a palette's indices count, not its colours), or 0 and 255 for an object, or
    numbers of objects, which become one class. Raises TrainingError where they do not go together.
    """
    tree, others = look_at(pictures), look_at(masks)
    known = _by_key(others.pictures())
    pairs = _matched(tree.pictures(), known)
    return _collected(tree, others, pairs, coding or Coding())


def read_mask_folder(folder: Path, coding: Coding | None = None) -> Collection:
    """Masks and pictures below one folder, in folders such as images and masks.

    Names of the classes may stand in labels.txt, one a line. See `read_masks`.
    """
    tree = look_at(folder)
    coding = coding or Coding()
    if not coding.labels:
        coding = Coding(find_names(tree)[0], coding.void, coding.instances)
    pictures, masks = pictures_and_masks(tree)
    return _collected(tree, tree, _matched(pictures, _by_key(masks)), coding)


def pictures_and_masks(tree: Tree) -> tuple[list[PurePosixPath], list[PurePosixPath]]:
    """The pictures below a folder that folders' names declare to be such, and the masks."""
    kinds = [(path, folder_kind(path)) for path in tree.pictures()]
    pictures = [path for path, kind in kinds if kind in PICTURE_FOLDERS]
    return pictures, [path for path, kind in kinds if kind in (*MASK_FOLDERS, *TEXT_FOLDERS)]


def _by_key(masks: Sequence[PurePosixPath]) -> dict[tuple[str, ...], PurePosixPath]:
    return {key_of(path): path for path in masks}


def _matched(
    pictures: Sequence[PurePosixPath], masks: dict[tuple[str, ...], PurePosixPath]
) -> list[_Pair]:
    pairs = []
    for path in pictures:
        *folders, stem = key_of(path)
        names = ((*folders, stem + suffix) for suffix in SUFFIXES)
        mask = next((masks[name] for name in names if name in masks), None)
        if mask is not None:
            pairs.append(_Pair(path, mask))
    return pairs


def _collected(tree: Tree, others: Tree, pairs: list[_Pair], coding: Coding) -> Collection:
    if not pairs:
        raise TrainingError(
            f"{tree.folder}: no picture has a mask of its name in {others.folder}; "
            f"seen: {listed(tree.pictures())}; {listed(others.pictures())}"
        )
    table, labels, note = _meaning(others.folder, [pair.mask for pair in pairs], coding)
    items = tuple(
        Item(
            tree.folder / pair.picture,
            str(pair.picture),
            str(pair.picture),
            part_of(pair.picture),
            mask=others.folder / pair.mask,
        )
        for pair in pairs
    )
    lists = {path for path in tree.paths if path.name in NAME_LISTS}
    used = lists.union(path for pair in pairs for path in (pair.picture, pair.mask))
    notes = tree.passed_over(used)
    if others is not tree:
        notes += others.passed_over(used)
    count = f"{len(items)} pictures with masks of {len(labels)} classes"
    return Collection(items, labels, "mask", table).noting(count, note, *notes)


def _meaning(
    folder: Path, masks: Sequence[PurePosixPath], coding: Coding
) -> tuple[NDArray[np.uint8], tuple[str, ...], str]:
    """What each value means, (256,) uint8, the labels, and a note on what was concluded."""
    seen = _values(folder, masks)
    values = sorted(set().union(*seen))
    table = np.full(256, UNKNOWN, np.uint8)
    instances = coding.instances
    if instances is None:
        instances = not coding.labels and coding.void is None and _are_instances(seen)
    if instances:
        table[0], table[1:] = 0, 1
        note = "every value above 0 is taken for an object of one class"
    elif not coding.labels and set(values) <= {0, 255} and coding.void != 255:
        table[0], table[255] = 0, 1
        note = "255 is taken for an object, 0 for the background"
    else:
        return _numbered(folder, values, coding)
    if coding.void is not None:
        table[coding.void] = VOID
    labels = coding.labels or BINARY
    if len(labels) != 2:
        raise TrainingError(f"{folder}: the masks tell two classes apart, but {len(labels)} are named")
    return table, labels, note


def _numbered(
    folder: Path, values: list[int], coding: Coding
) -> tuple[NDArray[np.uint8], tuple[str, ...], str]:
    """What values mean that are class numbers."""
    void = {value for value in (coding.void, VOID) if value is not None}
    if len(coding.labels) > UNKNOWN:
        raise TrainingError(f"{folder}: {len(coding.labels)} classes; masks hold at most {UNKNOWN}")
    highest = max((value for value in values if value not in void), default=0)
    labels = coding.labels or tuple(str(number) for number in range(highest + 1))
    beyond = [value for value in values if value >= len(labels) and value not in void]
    note = "" if coding.labels else "the classes have no names (labels.txt): they are numbered"
    if beyond and coding.void is None and len(beyond) == 1:
        note = f"the value {beyond[0]} has no name and counts for nothing"
    elif beyond:
        raise TrainingError(
            f"{folder}: masks hold the values {listed(beyond)}, but only {len(labels)} classes are named"
        )
    table = np.full(256, UNKNOWN, np.uint8)
    table[[VOID, *beyond]] = VOID
    table[: len(labels)] = np.arange(len(labels))
    if coding.void is not None:
        table[coding.void] = VOID
    return table, labels, note


def _values(folder: Path, masks: Sequence[PurePosixPath]) -> list[set[int]]:
    """The values in each of some masks, spread over all."""
    step = max(1, len(masks) // LOOKED_AT)
    found = []
    for path in masks[::step]:
        try:
            mask = read_mask(folder / path)
        except UnreadableError as error:
            raise TrainingError(f"{folder / path}: {error}") from None
        found.append(set(np.flatnonzero(np.bincount(mask.ravel(), minlength=256)).tolist()))
    return found


def _are_instances(seen: list[set[int]]) -> bool:
    """True where every mask holds 0 to k without gaps, and k is not the same everywhere."""
    highest = {max(values) for values in seen}
    gapless = all(values | {0} == set(range(max(values) + 1)) for values in seen)
    return gapless and len(highest) > 1 and max(highest) > 1
