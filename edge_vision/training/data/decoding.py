"""Decoding: the files of a collection into arrays on disk, several at once.

OpenCV lets go of Python's lock while it decodes and resizes, so threads are enough.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_vision.training.data.cached_rows import Recipe, Rows, video_files
from edge_vision.training.data.collection import UNKNOWN, VOID, Collection, Item
from edge_vision.training.data.fits import as_given, placement
from edge_vision.training.data.pictures import UnreadableError, read_mask, read_picture
from edge_vision.training.data.videos import frames

THREADS = min(4, os.cpu_count() or 1)
"""So many files are decoded at once."""

_COPIED_AT_ONCE = 256

_Input = TypeVar("_Input")
_Output = TypeVar("_Output")


def decode_pictures(
    collection: Collection, recipe: Recipe, folder: Path, progress: Callable[[int, int], None]
) -> tuple[Rows, list[str]]:
    """Write pictures.npy, and masks.npy where there are masks; gives their rows and what is unreadable.

    The unreadable ones are texts: the file and what is wrong with it.
    """
    width, height = recipe.size
    count = len(collection)
    pictures = _reserved(folder / "pictures.npy", (count, height, width, recipe.channels))
    table = collection.mask_table
    masks = None if table is None else _reserved(folder / "masks.npy", (count, height, width))

    def decode(row: int) -> tuple[int, int] | str:
        item = collection.items[row]
        try:
            picture = _picture(item)
            size = picture.shape[1], picture.shape[0]
            placed = placement(recipe.fit, size, recipe.size)
            if masks is not None and table is not None:
                mask = _mask(item, size, table)
                masks[row] = placed.mask(mask, VOID)
            pictures[row] = as_given(placed.picture(picture, recipe.warp), recipe.channels)
        except UnreadableError as error:
            return f"{item.file} {error}"
        return size

    found: list[tuple[int, int] | str] = []
    for each in _in_threads(decode, range(count)):
        found.append(each)
        progress(len(found), count)
    good = np.array([row for row, each in enumerate(found) if not isinstance(each, str)], np.int64)
    for array, name in ((pictures, "pictures.npy"), (masks, "masks.npy")):
        if array is not None:
            array.flush()
            if 0 < len(good) < count:
                _keep(array, good, folder / name)
    sizes = np.array([each for each in found if not isinstance(each, str)], np.int64).reshape(-1, 2)
    rows = Rows(good, sizes, np.full(len(good), np.nan))
    return rows, [each for each in found if isinstance(each, str)]


def decode_videos(
    collection: Collection, recipe: Recipe, folder: Path, progress: Callable[[int, int], None]
) -> tuple[Rows, list[str]]:
    """Write pictures.npy with the frames of all videos; gives their rows, and nothing unreadable.

    Raises TrainingError where a video cannot be decoded.
    """
    files = list(video_files(collection))

    def decode(number: int) -> list[tuple[float, int, int]]:
        facts = []
        with (folder / f"{number}.raw").open("wb") as raw:
            for time, frame in frames(files[number], recipe.rate):
                size = frame.shape[1], frame.shape[0]
                fitted = placement(recipe.fit, size, recipe.size).picture(frame, recipe.warp)
                raw.write(as_given(fitted, recipe.channels).tobytes())
                facts.append((time, *size))
        return facts

    found: list[list[tuple[float, int, int]]] = []
    for each in _in_threads(decode, range(len(files))):
        found.append(each)
        progress(len(found), len(files))
    width, height = recipe.size
    _gathered(folder, [len(facts) for facts in found], (height, width, recipe.channels))
    table = np.array([fact for facts in found for fact in facts], np.float64).reshape(-1, 3)
    items = np.repeat(np.arange(len(files)), [len(facts) for facts in found])
    return Rows(items, table[:, 1:].astype(np.int64), table[:, 0]), []


def _picture(item: Item) -> NDArray[np.uint8]:
    """The picture of an item in colour, as the daemon has it; turned or not as its annotation means."""
    picture = read_picture(item.file)
    if item.size is not None and picture.shape[1::-1] != item.size:
        picture = read_picture(item.file, upright=False)
        if picture.shape[1::-1] != item.size:
            seen = f"{picture.shape[1]} x {picture.shape[0]}"
            raise UnreadableError(f"is {seen}, but its annotation says {item.size[0]} x {item.size[1]}")
    return picture


def _mask(item: Item, size: tuple[int, int], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The classes of an item's pixels, (height, width) uint8; all void where it has no mask."""
    if item.mask is None:
        return np.full(size[::-1], VOID, np.uint8)
    values = read_mask(item.mask)
    if values.shape != size[::-1]:
        raise UnreadableError(
            f"is {size[0]} x {size[1]}, but its mask {item.mask} {values.shape[1]} x {values.shape[0]}"
        )
    classes = table[values]
    if (unknown := values[classes == UNKNOWN]).size:
        raise UnreadableError(f"has a mask {item.mask} with the value {unknown[0]}, which no class has")
    return classes


def _reserved(file: Path, shape: tuple[int, ...]) -> np.memmap[Any, np.dtype[np.uint8]]:
    """A mapped array whose place on the disk is reserved: to write to it cannot fail any more."""
    array = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape)
    with file.open("rb+") as opened:
        os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
    return array


def _keep(array: NDArray[np.uint8], rows: NDArray[np.int64], file: Path) -> None:
    """Put an array with some rows only in the place of a file."""
    kept = file.with_suffix(".kept")
    made = _reserved(kept, (len(rows), *array.shape[1:]))
    for start in range(0, len(rows), _COPIED_AT_ONCE):
        chosen = rows[start : start + _COPIED_AT_ONCE]
        made[start : start + len(chosen)] = array[chosen]
    made.flush()
    kept.replace(file)


def _gathered(folder: Path, counts: list[int], shape: tuple[int, ...]) -> None:
    """Put the frames of all videos in one array, and remove the files they were written to."""
    pictures = _reserved(folder / "pictures.npy", (sum(counts), *shape))
    start = 0
    for number, count in enumerate(counts):
        raw = folder / f"{number}.raw"
        if count:
            pictures[start : start + count] = np.memmap(raw, np.uint8, "r", shape=(count, *shape))
        raw.unlink()
        start += count
    pictures.flush()


def _in_threads(function: Callable[[_Input], _Output], inputs: Iterable[_Input]) -> Iterator[_Output]:
    """What a function gives for each input, in order; after an error nothing further is begun."""
    pool = ThreadPoolExecutor(THREADS)
    try:
        yield from pool.map(function, inputs)
    finally:
        pool.shutdown(cancel_futures=True)
