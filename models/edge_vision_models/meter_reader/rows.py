"""Rows: the wheels of a counter side by side, composed of pictures of single ones.

A number is drawn, and where each wheel stands follows from it: the last one turns steadily, every other
one turns on by a digit while its right neighbour goes from 9 to 0. Real wheels also hang back, or run
ahead, by a little. For each place a picture of the tenth that is wanted there is taken, one that looks
like the others of its row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_vision.training.examples import Examples
from edge_vision_models.meter_digits.wheels import SIZE, TENTHS, positions_of

PLACES = 8
"""The most wheels of a row; those of a shorter one are at its right end."""
FEWEST = 5
"""The fewest wheels of a row."""
BLANK = 10
"""The class of a place without a wheel."""
NO_WHEEL = -1
"""Stands for a picture where there is none; what is shown there is black."""
LABELS = (*"0123456789", "<pad>")

SLOP = (-0.25, 0.15)
"""By so much a wheel may be away from its place, in digits; never the last one."""
TRAINING_SLOP = (-0.33, 0.23)
"""What wheels learn from may hang back further than what judges; a third of their rows is ideal."""
IDEAL = (0.0, 0.0)
NEAR_CARRY = 1 / 3
"""Share of the numbers that are drawn close to where several wheels turn at once."""
EXAM_SEED = 4
"""The rows that judge are always the same ones of the same pictures."""
TRIES = 6
"""Of so many pictures of the wanted tenth the one is taken that suits the row best."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """n rows of wheels, from left to right.

    wheels   (n, 8) int64 rows of the examples whose pictures they are, NO_WHEEL where there is none
    digits   (n, 8) int64 what is to be read there, BLANK where there is no wheel
    numbers  (n,) int64 the number in tenths of the last wheel's digit
    counts   (n,) int64 so many wheels
    """

    wheels: NDArray[np.int64]
    digits: NDArray[np.int64]
    numbers: NDArray[np.int64]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.wheels)

    @property
    def texts(self) -> tuple[str, ...]:
        """What is to be read."""
        return texts_of(self.digits)

    def as_seen(self, last: NDArray[np.integer]) -> Rows:
        """The rows with their numbers moved by up to a tenth, to where their last wheels are seen.

        last  (n,) where the last wheels are seen, in tenths; further off than a tenth is not believed

        No nearer than that is known where a wheel stands. With this truth all wheels of a row follow
        from what is seen; else one might be read for a number just before a carry, its neighbour for
        one just after it.
        """
        off = (last - self.numbers % TENTHS + TENTHS // 2) % TENTHS - TENTHS // 2
        moved = self.numbers + np.where(np.abs(off) <= 1, off, 0)
        numbers = np.asarray(moved % 10 ** (self.counts + 1), np.int64)
        return Rows(self.wheels, digits_of(numbers, self.counts), numbers, self.counts)

    def pictures(self, wheels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The rows (n, 32, 160, 3) uint8 of pictures (m, 32, 20, 3) of the examples."""
        width, height = SIZE
        there = (self.wheels != NO_WHEEL)[:, :, np.newaxis, np.newaxis, np.newaxis]
        placed = np.where(there, wheels[self.wheels], np.uint8(0))
        return placed.transpose(0, 2, 1, 3, 4).reshape(len(self), height, PLACES * width, 3)


def texts_of(digits: NDArray[np.integer]) -> tuple[str, ...]:
    """The texts of rows of digits (n, 8), BLANK where there is none."""
    return tuple("".join(str(each) for each in row if each != BLANK) for row in digits.tolist())


