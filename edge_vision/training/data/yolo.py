"""YOLO: a text for each picture, a line for each box, in fractions of the picture."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.boxes import Drawn, arrays
from edge_vision.training.data.collection import Collection, Item, listed
from edge_vision.training.data.files import (
    MASK_FOLDERS,
    Tree,
    folder_kind,
    key_of,
    look_at,
    part_of,
    read_text,
)
from edge_vision.training.data.pictures import UnreadableError, picture_size

NAME_LISTS = ("classes.txt", "obj.names", "labels.txt", "names.txt")
"""Files with the name of a class a line, but for YAML files with a key `names`."""

ROUNDING = 0.01
"""A fraction may lie this far outside of 0 to 1; it is cut."""

_NUMBERED = re.compile(r"(\d+)\s*:\s*(.+)")


def read_yolo(folder: Path) -> Collection:
    """Boxes from lines `class centre_x centre_y width height`, in fractions of the picture.

    A picture and its text have one stem, and lie beside each other or in folders images and labels, each
    with or in folders of parts. Names of classes come from `names` of a YAML file, or from a list.
    Longer lines `class x1 y1 x2 y2 x3 y3 ...` are polygons, of which the upright box is taken. Pictures
    with an empty text, or with none in a data set that has texts, are background. Raises TrainingError
    with file and line of what is wrong.
    """
    tree = look_at(folder)
    names, source = find_names(tree)
    texts = {key_of(path): path for path in box_files(tree)}
    pictures = [path for path in tree.pictures() if folder_kind(path) not in MASK_FOLDERS]
    if not any(key_of(path) in texts for path in pictures):
        raise TrainingError(
            f"{folder}: of {len(pictures)} pictures none has a text of its name with boxes; "
            f"seen: {listed(tree.paths)}"
        )
    items = tuple(_item(tree, path, texts.get(key_of(path)), len(names)) for path in pictures)
    classes = [int(number) for item in items for number in _classes(item)]
    labels = names or tuple(str(number) for number in range(max(classes, default=0) + 1))
    empty = [item.name for item in items if not len(_classes(item))]
    used = [*pictures, *texts.values(), *source]
    return Collection(items, labels, "boxes").noting(
        f"{len(items)} pictures with {len(classes)} boxes of {len(labels)} classes, YOLO's texts",
        f"{len(empty)} pictures without a box, background: {listed(empty)}" if empty else "",
        "" if names else "no names of classes were found (data.yaml, classes.txt): they are numbered",
        *tree.passed_over(used),
    )


def box_files(tree: Tree) -> tuple[PurePosixPath, ...]:
    """Texts that have the stem of a picture."""
    pictures = {key_of(path) for path in tree.pictures()}
    return tuple(path for path in tree.ending(".txt") if key_of(path) in pictures)


def find_names(tree: Tree) -> tuple[tuple[str, ...], list[PurePosixPath]]:
    """The names of the classes and the files they are from; none where there is no such file."""
    for path in tree.ending(".yaml", ".yml"):
        if names := yaml_names(tree.folder / path):
            return names, [path]
    for path in tree.paths:
        if path.name in NAME_LISTS:
            lines = read_text(tree.folder / path).splitlines()
            return tuple(line.strip() for line in lines if line.strip()), [path]
    return (), []


def yaml_names(file: Path) -> tuple[str, ...]:
    """What the key `names` of a YAML file holds: [a, b], a list of lines `- a`, or lines `0: a`.

    Only this much of YAML is read. Empty where there is no such key; raises TrainingError where numbers
    are missing.
    """
    lines = [line.split(" #")[0].rstrip() for line in read_text(file).splitlines()]
    start = next((place for place, line in enumerate(lines) if line.startswith("names:")), None)
    if start is None:
        return ()
    block = [lines[start].removeprefix("names:").strip()]
    for line in lines[start + 1 :]:
        if line and not line.startswith((" ", "\t", "-", "]", "}", "#")):
            break
        block.append(line.strip())
    text = " ".join(line for line in block if not line.startswith("#")).strip()
    if text.startswith(("[", "{")):
        entries = re.findall(r"""\s*("[^"]*"|'[^']*'|(?:\d+\s*:\s*)?[^,\]}\[{]+)""", text)
    else:
        entries = [line for line in block if line and not line.startswith("#")]
    names = [entry.strip().removeprefix("- ").strip() for entry in entries]
    return _in_order(file, [name for name in names if name])


def _in_order(file: Path, entries: Sequence[str]) -> tuple[str, ...]:
    """Names in the order of their numbers, where they have some."""
    matches = [_NUMBERED.fullmatch(entry) for entry in entries]
    pairs = [(int(match[1]), match[2]) for match in matches if match]
    if len(pairs) < len(entries):
        pairs = list(enumerate(entries))
    numbers = [number for number, _ in sorted(pairs)]
    if numbers != list(range(len(numbers))):
        raise TrainingError(f"{file}: names: the classes are numbered {listed(numbers)}, not from 0 on")
    return tuple(name.strip().strip("\"'") for _, name in sorted(pairs))


def _item(tree: Tree, path: PurePosixPath, text: PurePosixPath | None, names: int) -> Item:
    file = tree.folder / path
    try:
        size = picture_size(file)
    except UnreadableError as error:
        raise TrainingError(f"{file}: {error}; remove it, or put a whole one in its place") from None
    lines = read_text(tree.folder / text).splitlines() if text else []
    drawn = [
        _drawn(f"{tree.folder / str(text)}: line {number}", line.split(), size, names)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    corners, classes = arrays(drawn, size)
    return Item(file, str(path), str(path), part_of(path), boxes=corners, classes=classes, size=size)


def _drawn(said: str, words: list[str], size: tuple[int, int], names: int) -> Drawn:
    """The box of one line; names is the number of classes, 0 where that is not known."""
    try:
        number, values = int(words[0]), [float(word) for word in words[1:]]
    except ValueError:
        raise TrainingError(f"{said}: {' '.join(words)!r} is no class and numbers") from None
    if number < 0 or (names and number >= names):
        raise TrainingError(f"{said}: class {number}, but there are {names} classes, from 0 on")
    if len(values) == 4:
        x, y, width, height = values
        xs, ys = (x - width / 2, x + width / 2), (y - height / 2, y + height / 2)
    elif len(values) >= 6 and len(values) % 2 == 0:
        xs, ys = (min(values[::2]), max(values[::2])), (min(values[1::2]), max(values[1::2]))
    else:
        raise TrainingError(f"{said}: holds {len(values)} numbers after the class, not four")
    if not all(math.isfinite(value) and -ROUNDING <= value <= 1 + ROUNDING for value in values):
        raise TrainingError(f"{said}: {' '.join(words)!r}: fractions of the picture are 0 to 1")
    return Drawn((xs[0] * size[0], ys[0] * size[1], xs[1] * size[0], ys[1] * size[1]), number)


def _classes(item: Item) -> Sequence[int]:
    return [] if item.classes is None else item.classes.tolist()
