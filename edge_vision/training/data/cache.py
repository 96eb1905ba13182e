"""The cache: a collection's pictures decoded once, in one size, in a file that is mapped into memory.

Only what must be decoded is stored: pixels, masks, the pictures' own sizes, the frames' times. Labels,
boxes and groups are taken from the collection each time, so what was labelled anew needs no decoding.
A cache is a folder named by the digest of what it was made from. It is made under another name and
renamed when it is whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.data.cached_rows import Recipe, Rows, examples, video_files
from edge_vision.training.data.collection import Collection, Item, listed
from edge_vision.training.data.decoding import decode_pictures, decode_videos
from edge_vision.training.data.fits import Fit
from edge_vision.training.examples import Examples

logger = logging.getLogger(__name__)

FORMAT = 2
"""Changes when the same settings give other files."""

TOO_MANY = 0.1
"""Where a larger share of the pictures cannot be read, something else is wrong."""

Progress = Callable[[int, int], None]
"""Is told how many pictures, or videos, are done, of how many."""


def cached(  # noqa: PLR0913 - what is read, what is made of it, and how
    collection: Collection,
    size: tuple[int, int],
    folder: Path,
    fit: Fit = "stretch",
    channels: int = 3,
    rate: float = 5.0,
    progress: Progress | None = None,
    *,
    warp: Warp = reference_warp,
) -> Examples:
    """The pictures of a collection in one size, decoded the first time and mapped from a file then.

    size      (width, height) in pixels
    folder    where caches are; made where it is missing
    fit       how pictures are made to fit
    channels  3 for red, green, blue, 1 for grey
    rate      frames a second that are taken of videos
    progress  is told how far decoding is
    warp      how pixels are taken from a picture; a recipe gives its own, which is the daemon's

    With "stretch" and "letterbox" a model in the daemon that has the same warp is shown the same pixels.

    Targets are `label` (n,) int64, `boxes` and `classes` of each picture in its new pixels, `mask` (n,
    height, width) uint8 with VOID where there is nothing: those that the collection tells. Of videos all
    frames are there, with label -1 outside of the segments, named file@12.4s.

    Pictures that cannot be read are named in a warning and left out. Raises TrainingError where those
    are more than a tenth, or nothing is left, or there is no room.
    """
    if not collection.items:
        raise TrainingError("there is nothing to cache: the collection is empty")
    if channels not in (1, 3) or min(size) < 1 or not rate > 0:
        raise TrainingError(f"cannot cache {size} pixels, {channels} channels, {rate} frames/s")
    recipe = Recipe(size, fit, channels, rate, warp)
    place = folder / _digest(collection, recipe)
    if not place.is_dir():
        try:
            with _part(folder, place) as part:
                _build(collection, recipe, part, progress or _silent)
        except OSError as error:
            raise TrainingError(
                f"{folder}: the cache cannot be written: {error.strerror or error}"
            ) from None
    return examples(collection, recipe, *_load(place))


def _silent(_done: int, _total: int) -> None:
    """What is told of the progress where nobody asks."""


def _digest(collection: Collection, recipe: Recipe) -> str:
    """A name for what is made of these files with these settings."""
    *settings, warp = recipe
    described: list[object] = [FORMAT, *settings, _called(warp), collection.truth]
    if collection.mask_table is not None:
        described.append(collection.mask_table.tolist())
    items: Iterable[Item] = collection.items
    if collection.truth == "segments":
        items = video_files(collection).values()
    for item in items:
        described += [item.name, item.size, _facts(item.file), _facts(item.mask) if item.mask else None]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:24]


def _called(warp: Warp) -> str:
    """A name for a warp."""
    return f"{warp.__module__}.{getattr(warp, '__qualname__', type(warp).__qualname__)}"


def _facts(file: Path) -> tuple[int, int]:
    """A file's bytes, and when it was changed in nanoseconds."""
    try:
        status = file.stat()
    except OSError as error:
        raise TrainingError(f"{file}: is gone: {error.strerror}") from None
    return status.st_size, status.st_mtime_ns


@contextmanager
def _part(folder: Path, place: Path) -> Iterator[Path]:
    """A folder to build in, which becomes `place` at the end, or vanishes where something goes wrong.

    It is locked as long as its process lives, so that what a killed one left can be told, and removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".part-*"):
        if _abandoned(left):
            shutil.rmtree(left, ignore_errors=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder))
    try:
        with (part / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield part
            (part / "lock").unlink()
        if not place.is_dir():  # else another process was faster, with the same
            part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _abandoned(part: Path) -> bool:
    try:
        with (part / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held by a living process, or just being made
        return False
    return True


def _build(collection: Collection, recipe: Recipe, part: Path, progress: Progress) -> None:
    if collection.truth == "segments":
        rows, unreadable = decode_videos(collection, recipe, part, progress)
    else:
        rows, unreadable = decode_pictures(collection, recipe, part, progress)
    if unreadable:
        _complain(len(collection), unreadable)
    with (part / "rows.npz").open("wb") as file:
        np.savez(file, items=rows.items, sizes=rows.sizes, times=rows.times)


def _complain(count: int, unreadable: Sequence[str]) -> None:
    text = f"{len(unreadable)} of {count} pictures cannot be used: {listed(unreadable)}"
    if len(unreadable) > max(1, TOO_MANY * count) or len(unreadable) == count:
        raise TrainingError(f"{text}; remove them, or put whole ones in their places")
    logger.warning("%s; they are left out", text)


def _load(place: Path) -> tuple[Rows, NDArray[np.uint8], NDArray[np.uint8] | None]:
    try:
        with np.load(place / "rows.npz") as rows:
            facts = Rows(rows["items"], rows["sizes"], rows["times"])
        pictures = np.load(place / "pictures.npy", mmap_mode="r")
        masks = place / "masks.npy"
        mapped = np.load(masks, mmap_mode="r") if masks.exists() else None
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"{place}: this cache is damaged ({error}); remove the folder") from None
    return facts, pictures, mapped
