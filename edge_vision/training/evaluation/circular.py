"""Classes on a circle, such as the tenths that a rolling digit of a meter shows: 99 lies beside 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.model import Model
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.evaluation.classification import (
    class_scores,
    confusion_of,
    named_truth,
)
from edge_vision.training.evaluation.classification import scores_of as plain_scores
from edge_vision.training.evaluation.sights import Source
from edge_vision.training.score import Score


def distances(said: NDArray[np.integer], truth: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """Steps from what was said to what it was, the shorter way round the circle, (n,)."""
    steps = np.abs(said.astype(np.int64) - truth.astype(np.int64)) % classes
    return np.asarray(np.minimum(steps, classes - steps))


def circular_score(said: NDArray[np.integer], truth: NDArray[np.integer], names: Sequence[str]) -> Score:
    """How well n places on a circle were told.

    said   (n,) classes that were said
    truth  (n,) what it was
    names  of all classes, in their order round the circle

    exact is the share that is right, within_one the share at most one step off; mean_distance is in
    steps.
    """
    off = distances(said, truth, len(names))
    return Score(
        {
            "exact": float(np.mean(off == 0)),
            "within_one": float(np.mean(off <= 1)),
            "mean_distance": float(off.mean()),
        },
        len(truth),
        confusion_of(said, truth, len(names)),
        tuple(names),
        (off / max(1, len(names) // 2)).astype(np.float32),
        tuple(names[number] for number in said.tolist()),
    )


def evaluate_circular(
    model: Model, source: Source, labels: Sequence[str] = (), warp: Warp = reference_warp
) -> Score:
    """How well any classifier tells a place on a circle, asked as the daemon asks it.

    labels  names of the data's classes, in their order round the circle; a collection knows its own
    """
    names, truth = named_truth(source, labels)
    scores, known = class_scores(model, source, names, np.unique(truth), warp)
    if len(known) != len(names):  # it may say what lies on no circle
        return plain_scores(scores, truth, known)
    return circular_score(scores.argmax(axis=1), truth, names)
