"""Folders: a folder of pictures for each class."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.collection import Collection, Item, listed
from edge_vision.training.data.files import Tree, look_at, natural_order, part_named, part_of

ACCEPTED = "a folder of pictures for each class, also below train/ and val/ and test/"


def read_folders(folder: Path) -> Collection:
    """Pictures in a folder for each class, which may lie below folders of parts.

    `folder/class/picture`, or `folder/part/class/picture` with part one of train, training, val, valid,
    validation, test, testing. What lies deeper inside a class belongs to it. Classes are numbered in the
    natural order of their names: 0.9 before 1.0, class_2 before class_10. Whether pictures can be
    decoded is found out when they are cached; links that lead nowhere are passed over. Raises
    TrainingError where there are not two classes, or where one's name could not be a label.
    """
    tree = look_at(folder)
    level = 1 if has_parts(tree) else 0
    placed = [path for path in tree.pictures() if len(path.parts) > level + 1]
    names = {path.parts[level] for path in placed}
    labels = tuple(sorted(names, key=lambda name: (natural_order(name), name)))  # a and A are two
    if len(labels) < 2:
        raise TrainingError(
            f"{folder}: pictures are expected in a folder for each of two or more classes, "
            + (f"there is only {labels[0]}" if labels else _seen(tree))
        )
    _check_names(folder, labels)
    numbers = {label: number for number, label in enumerate(labels)}
    items = tuple(
        Item(
            folder / path,
            str(path),
            group=str(path),
            part=part_of(PurePosixPath(path.parts[0], path.name)) if level else "",
            label=numbers[path.parts[level]],
        )
        for path in placed
    )
    notes = (
        f"{len(items)} pictures of {len(labels)} classes, a folder for each",
        _alike(labels),
        _empty(tree, level),
    )
    return Collection(items, labels, "label").noting(*notes, *tree.passed_over(placed))


def has_parts(tree: Tree) -> bool:
    """True where the outermost folders with pictures are all parts, with folders of classes in them."""
    pictures = [path for path in tree.pictures() if len(path.parts) > 1]
    deep = [path for path in pictures if len(path.parts) > 2]
    return bool(deep) and all(part_named(path.parts[0]) for path in pictures)


def _check_names(folder: Path, labels: Sequence[str]) -> None:
    """Raise TrainingError where a class's name could not stand in a line of a file of labels."""
    for label in labels:
        unfit = {"Cc": "a control character", "Cs": "bytes that are no UTF-8"}
        unfit |= {"Zl": "a line separator", "Zp": "a paragraph separator"}
        found = next((unfit[kind] for kind in map(unicodedata.category, label) if kind in unfit), "")
        if not found and label != label.strip():
            found = "a space at its beginning or end"
        if found:
            raise TrainingError(
                f"{folder}: the name of the class {label!r} holds {found}; rename its folder"
            )


def _alike(labels: Sequence[str]) -> str:
    """A note on classes whose names differ in nothing but small and capital letters."""
    same: dict[str, list[str]] = {}
    for label in labels:
        same.setdefault(label.casefold(), []).append(label)
    found = [" and ".join(names) for names in same.values() if len(names) > 1]
    return f"classes that differ by small and capital letters only: {listed(found)}" if found else ""


def _empty(tree: Tree, level: int) -> str:
    """A note on folders of classes that hold no picture."""
    full = {path.parts[: level + 1] for path in tree.pictures()}
    roots = (
        [tree.folder] if not level else [each for each in tree.folder.iterdir() if part_named(each.name)]
    )
    empty = [
        each
        for root in roots
        if root.is_dir()
        for each in root.iterdir()
        if each.is_dir()
        and not each.name.startswith((".", "__"))
        and each.relative_to(tree.folder).parts not in full
    ]
    names = sorted((str(each.relative_to(tree.folder)) for each in empty), key=natural_order)
    return f"no picture in {len(names)} folders: {listed(names)}" if names else ""


def _seen(tree: Tree) -> str:
    pictures = tree.pictures()
    if pictures:
        return f"but the {len(pictures)} pictures lie in no folder of a class: {listed(pictures)}"
    return f"but there is no picture among its {len(tree.paths)} files: {listed(tree.paths)}"
