"""Doubts: what speaks against a trained model that was bundled all the same, in sentences for people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_vision.training.score import Score

PROVES_LITTLE = (
    "its golden files prove little, because it answers alike to some of the examples in them, or so "
    "unsurely that rounding changes what it says"
)
WHAT_TO_DO = (
    "train it for more epochs or on more pictures, and look at curves.png, which shows how it learnt"
)


def doubts_of(score: Score, *, proves_little: bool) -> tuple[str, ...]:
    """What is doubtful about a model, a sentence each.

    score          on examples that it did not learn from
    proves_little  True where its golden files hold answers that are taken for each other
    """
    found = []
    if problem := _learnt_nothing(score):
        found.append(f"it has learnt nothing of use: {problem}; {WHAT_TO_DO}")
    if proves_little:
        found.append(PROVES_LITTLE)
    return tuple(found)


def _learnt_nothing(score: Score) -> str:
    """How it is seen that a model is of no use; empty where it may be of some."""
    if score.confusion is not None and np.count_nonzero(score.confusion.sum(axis=1)) > 1:
        return _as_chance(score.confusion, score.labels)
    if score.chief <= 0.0:
        return f"its {next(iter(score.values))} is {score.chief:.3g}"
    return ""


def _as_chance(confusion: NDArray[np.int64], labels: tuple[str, ...]) -> str:
    """The same, from what it said (columns) of examples of several classes (rows).

    It is compared with guessing, which is right of each of c classes in 1/c of its examples: the mean
    of the classes' shares must be more than a standard error of that above 1/c.
    """
    said = np.flatnonzero(confusion.sum(axis=0))
    if len(said) == 1:
        name = f" ({labels[said[0]]})" if labels else ""
        return f"it answers alike{name} to all examples"
    counts = confusion.sum(axis=1)
    there = counts > 0
    classes = int(np.count_nonzero(there))
    right = float(np.mean(np.diag(confusion)[there] / counts[there]))
    guessed = 1.0 / classes
    error = float(np.sqrt((guessed * (1.0 - guessed) / counts[there]).sum())) / classes
    if right > guessed + error:
        return ""
    return (
        f"of a class it tells {right:.0%} of the examples on average, no more than guessing among "
        f"{classes} classes does"
    )
