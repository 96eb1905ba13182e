"""The files of a data set: which there are, in a natural order, and what their places tell.

A folder named after a part of the data set (train, val, test and their like, also train2017) declares
that part. Folders that only say what kind of file lies in them (images, labels, masks, ...) do not
count when a picture's annotation is looked for: `train/images/a.jpg` and `train/labels/a.txt` belong
together, and so do `images/train/a.jpg` and `labels/train/a.txt`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edge_vision.contracts.regular_file import read_regular
from edge_vision.data.errors import TrainingError
from edge_vision.training.data.collection import Part, listed

PICTURES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""Endings of pictures."""

VIDEOS = (
    ".avi",
    ".m4v",
    ".mjpeg",
    ".mkv",
    ".mov",
    ".mp4",
    ".mpeg",
    ".mpg",
    ".ogv",
    ".ts",
    ".webm",
    ".wmv",
)
"""Endings of videos."""

LARGEST_TEXT = 1 << 30
"""Annotations are read up to this many bytes."""

PICTURE_FOLDERS = ("images", "image", "img", "imgs", "pictures", "jpegimages", "pngimages")
"""Names of folders, in small letters, that hold pictures which annotations elsewhere tell about."""

MASK_FOLDERS = ("masks", "mask", "segmentationclass", "pedmasks", "annotations_png", "gt")
"""Names of folders that hold masks."""

TEXT_FOLDERS = ("labels", "boxes", "annotations", "annotation")
"""Names of folders that hold annotations as text."""

_KINDS = frozenset((*PICTURE_FOLDERS, *MASK_FOLDERS, *TEXT_FOLDERS))
_PARTS: tuple[tuple[Part, re.Pattern[str]], ...] = (
    ("training", re.compile(r"(train|training)([-_ ]?\d+)?", re.IGNORECASE)),
    ("validation", re.compile(r"(val|valid|validation)([-_ ]?\d+)?", re.IGNORECASE)),
    ("test", re.compile(r"(test|testing)([-_ ]?\d+)?", re.IGNORECASE)),
)
_RUBBISH = frozenset(("__MACOSX", "Thumbs.db", "desktop.ini"))


@dataclass(frozen=True, slots=True)
class Tree:
    """The files below a folder.

    folder  the folder
    paths   their paths inside it, in natural order, without hidden ones
    hidden  so many files and folders are hidden, and passed over
    lost    links that lead nowhere, or in a circle, which are passed over too
    """

    folder: Path
    paths: tuple[PurePosixPath, ...]
    hidden: int
    lost: tuple[PurePosixPath, ...] = ()

    def pictures(self) -> tuple[PurePosixPath, ...]:
        """Those that are pictures by their endings."""
        return tuple(path for path in self.paths if path.suffix.lower() in PICTURES)

    def ending(self, *endings: str) -> tuple[PurePosixPath, ...]:
        """Those with one of some endings, in small letters, with the dot."""
        return tuple(path for path in self.paths if path.suffix.lower() in endings)

    def passed_over(self, used: Iterable[PurePosixPath]) -> tuple[str, ...]:
        """Notes on the files that were not used, on links that lead nowhere, and on what is hidden."""
        left = set(self.paths).difference(used)
        notes = []
        if left:
            names = listed(path for path in self.paths if path in left)
            notes.append(f"passed over in {self.folder} ({len(left)}): {names}")
        if self.lost:
            notes.append(f"links that lead nowhere ({len(self.lost)}): {listed(self.lost)}")
        if self.hidden:
            notes.append(f"passed over what is hidden in {self.folder} ({self.hidden})")
        return tuple(notes)


def look_at(folder: Path) -> Tree:
    """The files below a folder; raises TrainingError where there is no such folder, or it is empty."""
    if not folder.is_dir():
        seen = "is a file" if folder.exists() else "does not exist"
        raise TrainingError(f"{folder}: {seen}; a data set is a folder")
    paths: list[PurePosixPath] = []
    lost: list[PurePosixPath] = []
    hidden = 0
    for inside, names in _walk(folder):
        for name in names:
            if is_hidden(name):
                hidden += 1
            elif _is_there(folder / inside / name):
                paths.append(inside / name)
            else:
                lost.append(inside / name)
    if not paths:
        raise TrainingError(f"{folder}: there are no files in it")
    there, gone = (tuple(sorted(some, key=path_order)) for some in (paths, lost))
    return Tree(folder, there, hidden, gone)


def is_hidden(name: str) -> bool:
    """True for what begins with a dot, and for what file managers leave behind."""
    return name.startswith(".") or name in _RUBBISH


def part_of(path: PurePosixPath) -> Part:
    """The part that the folders of a path declare, the outermost first."""
    return next((part for name in path.parts[:-1] if (part := part_named(name))), "")


def part_named(name: str) -> Part:
    """The part that one folder's name, or a list's, declares."""
    return next((part for part, pattern in _PARTS if pattern.fullmatch(name)), "")


def key_of(path: PurePosixPath) -> tuple[str, ...]:
    """What a picture and its annotation have in common: folders but for those of kinds, and the stem."""
    return (*(name for name in path.parts[:-1] if name.lower() not in _KINDS), path.stem)


def folder_kind(path: PurePosixPath) -> str:
    """The innermost folder of a path that names a kind of file, in small letters; empty for none."""
    return next((name.lower() for name in reversed(path.parts[:-1]) if name.lower() in _KINDS), "")


def natural_order(name: str) -> tuple[tuple[str, int, str], ...]:
    """A key that sorts numbers within names by their value: class_2 before class_10."""
    return tuple(
        (text.lower(), int(number or 0), number)
        for text, number in re.findall(r"([^0-9]*)([0-9]*)", name)
    )


def path_order(path: PurePosixPath) -> tuple[tuple[tuple[str, int, str], ...], ...]:
    """A key that sorts paths naturally, folder by folder."""
    return tuple(natural_order(name) for name in path.parts)


def read_text(file: Path) -> str:
    """The text of an annotation; raises TrainingError where it cannot be read."""
    try:
        return read_regular(file, LARGEST_TEXT).decode("utf-8-sig")
    except OSError as error:
        raise TrainingError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise TrainingError(f"{file}: is no UTF-8 text ({error.reason} at byte {error.start})") from None


def inside(folder: Path, name: str, said: object) -> Path:
    """A file that an annotation names; raises TrainingError where the name leads out of the folder.

    said  where it is named, for the error
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.name or "\0" in name:
        raise TrainingError(f"{said}: {name!r} is no file inside {folder}")
    return folder / path


def _walk(folder: Path) -> Iterator[tuple[PurePosixPath, list[str]]]:
    """The folders below one, links followed once, and the names in them: files, and hidden folders."""
    seen: set[tuple[int, int]] = set()
    for here, folders, files in os.walk(folder, followlinks=True, onerror=_refuse):
        status = os.stat(here)  # noqa: PTH116 - os.walk gives text
        if (status.st_dev, status.st_ino) in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        hidden = [name for name in folders if is_hidden(name)]
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        yield PurePosixPath(Path(here).relative_to(folder).as_posix()), [*files, *hidden]


def _is_there(file: Path) -> bool:
    """False for a link that leads nowhere, or in a circle."""
    try:
        return file.exists()
    except OSError:  # what cannot be read is told when it is read
        return True


def _refuse(error: OSError) -> None:
    raise TrainingError(f"{error.filename}: cannot be looked at: {error.strerror}")
