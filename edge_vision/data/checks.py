"""Checks: what every fact must keep so that it can be said to subscribers.

Each gives the value as facts hold it, plain or read-only, or raises StageError.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from math import isfinite
from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import StageError

WHOLE = (np.int32, np.int64)

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in frame pixels."""


def check_moment(name: str, moment: datetime) -> None:
    """Refuse a moment without a time zone, which would mean another one elsewhere."""
    if moment.utcoffset() is None:
        raise StageError(f"{name} has no time zone; make it with datetime.now(UTC)")


def checked_score(score: float) -> float:
    """A score as a plain, finite number: 0 to 1 of a model, any other of a stage with its own scale."""
    number = float(score)
    if not isfinite(number):
        raise StageError(f"a score is a finite number, not {number:g}")
    return number


def checked_box(whose: str, box: Iterable[float]) -> Box:
    """A box as four plain, finite numbers."""
    sides = tuple(float(side) for side in box)
    if len(sides) != 4 or not all(map(isfinite, sides)):
        raise StageError(f"{whose} box is four finite numbers, not {sides}")
    return sides


def checked_track(track_id: int | None) -> int | None:
    """The id of a track as a plain whole number, None where there is no track."""
    if track_id is None:
        return None
    try:
        return index(track_id)
    except TypeError:
        raise StageError(f"a track_id is a whole number, not {track_id!r}") from None


def checked_column(name: str, value: Any, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """A column as an array that nobody can write to, all numbers finite; -1 in the shape is any length.

    It is a copy, but for a column that is already frozen and its own.
    """
    given = np.asarray(value)
    if given.dtype == dtype:
        frozen = given.flags.owndata and not given.flags.writeable
        column = given if frozen else given.copy()
    elif given.dtype.kind == "f" and dtype in WHOLE and not _all_whole(given):
        raise StageError(f"{name} must hold whole numbers")
    else:
        with np.errstate(over="ignore"):  # what is too large becomes inf, which is refused below
            column = np.array(given, dtype=dtype)
    if shape[0] == 0 and column.shape == (0,):  # what becomes of an empty list
        column = column.reshape([max(side, 0) for side in shape])
    if column.shape != shape and not _fits(column.shape, shape):
        wanted = ", ".join("any" if side == -1 else str(side) for side in shape)
        raise StageError(f"{name} must have the shape ({wanted}), not {column.shape}")
    if dtype is np.float32 and not np.isfinite(column).all():
        raise StageError(f"{name} holds a number that is not finite")
    column.flags.writeable = False
    return column


def checked_map(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """A 3x3 map to frame pixels as a float64 array of its own that nobody can write to."""
    own = np.array(matrix, dtype=np.float64)
    if own.shape != (3, 3) or not np.isfinite(own).all():
        raise StageError(f"to_frame is a 3x3 map of finite numbers, not {own.tolist()}")
    own.flags.writeable = False
    return own


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    same_axes = len(shape) == len(wanted)
    return same_axes and all(side in (-1, got) for side, got in zip(wanted, shape, strict=True))


def _all_whole(values: NDArray[Any]) -> bool:
    return bool(np.isfinite(values).all() and (values == np.rint(values)).all())
