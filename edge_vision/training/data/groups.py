"""Groups: what must stay in one part of a data set, so that no part knows what another holds."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.collection import Collection, Item, listed
from edge_vision.training.data.pictures import UnreadableError, read_picture

HASH_SIDE = 16
"""The hash compares neighbours in a grid of so many rows and columns."""

NEAR = 8
"""Pictures that differ in at most so many bits show the same. Measured on 15,504 pictures of meters'
digits: from 20 bits on, different ones of a class begin to form chains."""

_THREADS = 2
_AT_ONCE = 256


def grouped_by(collection: Collection, pattern: str) -> Collection:
    r"""The collection with groups named by the first group of a regular expression in the items' names.

    `^(\w+)_\d+` puts garden_0001.jpg and garden_0002.jpg together. Items whose names do not match keep
    their groups. Raises TrainingError where the expression is none, or no name matches.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise TrainingError(f"group_by {pattern!r} is no regular expression: {error}") from None
    if expression.groups < 1:
        raise TrainingError(
            f"group_by {pattern!r} has no group; put round brackets about the group's name"
        )
    found = [expression.search(item.name) for item in collection.items]
    names = [match[1] if match else None for match in found]
    alone = [item.name for item, name in zip(collection.items, names, strict=True) if name is None]
    if len(alone) == len(names):
        raise TrainingError(f"group_by {pattern!r} matches no name, such as {listed(alone)}")
    items = (
        item if name is None else replace(item, group=name)
        for item, name in zip(collection.items, names, strict=True)
    )
    note = f"group_by {pattern!r} matches {len(names) - len(alone)} of {len(names)} names"
    return collection.of(items).noting(note + (f", not {listed(alone)}" if alone else ""))


def group_duplicates(collection: Collection, distance: int = NEAR) -> Collection:
    """The collection with the groups joined whose pictures look the same, or nearly so.

    distance  of the 240 bits of two difference hashes at most so many differ
    Pictures that cannot be read stay alone, and so do videos.
    """
    if collection.truth == "segments":
        return collection
    with ThreadPoolExecutor(_THREADS) as pool:
        hashes = list(pool.map(_hash_of, collection.items))
    readable = [row for row, each in enumerate(hashes) if each is not None]
    pairs = _near(np.array([each for each in hashes if each is not None], bool), distance)
    groups = _Sets()
    for first, second in pairs:
        groups.join(collection.items[readable[first]].group, collection.items[readable[second]].group)
    before = len({item.group for item in collection.items})
    items = [replace(item, group=groups.of(item.group)) for item in collection.items]
    after = len({item.group for item in items})
    told = f"{before - after} of {before} groups look like another one, and stay together with it"
    return collection.of(items).noting(told if after < before else "")


def difference_hash(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """240 bits that hardly change with size, compression and brightness, (240,) bool.

    picture  (height, width) or (height, width, c) uint8

    The picture is reduced to 16 x 16 grey squares, and each bit says whether one is darker than its left
    neighbour (N. Krawetz, "Kind of like that", The Hacker Factor Blog, 2013).
    """
    grey = picture if picture.ndim == 2 else picture.mean(axis=2)
    small = cv2.resize(grey.astype(np.float32), (HASH_SIDE, HASH_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small[:, 1:] < small[:, :-1] - 0.5).ravel()


def _hash_of(item: Item) -> NDArray[np.bool_] | None:
    try:
        return difference_hash(read_picture(item.file, channels=1))
    except UnreadableError:  # reported when it is cached
        return None


def _near(hashes: NDArray[np.bool_], distance: int) -> list[tuple[int, int]]:
    """Pairs of rows with at most so many different bits; equal rows are paired with their first one."""
    if len(hashes) == 0:
        return []
    unique, first, same = np.unique(hashes, axis=0, return_index=True, return_inverse=True)
    pairs = [(int(first[number]), row) for row, number in enumerate(same.reshape(-1).tolist())]
    # Of two rows of +1 and -1, the product is how many agree less how many differ.
    signs = unique.astype(np.float32) * 2 - 1
    for start in range(0, len(signs) if distance else 0, _AT_ONCE):
        products = signs[start : start + _AT_ONCE] @ signs[start:].T
        rows, columns = np.nonzero(products >= signs.shape[1] - 2 * distance)
        pairs += zip(first[start + rows].tolist(), first[start + columns].tolist(), strict=True)
    return [(one, other) for one, other in pairs if one != other]


class _Sets:
    """Disjoint sets of names, each known by its least one; paths are halved on the way (Tarjan)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def of(self, name: str) -> str:
        """The least name of the set that a name is in."""
        parent = self._parent
        while (above := parent.get(name, name)) != name:
            parent[name] = parent.get(above, above)
            name = parent[name]
        return name

    def join(self, one: str, other: str) -> None:
        """Make one set of the two that the names are in."""
        least, greatest = sorted((self.of(one), self.of(other)))
        if least != greatest:
            self._parent[greatest] = least
