"""COCO: one JSON file with the pictures, the boxes and the categories of a data set."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.boxes import Drawn, arrays
from edge_vision.training.data.collection import Collection, Item, Part, listed
from edge_vision.training.data.files import inside, natural_order, read_text

_TABLES = ("images", "annotations", "categories")


class _Row(NamedTuple):
    """A table's row, and what it is called in an error."""

    said: str
    values: dict[str, Any]

    def get(self, key: str) -> Any:
        """A value that must be there."""
        if key not in self.values:
            raise TrainingError(f"{self.said}: has no {key}")
        return self.values[key]


def is_coco(text: str) -> bool:
    """True where a text looks like COCO's."""
    return text.lstrip()[:1] == "{" and all(f'"{table}"' in text for table in _TABLES)


def read_coco(annotations: Path, pictures: Path, part: Part = "") -> Collection:
    """Boxes as in the JSON files of Microsoft COCO's detection task (cocodataset.org).

    annotations  images (id, file_name, width, height), annotations (image_id, category_id, bbox as x, y,
                 width, height in pixels from the top left corner) and categories (id, name)
    pictures     the folder that file_name starts from
    part         the part that all of it belongs to

    Classes are numbered in the order of the categories' ids. Pictures without boxes stay, as background.
    Regions of crowds (iscrowd) are left out. Raises TrainingError with the place of what is wrong.
    """
    images, drawn, categories = _tables(annotations)
    ids = sorted(categories, key=lambda each: (not isinstance(each, int), each))
    labels = tuple(str(categories[each].get("name")) for each in ids)
    if len(set(labels)) < len(labels) or not labels:
        raise TrainingError(
            f"{annotations}: categories need different names, there are {listed(labels)}"
        )
    boxes, crowds = _boxes(drawn, images, {each: number for number, each in enumerate(ids)})
    items, missing = [], []
    for key, row in images.items():
        name = str(row.get("file_name"))
        file = inside(pictures, name, row.said)
        if not file.is_file():
            missing.append(name)
            continue
        size = (_number(row, "width"), _number(row, "height"))
        corners, classes = arrays(boxes[key], size)
        items.append(Item(file, name, name, part, boxes=corners, classes=classes, size=size))
    if not items:
        raise TrainingError(
            f"{annotations}: none of its {len(images)} pictures is in {pictures}: {listed(missing)}"
        )
    items.sort(key=lambda item: natural_order(item.name))
    count = sum(len(found) for found in boxes.values())
    return Collection(tuple(items), labels, "boxes").noting(
        f"{len(items)} pictures with {count} boxes of {len(labels)} classes, COCO's {annotations.name}",
        f"{len(missing)} pictures are not there: {listed(missing)}" if missing else "",
        f"left out {crowds} regions of crowds" if crowds else "",
    )


def _tables(file: Path) -> tuple[dict[Any, _Row], list[_Row], dict[Any, _Row]]:
    """Images by their ids, annotations, and categories by their ids."""
    try:
        content = json.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{file}: is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise TrainingError(f"{file}: is a list; COCO's files are an object with {', '.join(_TABLES)}")
    tables = []
    for name in _TABLES:
        rows = content.get(name)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            keys = listed(sorted(map(str, content)))
            raise TrainingError(f"{file}: has no list of {name}; it holds {keys}")
        tables.append([_Row(f"{file}: {name}[{place}]", row) for place, row in enumerate(rows)])
    images, annotations, categories = tables
    return _by_id(images), annotations, _by_id(categories)


def _by_id(rows: list[_Row]) -> dict[Any, _Row]:
    found: dict[Any, _Row] = {}
    for row in rows:
        key = row.get("id")
        if not isinstance(key, int | str):
            raise TrainingError(f"{row.said}: id is {key!r}, not a whole number")
        if key in found:
            raise TrainingError(f"{row.said}: has the same id {key} as another")
        found[key] = row
    return found


def _boxes(
    rows: list[_Row], images: dict[Any, _Row], numbers: dict[Any, int]
) -> tuple[dict[Any, list[Drawn]], int]:
    """The boxes of each image, and how many regions of crowds were left out."""
    boxes: dict[Any, list[Drawn]] = defaultdict(list)
    crowds = 0
    for row in rows:
        image, category, box = row.get("image_id"), row.get("category_id"), row.get("bbox")
        for key, known, table in ((image, images, "images"), (category, numbers, "categories")):
            if not isinstance(key, int | str) or key not in known:
                raise TrainingError(f"{row.said}: names {key!r}, which is not among the {table}")
        if row.values.get("iscrowd"):
            crowds += 1
            continue
        try:
            x, y, width, height = (float(value) for value in box)
        except (TypeError, ValueError):
            raise TrainingError(f"{row.said}: bbox is {box!r}, not x, y, width, height") from None
        if not np.isfinite((x, y, width, height)).all() or min(width, height) < 0:
            raise TrainingError(f"{row.said}: bbox {box} has no such size")
        boxes[image].append(Drawn((x, y, x + width, y + height), numbers[category]))
    return boxes, crowds


def _number(row: _Row, key: str) -> int:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise TrainingError(f"{row.said}: {key} is {value!r}, not a number of pixels")
    return value
