"""Classification: how often the right class is the best, and what is mistaken for what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.classification import ClassScores
from edge_vision.contracts.model import Model
from edge_vision.data.errors import TrainingError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.data.collection import Collection
from edge_vision.training.evaluation.names import MISSING, model_classes
from edge_vision.training.evaluation.sights import Source, look
from edge_vision.training.score import Score

OTHER = "something else"
"""What is said where a model prefers a class that the data do not have."""


def scores_of(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer], names: Sequence[str]
) -> Score:
    """How well n examples were classified.

    probabilities  (n, c) of each class; any scores will do of which more is surer
    labels         (n,) the right classes
    names          c names of the classes

    accuracy is the share whose best class is right; top5 the share whose right class is among the best
    five (where there are more than five classes); macro_f1 the mean of the F1 of the classes that occur.
    """
    count = _checked(probabilities, labels, names)
    said = probabilities.argmax(axis=1)
    confusion = confusion_of(said, labels, count)
    right = np.take_along_axis(probabilities, labels[:, np.newaxis], axis=1)[:, 0]
    values = {"accuracy": float(np.mean(said == labels))}
    if count > 5:
        # Of equal scores the first class is the better one, as argmax has it.
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :5]
        values["top5"] = float(np.mean((order == labels[:, np.newaxis]).any(axis=1)))
    values["macro_f1"] = float(np.nanmean(f1_scores(confusion)))
    best = probabilities.max(axis=1)
    return Score(
        values,
        len(labels),
        confusion,
        tuple(names),
        np.clip(1.0 - right, 0.0, 1.0).astype(np.float32),
        tuple(f"{names[number]} {share:.0%}" for number, share in zip(said, best, strict=True)),
    )


def confusion_of(
    said: NDArray[np.integer], labels: NDArray[np.integer], classes: int
) -> NDArray[np.int64]:
    """(classes, classes) counts, a row for what it was, a column for what was said."""
    places = labels.astype(np.int64) * classes + said.astype(np.int64)
    return np.bincount(places.ravel(), minlength=classes * classes).reshape(classes, classes)


def f1_scores(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of each class, 2 tp / (2 tp + fp + fn), (classes,); not a number where none was there."""
    right = np.diag(confusion).astype(np.float64)
    was, said = confusion.sum(axis=1), confusion.sum(axis=0)
    return np.where(was > 0, 2.0 * right / np.maximum(was + said, 1), np.nan)


def evaluate_classifier(
    model: Model, source: Source, labels: Sequence[str] = (), warp: Warp = reference_warp
) -> Score:
    """How well any model classifies pictures, asked as the daemon asks it.

    labels  names of the data's classes; a collection knows its own
    """
    names, truth = named_truth(source, labels)
    probabilities, known = class_scores(model, source, names, np.unique(truth), warp)
    return scores_of(probabilities, truth, known)


def class_scores(
    model: Model,
    source: Source,
    names: Sequence[str],
    needed: NDArray[np.integer],
    warp: Warp = reference_warp,
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """A model's scores of the data's classes, (n, c), and their names.

    Where the model has classes that the data do not have, the last column is OTHER: their best.
    """
    seen = [each.reading for each in look(model, ClassScores, source, warp=warp)]
    scores = np.stack([each.score for each in seen])
    return in_order_of(scores, seen[0].labels, names, needed)


def in_order_of(
    scores: NDArray[np.float32],
    model_names: Sequence[str],
    names: Sequence[str],
    needed: NDArray[np.integer],
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Scores (n, classes of the model) as scores of the data's classes, and their names."""
    table = model_classes(model_names, names, needed.tolist())
    columns = np.zeros((len(scores), len(names)), np.float32)
    known = table != MISSING
    columns[:, known] = scores[:, table[known]]
    others = np.setdiff1d(np.arange(scores.shape[1]), table)
    if not len(others):
        return columns, tuple(names)
    best = scores[:, others].max(axis=1, keepdims=True)
    return np.concatenate([columns, best], axis=1), (*names, OTHER)


def named_truth(source: Source, labels: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The names of the classes, and the right class of each example, (n,).

    Raises TrainingError where an example has no label, or there are fewer names than classes.
    """
    names = tuple(labels)
    if isinstance(source, Collection):
        names = names or source.labels
        numbers = [-1 if item.label is None else item.label for item in source.items]
    else:
        numbers = list(source.targets.get("label", [-1] * len(source)))
    truth = np.asarray(numbers, np.int64)
    if len(truth) and truth.min() < 0:
        raise TrainingError(
            "these data have no labels; a classifier is judged on pictures with a class each, as in a "
            "folder with a folder for each class"
        )
    highest = int(truth.max(initial=-1))
    if highest >= len(names):
        if names:
            raise TrainingError(f"the data have class {highest}, but only {len(names)} names")
        names = tuple(str(number) for number in range(highest + 1))
    return names, truth


def _checked(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer], names: Sequence[str]
) -> int:
    """How many classes there are; raises TrainingError where the shapes do not go together."""
    if not len(labels) or probabilities.shape != (len(labels), len(names)):
        raise TrainingError(
            f"scores {probabilities.shape} of {len(labels)} examples in {len(names)} classes cannot be "
            "judged"
        )
    if not np.isfinite(probabilities).all():
        raise TrainingError("the model gave scores that are no numbers")
    return len(names)
