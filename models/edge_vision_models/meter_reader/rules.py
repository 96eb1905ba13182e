"""Rules: ways to read a row from where its wheels stand, without learning; the reader must beat them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edge_vision_models.meter_digits.wheels import TENTHS
from edge_vision_models.meter_reader.rows import BLANK, NO_WHEEL, PLACES, Rows, texts_of
from edge_vision_models.meter_reader.scoring import rows_score

OFFSETS = tuple(step / 20 for step in range(11))
"""What is tried as the offset of all wheels but the last, in digits: 0 to 0.5."""
LAST_OFFSETS = (0.0, 0.05, 0.1)

Told = NDArray[np.integer]
"""(n, 8) where each wheel stands in tenths; what stands where there is no wheel is not looked at."""


def told_of(rows: Rows, positions: NDArray[np.integer]) -> NDArray[np.int64]:
    """What is told of the wheels of rows, (n, 8), from what is told of the examples (m,)."""
    return np.asarray(np.where(rows.wheels == NO_WHEEL, 0, positions[rows.wheels]), np.int64)


def by_digit(rows: Rows, told: Told, offset: float, last_offset: float) -> tuple[str, ...]:
    """Each wheel by itself: the digit below where it stands, after an offset in digits."""
    offsets = np.full(PLACES, offset)
    offsets[-1] = last_offset
    digits = np.floor((told / 10.0 + offsets + 1e-6) % 10.0).astype(np.int64)
    return texts_of(np.where(rows.wheels == NO_WHEEL, BLANK, digits))


def by_rule(rows: Rows, told: Told) -> tuple[str, ...]:
    """From right to left: what its right neighbour has pushed a wheel is taken off, then it is rounded.

    Then the wheel counts as being where its digit and the push say, so that slop does not add up.
    """
    digits = np.full(told.shape, BLANK, np.int64)
    digits[:, -1] = told[:, -1] // 10 % 10
    right = told[:, -1] % TENTHS / 10.0
    for place in reversed(range(PLACES - 1)):
        push = np.maximum(0.0, right % 10.0 - 9.0)
        digits[:, place] = np.rint(told[:, place] / 10.0 - push + 0.05).astype(np.int64) % 10
        right = np.asarray(digits[:, place] + push)
    return texts_of(np.where(rows.wheels == NO_WHEEL, BLANK, digits))


def best_offsets(rows: Rows, told: Told) -> tuple[float, float]:
    """The offsets with which reading digit by digit does best."""

    def share(offsets: tuple[float, float]) -> float:
        return _score(by_digit(rows, told, *offsets), rows)["within_tenth"]

    return max(((each, last) for each in OFFSETS for last in LAST_OFFSETS), key=share)


def compared(learnt: Rows, told: Told, judged: Rows, judged_told: Told) -> dict[str, float]:
    """How well rows are read without learning how wheels carry: by digit, and by rule.

    learnt, told         rows on which the offsets are chosen, and where their wheels stand
    judged, judged_told  rows on which both ways are judged
    """
    offsets = best_offsets(learnt, told)
    ways = {
        "by_digit": by_digit(judged, judged_told, *offsets),
        "by_rule": by_rule(judged, judged_told),
    }
    return {
        f"{way}_{name}": _score(texts, judged)[name]
        for way, texts in ways.items()
        for name in ("exact", "within_tenth")
    }


def _score(texts: Sequence[str], rows: Rows) -> Mapping[str, float]:
    return rows_score(texts, rows.numbers, rows.counts).values
