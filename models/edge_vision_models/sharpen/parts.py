"""Parts of pictures: what `sharpen` learns from, as it should be, and in half the size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.collection import Collection, Item, listed
from edge_vision.training.data.decoding import THREADS
from edge_vision.training.data.pictures import UnreadableError, read_picture
from edge_vision.training.data.resampling import as_pixels, scaled, whole_pairs
from edge_vision.training.examples import Examples

SMALL = "small"
"""The target that holds each part in half the size, (n, side / 2, side / 2, 1) uint8."""

TOO_MANY = 0.1
"""Where a larger share of the pictures cannot be read, something else is wrong."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A square part of a picture.

    name    the picture's, and the size it was made
    large   (side, side) uint8 brightness, as it should be
    small   (side / 2, side / 2) uint8, of the halved picture
    detail  mean squared error of the small one enlarged by bicubic interpolation
    """

    name: str
    group: str
    large: Pixels
    small: Pixels
    detail: float


@dataclass(frozen=True, slots=True)
class Cutting:
    """How pictures are cut.

    side     of the parts, in pixels
    longest  pixels of a picture's longer side at most; larger ones are made so small
    scales   how much smaller pictures are made after that
    most     so many parts of all pictures together at most, about
    flat     share of the parts that is left out, those with the least detail
    """

    side: int
    longest: int
    scales: Sequence[float]
    most: int
    flat: float


def cut_parts(collection: Collection, cutting: Cutting) -> tuple[Examples, list[str]]:
    """The parts of all pictures, and notes for people; raises TrainingError where there are none.

    The pictures of the examples are the large parts, their target SMALL the halved ones.
    """
    each = max(1, -(-cutting.most // max(1, len(collection))))
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda item: _parts_of(item, cutting, each), collection.items))
    unreadable = [said for said in found if isinstance(said, str)]
    parts = [part for some in found if not isinstance(some, str) for part in some]
    notes = []
    if unreadable:
        notes.append(f"{len(unreadable)} pictures cannot be read: {listed(unreadable)}")
        if len(unreadable) > max(1, TOO_MANY * len(found)):
            raise TrainingError(f"{notes[0]}; remove them, or put whole ones in their places")
    tiny = sum(1 for some in found if not some)
    if tiny:
        notes.append(f"{tiny} pictures are smaller than {cutting.side} pixels, and left out")
    if not parts:
        raise TrainingError(
            f"no picture has {cutting.side} x {cutting.side} pixels after it was made "
            f"{max(cutting.scales):g} times as large; give larger ones, or lower kept"
        )
    parts = _without_flat(parts, cutting.flat)
    examples = Examples(
        np.stack([part.large for part in parts])[..., np.newaxis],
        {SMALL: np.stack([part.small for part in parts])[..., np.newaxis]},
        tuple(part.name for part in parts),
        tuple(part.group for part in parts),
    )
    return examples, notes


def _without_flat(parts: list[_Part], share: float) -> list[_Part]:
    """The parts without that share of them which has the least detail, in their order."""
    order = np.argsort([part.detail for part in parts], kind="stable")
    return [parts[row] for row in sorted(order[int(share * len(parts)) :].tolist())]


def _parts_of(item: Item, cutting: Cutting, most: int) -> list[_Part] | str:
    """The parts of a picture in all its sizes, those with the most detail; why it cannot be read."""
    try:
        bright = read_picture(item.file, channels=1)[..., 0]
    except UnreadableError as error:
        return f"{item.file} {error}"
    fitting = min(1.0, cutting.longest / max(bright.shape))
    parts: list[_Part] = []
    for scale in cutting.scales:
        if min(bright.shape) * fitting * scale >= cutting.side:
            together = fitting * scale
            made = bright if together == 1.0 else as_pixels(scaled(bright, together))
            parts += _cut(item, whole_pairs(made), cutting.side, together)
    return sorted(parts, key=lambda part: -part.detail)[:most]


def _cut(item: Item, large: Pixels, side: int, scale: float) -> Iterator[_Part]:
    """The parts of a picture in one size, as few as cover it."""
    small = as_pixels(scaled(large, 0.5))
    error = np.square(scaled(small, 2.0) - large)
    for top in _places(large.shape[0], side):
        for left in _places(large.shape[1], side):
            there = slice(top, top + side), slice(left, left + side)
            half = slice(top // 2, (top + side) // 2), slice(left // 2, (left + side) // 2)
            name = f"{item.name} x {scale:g} at {left}, {top}"
            # Copies: a part would keep the whole picture in memory.
            yield _Part(
                name, item.name, large[there].copy(), small[half].copy(), float(error[there].mean())
            )


def _places(length: int, side: int) -> list[int]:
    """Where parts begin along an axis, as few as cover it, evenly spread, at even pixels."""
    count = -(-length // side)
    return [round(place / 2) * 2 for place in np.linspace(0, length - side, count)]
