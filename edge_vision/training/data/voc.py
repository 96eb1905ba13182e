"""PASCAL VOC: one annotation for each picture, as XML or as the text of annotation version 1.00.

Both count pixels from 1 and mean the last one to be part of the box: xmin 1 is the first column, so a
box spans xmin - 1 to xmax here (Everingham and others, "The PASCAL Visual Object Classes Challenge
2007 development kit", section 4.1). XML is read with expat, and whatever declares a document type is
refused, so that no entity is ever expanded.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.boxes import Drawn, arrays
from edge_vision.training.data.collection import Collection, Item, Part, listed
from edge_vision.training.data.files import (
    MASK_FOLDERS,
    Tree,
    folder_kind,
    key_of,
    look_at,
    natural_order,
    part_named,
    part_of,
    read_text,
)

PASCAL_TEXT = "PASCAL Annotation Version 1.00"
"""What the first line of the text format says."""

_SIZE = re.compile(r"Image size \(X x Y x C\)\s*:\s*(\d+) x (\d+)")
_BOX = re.compile(
    r'^Bounding box for object \d+ "(?P<label>[^"]*)" \(Xmin, Ymin\) - \(Xmax, Ymax\)\s*:'
    r"\s*\((\d+), (\d+)\) - \((\d+), (\d+)\)\s*$"
)


class _Annotation(NamedTuple):
    """The size a picture is said to have, and the names and boxes of what it shows."""

    size: tuple[int, int]
    objects: list[tuple[str, tuple[float, float, float, float]]]


def read_voc(folder: Path) -> Collection:
    """Boxes from an annotation for each picture: XML files, or text of annotation version 1.00.

    An annotation belongs to the picture with its stem, beside it or in folders such as Annotations and
    JPEGImages. Parts are declared by folders, or by lists ImageSets/Main/train.txt, val.txt, test.txt.
    Classes are numbered in the natural order of their names. Pictures without an annotation are left
    out. Raises TrainingError with file and line of what is wrong.
    """
    tree = look_at(folder)
    files = annotation_files(tree)
    found = {key_of(path): path for path in files}
    pictures = {key_of(path): path for path in tree.pictures() if folder_kind(path) not in MASK_FOLDERS}
    both = [key for key in pictures if key in found]
    if not both:
        raise TrainingError(
            f"{folder}: of {len(found)} annotations (.xml, or .txt of {PASCAL_TEXT}) and "
            f"{len(pictures)} pictures no two have one name; seen: {listed(tree.paths)}"
        )
    said = {key: _read(folder / found[key]) for key in both}
    names = Counter(name for annotation in said.values() for name, _ in annotation.objects)
    if not names:
        raise TrainingError(f"{folder}: none of the {len(both)} annotations holds an object")
    labels = tuple(sorted(names, key=natural_order))
    lists = _lists(tree)
    items = tuple(_item(folder / pictures[key], pictures[key], said[key], labels, lists) for key in both)
    alone = [path for key, path in pictures.items() if key not in found]
    used = [*(pictures[key] for key in both), *files, *alone]
    return Collection(items, labels, "boxes").noting(
        f"{len(items)} pictures with {names.total()} boxes of {len(labels)} classes, PASCAL VOC",
        f"left out {len(alone)} pictures without an annotation: {listed(alone)}" if alone else "",
        *tree.passed_over(used),
    )


def annotation_files(tree: Tree) -> tuple[PurePosixPath, ...]:
    """XML files, or where there are none, texts that say in their first line what they are."""
    return tree.ending(".xml") or tuple(
        path for path in tree.ending(".txt") if _is_pascal_text(tree.folder / path)
    )


def _is_pascal_text(file: Path) -> bool:
    with file.open("rb") as opened:
        return PASCAL_TEXT.lower() in opened.read(200).decode("ascii", "replace").lower()


def _item(
    file: Path,
    path: PurePosixPath,
    said: _Annotation,
    labels: tuple[str, ...],
    lists: dict[str, Part],
) -> Item:
    drawn = [Drawn(box, labels.index(name)) for name, box in said.objects]
    corners, classes = arrays(drawn, said.size)
    part = lists.get(path.stem) or part_of(path)
    return Item(file, str(path), str(path), part, boxes=corners, classes=classes, size=said.size)


def _lists(tree: Tree) -> dict[str, Part]:
    """The parts that lists in ImageSets declare, by the stems of the pictures."""
    parts: dict[str, Part] = {}
    for path in tree.ending(".txt"):
        part = part_named(path.stem)
        if "ImageSets" in path.parts and part:
            lines = read_text(tree.folder / path).splitlines()
            parts.update((line.split()[0], part) for line in lines if line.strip())
    return parts


def _read(file: Path) -> _Annotation:
    text = read_text(file)
    return _read_xml(file, text) if file.suffix.lower() == ".xml" else _read_text(file, text)


def _read_text(file: Path, text: str) -> _Annotation:
    size = _SIZE.search(text)
    if size is None:
        raise TrainingError(f"{file}: has no line `Image size (X x Y x C) : ...`")
    objects = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("Bounding box"):
            continue
        match = _BOX.match(line)
        if match is None:
            raise TrainingError(f"{file}: line {number}: {line!r} is no bounding box of {PASCAL_TEXT}")
        label, *corners = match.groups()
        objects.append((label, _spanned(f"{file}: line {number}", corners)))
    return _Annotation((int(size[1]), int(size[2])), objects)


def _read_xml(file: Path, text: str) -> _Annotation:
    root = parse_xml(file, text)
    if root.tag != "annotation":
        raise TrainingError(f"{file}: the outermost element is <{root.tag}>, not <annotation>")
    sides = [_text(file, root, f"size/{side}") for side in ("width", "height")]
    if not all(side.isdecimal() and int(side) for side in sides):
        raise TrainingError(f"{file}: <size> is {sides[0]} x {sides[1]}, not a number of pixels")
    objects = []
    for number, each in enumerate(root.iter("object"), 1):
        said = f"{file}: object {number}"
        corners = [_text(said, each, f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax")]
        objects.append((_text(said, each, "name"), _spanned(said, corners)))
    return _Annotation((int(sides[0]), int(sides[1])), objects)


def parse_xml(file: Path, text: str) -> Element:
    """The outermost element of an XML file; one that declares a document type is refused."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data

    def refuse(*_: object) -> None:
        raise TrainingError(
            f"{file}: line {parser.CurrentLineNumber}: declares a document type; remove it"
        )

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise TrainingError(
            f"{file}: line {error.lineno}: is no XML: {expat.errors.messages[error.code]}"
        ) from None
    return builder.close()


def _text(said: object, element: Element, path: str) -> str:
    found = (element.findtext(path) or "").strip()
    if not found:
        raise TrainingError(f"{said}: has no <{path.replace('/', '><')}>")
    return found


def _spanned(said: str, corners: list[str]) -> tuple[float, float, float, float]:
    """The box between the outer edges of its first and its last pixels, which were counted from 1."""
    try:
        left, top, right, bottom = (float(corner) for corner in corners)
    except ValueError:
        raise TrainingError(f"{said}: the box is {', '.join(corners)}, not four numbers") from None
    if not (right >= left and bottom >= top):
        raise TrainingError(f"{said}: the box {', '.join(corners)} ends before it begins")
    return left - 1.0, top - 1.0, right, bottom