def digits_of(numbers: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The digits (n, 8) of numbers in tenths of the last one, BLANK before so many wheels."""
    place = np.arange(PLACES)
    digits = numbers[:, np.newaxis] // 10 ** (PLACES - place) % 10
    return np.asarray(np.where(place >= PLACES - counts[:, np.newaxis], digits, BLANK), np.int64)


def joined(several: Sequence[Rows]) -> Rows:
    """All of several rows."""
    columns = zip(*((r.wheels, r.digits, r.numbers, r.counts) for r in several), strict=True)
    return Rows(*(np.concatenate(column) for column in columns))


def positions(numbers: NDArray[np.int64], slop: NDArray[np.floating]) -> NDArray[np.int64]:
    """Where the wheels of numbers stand, (n, wheels) 0 to 99, from left to right.

    numbers  (n,) in tenths of the last wheel's digit
    slop     (n, wheels) by how many digits each is away from its place; the last one's is not looked at

    A wheel is pushed by where its right neighbour should be, not by the neighbour's own slop.
    """
    wheels = slop.shape[1]
    places = np.empty(slop.shape, np.int64)
    places[:, -1] = numbers % TENTHS
    right: NDArray[np.float64] = numbers % TENTHS / 10.0
    for place in reversed(range(wheels - 1)):
        digit = numbers // 10 ** (wheels - place) % 10
        right = np.asarray(digit + np.maximum(0.0, right - 9.0))
        places[:, place] = np.rint((right + slop[:, place]) * 10.0).astype(np.int64) % TENTHS
    return places


def draw_numbers(random: np.random.Generator, count: int, wheels: int) -> NDArray[np.int64]:
    """Numbers of so many wheels, (count,) in tenths of the last digit, some of them near a carry."""
    most = 10 ** (wheels + 1)
    plain = random.integers(0, most, count)
    near = random.random(count) < NEAR_CARRY
    turning = 10 ** random.integers(2, wheels + 1, count)
    carried = plain // turning * turning + random.integers(-20, 10, count)
    return np.asarray(np.where(near, carried % most, plain), np.int64)


class Composer:
    """Composes rows of the pictures of a part."""

    def __init__(self, part: Examples) -> None:
        """Look at all pictures, of which there must be some of every tenth."""
        pictures = np.asarray(part.pictures)
        shades = pictures.std(axis=(1, 2, 3))[:, np.newaxis] * 1.5
        self._looks = np.concatenate([pictures.mean(axis=(1, 2)), shades], axis=1)
        shown = positions_of(part)
        self._showing = [np.flatnonzero(shown == tenth) for tenth in range(TENTHS)]

    def compose(
        self,
        random: np.random.Generator,
        count: int,
        slop: tuple[float, float] = SLOP,
    ) -> Rows:
        """So many rows of 5 to 8 wheels.

        slop  what is drawn for each wheel, from and to, in digits
        """
        counts = random.integers(FEWEST, PLACES + 1, count)
        numbers = np.zeros(count, np.int64)
        found = np.full((count, PLACES), NO_WHEEL, np.int64)
        for wheels in range(FEWEST, PLACES + 1):
            rows = np.flatnonzero(counts == wheels)
            numbers[rows] = draw_numbers(random, len(rows), wheels)
            places = positions(numbers[rows], random.uniform(*slop, (len(rows), wheels)))
            like = self._looks[random.integers(0, len(self._looks), len(rows))]
            for place in range(wheels):
                suited = self._found(places[:, place], like, random)
                found[rows, PLACES - wheels + place] = suited
        return Rows(found, digits_of(numbers, counts), numbers, counts)

    def _found(
        self, wanted: NDArray[np.int64], like: NDArray[np.floating], random: np.random.Generator
    ) -> NDArray[np.int64]:
        """A picture for each wanted tenth, (n,), of several the one that looks most like another."""
        found = np.empty(len(wanted), np.int64)
        for tenth in np.unique(wanted):
            rows = np.flatnonzero(wanted == tenth)
            known = self._showing[tenth]
            tried = known[random.integers(0, len(known), (len(rows), TRIES))]
            apart = ((self._looks[tried] - like[rows][:, np.newaxis]) ** 2).sum(axis=2)
            found[rows] = tried[np.arange(len(rows)), apart.argmin(axis=1)]
        return found


def exam_rows(part: Examples, count: int) -> Rows:
    """The rows of a part that judge any reader."""
    return Composer(part).compose(np.random.default_rng(EXAM_SEED), count)


def training_rows(composer: Composer, random: np.random.Generator, count: int) -> Rows:
    """Rows to learn from, some of them ideal."""
    ideal = count // 3
    loose = composer.compose(random, count - ideal, TRAINING_SLOP)
    return joined([loose, composer.compose(random, ideal, IDEAL)])
