"""Any data set: which kind of it a folder holds, and the reader for that."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.coco import is_coco, read_coco
from edge_vision.training.data.collection import Collection, Part, Truth, joined, listed
from edge_vision.training.data.files import (
    PICTURE_FOLDERS,
    VIDEOS,
    Tree,
    key_of,
    look_at,
    part_named,
    part_of,
    read_text,
)
from edge_vision.training.data.folders import read_folders
from edge_vision.training.data.masks import Coding, pictures_and_masks, read_mask_folder
from edge_vision.training.data.segments import is_segments, read_segments
from edge_vision.training.data.voc import annotation_files, read_voc
from edge_vision.training.data.yolo import box_files, read_yolo

ACCEPTED = (
    "what is accepted: a folder of pictures for each class, also below train/ and val/; "
    "or pictures and COCO's annotations.json; "
    "or pictures and PASCAL VOC's .xml (or .txt of annotation version 1.00) for each of them; "
    "or images/ and labels/ with YOLO's .txt for each picture, and data.yaml or classes.txt; "
    "or images/ and masks/ with a mask for each picture, and labels.txt; "
    "or videos and a table .csv of lines file,start,end,label"
)
"""What `read_any` can read, for people."""


_FILE_NAME = re.compile(r'"file_name"\s*:\s*"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Reading:
    """How a data set is to be read, where its files leave that open.

    truth       what is wanted of a data set that tells several things; empty for the first found
    time_scale  seconds in one unit of a table of segments
    coding      what the values of masks mean
    """

    truth: Truth | None = None
    time_scale: float = 1.0
    coding: Coding = field(default_factory=Coding)


def read_any(folder: Path, reading: Reading | None = None) -> Collection:
    """The collection in a folder of any known kind; its first note says which one was found.

    Looked for in this order: COCO, PASCAL VOC, YOLO, masks, segments of videos, a folder for each class.
    A folder that holds nothing but one other folder, as archives make it, is entered. Raises
    TrainingError where no kind, or not the wanted one, is found.
    """
    reading = reading or Reading()
    kinds = _kinds(folder, reading)
    wanted = [read for truth, read in kinds if reading.truth in (None, truth)]
    if not wanted:
        found = f"it tells {listed(truth for truth, _ in kinds)}, not {reading.truth}; " if kinds else ""
        raise TrainingError(f"{folder}: {found}{_seen(look_at(_entered(folder)))}; {ACCEPTED}")
    others = [truth for truth, read in kinds if read is not wanted[0]]
    return wanted[0]().noting(f"it also tells: {listed(others)}" if others else "")


def tells(folder: Path, truth: Truth) -> bool:
    """True where `read_any` finds something of that kind in a folder; what it holds is not looked at."""
    return any(found == truth for found, _ in _kinds(folder, Reading(truth)))


def _kinds(folder: Path, reading: Reading) -> list[tuple[Truth, Callable[[], Collection]]]:
    """What a folder tells, in the order it is looked for, and how it is read."""
    root = _entered(folder)
    tree = look_at(root)
    kinds: list[tuple[Truth, Callable[[], Collection]]] = []
    if jsons := _coco_files(tree):
        kinds.append(("boxes", lambda: _read_coco_files(tree, jsons)))
    names = {key_of(path) for path in tree.pictures()}
    if any(key_of(path) in names for path in annotation_files(tree)):
        kinds.append(("boxes", lambda: read_voc(root)))
    elif box_files(tree):
        kinds.append(("boxes", lambda: read_yolo(root)))
    if all(pictures_and_masks(tree)):
        kinds.append(("mask", lambda: read_mask_folder(root, reading.coding)))
    tables = [path for path in tree.ending(".csv") if is_segments(read_text(root / path))]
    if tables and tree.ending(*VIDEOS):
        kinds.append(("segments", lambda: read_segments(root / tables[0], root, reading.time_scale)))
    if not kinds and any(len(path.parts) > 1 for path in tree.pictures()):
        kinds.append(("label", lambda: read_folders(root)))
    return kinds


def _entered(folder: Path) -> Path:
    """The innermost folder of those that hold nothing but each other."""
    if not folder.is_dir():
        return folder
    visible = [each for each in folder.iterdir() if not each.name.startswith((".", "__"))]
    if len(visible) != 1 or not visible[0].is_dir() or part_named(visible[0].name):
        return folder
    return folder if visible[0].name.lower() in PICTURE_FOLDERS else _entered(visible[0])


def _coco_files(tree: Tree) -> list[PurePosixPath]:
    return [path for path in tree.ending(".json") if is_coco(read_text(tree.folder / path))]


def _read_coco_files(tree: Tree, files: list[PurePosixPath]) -> Collection:
    """All COCO files of a data set, each with the folder its pictures are in."""
    collections = []
    for path in files:
        named: Part = next((part for word in path.stem.split("_") if (part := part_named(word))), "")
        part = part_of(path) or named
        pictures = _pictures_of(tree, path, part)
        each = read_coco(tree.folder / path, pictures, part)
        inside = pictures.relative_to(tree.folder)
        items = (replace(item, name=str(PurePosixPath(inside) / item.name)) for item in each.items)
        collections.append(each.of(replace(item, group=item.name) for item in items))
    return joined(collections)


def _pictures_of(tree: Tree, annotations: PurePosixPath, part: Part) -> Path:
    """The folder that a COCO file's names start from: where most of its pictures are.

    Where several are alike, it is one of the same part.
    """
    names = set(_FILE_NAME.findall(read_text(tree.folder / annotations)))
    places: Counter[PurePosixPath] = Counter()
    for path in tree.pictures():
        places.update(each for each in path.parents if str(path.relative_to(each)) in names)
    if not places:
        raise TrainingError(
            f"{tree.folder / annotations}: names none of the {len(tree.pictures())} pictures beside it"
        )
    return tree.folder / max(places, key=lambda each: (places[each], part_of(each / "file") == part))


def _seen(tree: Tree) -> str:
    endings: dict[str, int] = {}
    for path in tree.paths:
        endings[path.suffix.lower()] = endings.get(path.suffix.lower(), 0) + 1
    counts = ", ".join(f"{count} {ending or 'without an ending'}" for ending, count in endings.items())
    return f"no known kind of data set: {counts} ({listed(tree.paths)})"
