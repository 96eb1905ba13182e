"""Reading: how many texts are exactly right, and how far off the others are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_vision.adapters.texts import ReadText
from edge_vision.contracts.model import Model
from edge_vision.data.errors import TrainingError
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.data.collection import Collection
from edge_vision.training.evaluation.sights import Source, look
from edge_vision.training.score import Score

MOST_PLACES = 12
"""Of longer texts the places are not told one by one."""


def edit_distance(first: str, second: str) -> int:
    """The fewest characters to insert, delete or replace to make one text of another.

    Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals", 1966, by the
    row-by-row algorithm of Wagner and Fischer, 1974.
    """
    row = list(range(len(second) + 1))
    for i, mark in enumerate(first, 1):
        above, row = row, [i]
        for j, other in enumerate(second, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (mark != other)))
    return row[-1]


def reading_score(read: Sequence[str], truth: Sequence[str]) -> Score:
    """How well n texts were read.

    exact is the share of texts that are right; characters is 1 less the edit distances' share of the
    true characters, at least 0; edit_distance its mean. Where all true texts have as many characters,
    places is the share of places that are right, and place_1, place_2, ... of each from the left.
    """
    if not truth or len(read) != len(truth):
        raise TrainingError(f"{len(read)} texts were read, {len(truth)} are known")
    off = np.array([edit_distance(r, t) for r, t in zip(read, truth, strict=True)])
    length = sum(len(text) for text in truth)
    values = {
        "exact": float(np.mean(off == 0)),
        "characters": max(0.0, 1.0 - float(off.sum()) / max(1, length)),
        "edit_distance": float(off.mean()),
        **_places(read, truth),
    }
    longest = np.array([max(len(r), len(t), 1) for r, t in zip(read, truth, strict=True)])
    return Score(values, len(truth), mistakes=(off / longest).astype(np.float32), said=tuple(read))


def evaluate_reader(model: Model, source: Source, warp: Warp = reference_warp) -> Score:
    """How well any model reads pictures, asked as the daemon asks it."""
    truth = texts_of(source)
    return reading_score([each.reading.text for each in look(model, ReadText, source, warp=warp)], truth)


def texts_of(source: Source) -> tuple[str, ...]:
    """The texts to be read: the target `text` of examples, the label's name of an item.

    Raises TrainingError where there are none.
    """
    if isinstance(source, Collection):
        texts = [None if item.label is None else source.labels[item.label] for item in source.items]
    else:
        texts = list(source.targets.get("text", [None] * len(source)))
    known = tuple(str(text) for text in texts if text is not None)
    if len(known) != len(texts):
        raise TrainingError(
            "these data have no texts; a model that reads is judged on pictures whose text is known, as "
            "in a folder with a folder for each text"
        )
    return known


def _places(read: Sequence[str], truth: Sequence[str]) -> dict[str, float]:
    """The shares of right places; nothing where texts have several lengths, or are long."""
    count = len(truth[0])
    if not 0 < count <= MOST_PLACES or any(len(text) != count for text in truth):
        return {}
    right = np.array(
        [[r[i : i + 1] == mark for i, mark in enumerate(t)] for r, t in zip(read, truth, strict=True)]
    )
    each = {f"place_{i}": float(share) for i, share in enumerate(right.mean(axis=0), 1)}
    return {"places": float(right.mean()), **each}
