"""Splits: parts of a data set to learn from, to judge by, and to test with, without leaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.collection import Collection, Item, listed
from edge_vision.training.data.files import natural_order
from edge_vision.training.data.groups import group_duplicates, grouped_by

MOST_TRIES = 64
"""At most so often a balanced choice is looked for; less often among thousands of groups."""

FEW = 17
"""Of so many groups, or fewer, every choice is looked at."""

_MISSING = 100.0
"""What a class that is missing in a part costs, beside squared deviations below 1."""


class Split(NamedTuple):
    """The parts of a collection; test is empty where none was declared or asked for."""

    training: Collection
    validation: Collection
    test: Collection


def split(
    collection: Collection,
    validation: float = 0.2,
    test: float = 0.0,
    seed: int = 0,
    group_by: str = "",
    duplicates: bool = False,
) -> Split:
    """Split a collection: declared parts first, then whole groups, with the classes in balance.

    validation  share of what is not declared otherwise; not looked at where validation is declared
    test        share for a test, where none is declared
    group_by    a regular expression whose first group names what belongs together (see `grouped_by`)
    duplicates  True to keep pictures together that look the same (see `group_duplicates`)

    The same collection and seed give the same parts, in whatever order the files were found. Raises
    TrainingError where a class would be missing in a part that is made here, or in the training.
    """
    for name, share in (("validation", validation), ("test", test), ("both", validation + test)):
        if not 0 <= share < 1:
            raise TrainingError(f"the share for {name} is {share}, not at least 0 and below 1")
    items = sorted(collection.items, key=_order)
    collection = collection.of(items)
    if group_by:
        collection = grouped_by(collection, group_by)
    apart = collection.items
    if duplicates:
        collection = group_duplicates(collection)
    joined = zip(apart, collection.items, strict=True)
    alike = frozenset(now.group for before, now in joined if now.group != before.group)
    shares = {"validation": validation, "test": test}
    parts = [item.part or "training" for item in collection.items]
    declared: set[str] = set(parts)
    notes = [_torn(collection.items, parts)]
    for part in ("test", "validation"):
        if part not in declared and shares[part] > 0:
            left = [row for row, each in enumerate(parts) if each == "training"]
            share = shares[part] if part == "test" or "test" in declared else validation / (1 - test)
            for row in _chosen(collection, left, min(share, 0.99), seed, part, alike):
                parts[row] = part
    made = Split(*(_part(collection, parts, name) for name in ("training", "validation", "test")))
    notes += _missing(made, declared)
    return Split(made.training.noting(*notes), made.validation, made.test)


def _part(collection: Collection, parts: Sequence[str], name: str) -> Collection:
    return collection.take([row for row, part in enumerate(parts) if part == name])


def _order(item: Item) -> tuple[object, ...]:
    folders = tuple(natural_order(name) for name in item.name.split("/"))
    return folders, item.name, item.start or 0.0, item.end or 0.0


def _torn(items: Sequence[Item], parts: Sequence[str]) -> str:
    """A note on groups that the declared parts tear apart."""
    places: dict[str, set[str]] = {}
    for item, part in zip(items, parts, strict=True):
        places.setdefault(item.group, set()).add(part)
    torn = [group for group, found in places.items() if len(found) > 1]
    return f"{len(torn)} groups are in more than one declared part: {listed(torn)}" if torn else ""


def _missing(made: Split, declared: set[str]) -> list[str]:
    """Notes on declared parts without some class.

    Raises TrainingError where the training has nothing, or not a class that another part has.
    """
    if not made.training.items:
        raise TrainingError("nothing is left to learn from; declare fewer items as validation or test")
    if made.training.truth in ("boxes", "mask"):
        return []
    known = _classes(made.training)
    notes = []
    for name, part in (("validation", made.validation), ("test", made.test)):
        if unknown := _classes(part) - known:
            names = listed(made.training.labels[number] for number in sorted(unknown))
            raise TrainingError(f"the {name} part holds classes that the training part has not: {names}")
        if name in declared and (absent := known - _classes(part)):
            names = listed(made.training.labels[number] for number in sorted(absent))
            notes.append(f"the declared {name} part has no {names}")
    return notes


def _classes(collection: Collection) -> set[int]:
    return {item.label for item in collection.items if item.label is not None}


def _chosen(
    collection: Collection, rows: list[int], share: float, seed: int, part: str, alike: frozenset[str]
) -> list[int]:
    """The rows of the groups that are chosen for a part of about that share.

    alike  groups whose items were put together because they look the same
    """
    items = [collection.items[row] for row in rows]
    names = sorted({item.group for item in items})
    if len(names) < 2:
        raise TrainingError(
            f"no {part} part can be made: all {len(items)} items are of one group "
            f"({listed(names)}); {_further(names, alike)}add others, or group them in another way"
        )
    numbers = {name: number for number, name in enumerate(names)}
    table = np.zeros((len(names), len(collection.labels) + 1))
    for item in items:
        table[numbers[item.group]] += _content(item, len(collection.labels))
    strict = collection.truth in ("label", "segments")
    taken = _balanced(table, share, np.random.default_rng(seed), strict)
    if strict:
        _check_classes(collection.labels, names, table, taken, part, alike)
    return [row for row, item in zip(rows, items, strict=True) if taken[numbers[item.group]]]


def _content(item: Item, classes: int) -> NDArray[np.float64]:
    """How much an item holds of each class, and, in the last column, of anything."""
    content = np.zeros(classes + 1)
    content[-1] = item.weight
    if item.label is not None:
        content[item.label] = item.weight
    if item.classes is not None:
        content[:classes] += np.bincount(item.classes, minlength=classes)
    return content


def _check_classes(
    labels: Sequence[str],
    names: Sequence[str],
    table: NDArray[np.float64],
    taken: NDArray[np.bool_],
    part: str,
    alike: frozenset[str],
) -> None:
    """Raise TrainingError where a class is missing among the taken groups, or among the others."""
    for number, label in enumerate(labels):
        having = table[:, number] > 0
        if having.any() and (not (having & taken).any() or not (having & ~taken).any()):
            groups = [names[row] for row in np.flatnonzero(having).tolist()]
            raise TrainingError(
                f"no {part} part with all classes can be made: {label!r} is only in {having.sum()} "
                f"{'group' if having.sum() == 1 else 'groups'} ({listed(groups)}); "
                f"{_further(groups, alike)}add further ones, "
                "leave the class out, or declare the parts by folders train/ and val/"
            )


def _further(groups: Sequence[str], alike: frozenset[str]) -> str:
    """What to do beside all else where pictures are kept together because they look alike."""
    if alike.isdisjoint(groups):
        return ""
    return "its pictures look alike and stay together: duplicates=false tells them apart, or "


def _balanced(
    table: NDArray[np.float64], share: float, random: np.random.Generator, strict: bool
) -> NDArray[np.bool_]:
    """Which groups to take, (n,), so that about that share of each column is taken.

    table   (n, k) how much a group holds of each class, and of anything in the last column
    strict  True where no class may be missing on either side

    Of few groups all choices are compared, and the seed has no say. Else groups are taken or left in
    random order, large ones first, each as it lowers the squared deviations from the shares; then single
    groups change sides as long as that helps. The best of several tries is kept. This is the greedy idea
    of Sechidis and others, "On the stratification of multi-label data", 2011, and a local search.
    """
    totals = table.sum(axis=0)
    relative = table / np.where(totals > 0, totals, 1.0)
    relative = relative[:, totals > 0]
    if len(table) <= FEW:
        return _best_of_all(relative, share, strict)
    tries = min(MOST_TRIES, max(1, 4000 // len(table)))
    best, least = np.zeros(len(table), bool), np.inf
    for _ in range(tries):
        taken, cost = _attempt(relative, share, random.permutation(len(table)), strict)
        if cost < least - 1e-12:
            best, least = taken, cost
    return best


def _attempt(
    relative: NDArray[np.float64], share: float, order: NDArray[np.intp], strict: bool
) -> tuple[NDArray[np.bool_], float]:
    """One try: the groups taken, and its cost."""
    taken = np.zeros(len(relative), bool)
    sums = np.zeros(relative.shape[1])
    size = relative.max(axis=1)
    cost = _cost(sums, share, strict)
    passes = [order[np.argsort(-size[order], kind="stable")], order, order, order]
    for turn, rows in enumerate(passes):
        moved = False
        for row in rows:
            changed = sums - relative[row] if taken[row] else sums + relative[row]
            new = _cost(changed, share, strict)
            if new < cost - 1e-12:
                taken[row], sums, cost, moved = not taken[row], changed, new, True
        if turn and not moved:
            break
    return taken, cost


def _best_of_all(relative: NDArray[np.float64], share: float, strict: bool) -> NDArray[np.bool_]:
    """The choice of groups with the least cost, (n,)."""
    choices = (np.arange(1 << len(relative))[:, np.newaxis] >> np.arange(len(relative))) & 1
    best = int(_costs(choices @ relative, share, strict).argmin())
    return np.asarray(choices[best], bool)


def _cost(sums: NDArray[np.float64], share: float, strict: bool) -> float:
    return float(_costs(sums[np.newaxis], share, strict)[0])


def _costs(sums: NDArray[np.float64], share: float, strict: bool) -> NDArray[np.float64]:
    """How far the taken shares of the columns, (n, k), are from the wanted one, (n,)."""
    squares = (sums - share) ** 2
    costs = squares.sum(axis=1) + squares[:, -1] * sums.shape[1]
    if strict:
        costs += _MISSING * np.count_nonzero((sums < 1e-9) | (sums > 1 - 1e-9), axis=1)
    return np.asarray(costs)
