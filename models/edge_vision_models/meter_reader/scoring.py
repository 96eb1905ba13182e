"""Scoring: how many rows are read, exactly and as exactly as a wheel's tenth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_vision.training.evaluation.reading import edit_distance
from edge_vision.training.score import Score


def rows_score(read: Sequence[str], numbers: NDArray[np.integer], counts: NDArray[np.integer]) -> Score:
    """How well n rows were read.

    numbers  (n,) what they show, in tenths of the last wheel's digit
    counts   (n,) so many wheels they have

    exact is the share of rows whose digits are all right; within_tenth counts too what would be right
    had the last wheel turned by a tenth more or less, for no nearer is known where it stands;
    exact_between_turns is the share that is exact of the rows whose last wheel is further than a tenth
    from the next and from the last digit, where that makes no difference; digits is the share of all
    digits that are right.
    """
    shown = [*zip(numbers.tolist(), counts.tolist(), strict=True)]
    truth = [f"{number // 10:0{count}d}" for number, count in shown]
    exact = np.array([text == true for text, true in zip(read, truth, strict=True)])
    near = np.array([_is_near(text, *each) for text, each in zip(read, shown, strict=True)])
    off = np.array([edit_distance(text, true) for text, true in zip(read, truth, strict=True)])
    tenth = np.asarray(numbers) % 10
    between = (tenth >= 1) & (tenth <= 8)
    values = {
        "exact": float(exact.mean()),
        "within_tenth": float(near.mean()),
        "digits": max(0.0, 1.0 - float(off.sum()) / float(counts.sum())),
    }
    if between.any():
        values["exact_between_turns"] = float(exact[between].mean())
    mistakes = np.where(near, np.where(exact, 0.0, 0.1), 0.2 + 0.8 * off / counts)
    return Score(values, len(truth), mistakes=mistakes.astype(np.float32), said=tuple(read))


def _is_near(text: str, number: int, count: int) -> bool:
    """True where a text is right for the number, or for that with a tenth more or less.

    number  in tenths of the last digit
    """
    if len(text) != count or not text.isdecimal():
        return False
    most = 10 ** (count + 1)
    return any((number + turn) % most // 10 == int(text) for turn in (-1, 0, 1))
