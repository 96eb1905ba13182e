"""Boxes and scores: a detector whose boxes are decoded but not yet suppressed."""

from __future__ import annotations

import numpy as np

from edge_vision.adapters.candidates import Candidates, best_classes, check_labels, check_numbers
from edge_vision.adapters.layout import Adapter, Layout, Meanings, NoDecoding, Outputs
from edge_vision.adapters.values import (
    activated,
    are_fractions,
    is_background,
    real_values,
    stores_plain_bytes,
    told_activation,
)
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError


def _recognise(bundle: ModelBundle) -> Meanings | None:
    """Boxes (1, n, 4) and scores (1, n, c)."""
    outputs = bundle.answers
    if len(outputs) != 2 or any(len(s.shape) != 3 or s.shape[0] != 1 for s in outputs):
        return None
    if outputs[0].shape[1] != outputs[1].shape[1]:
        return None
    boxes = [s for s in outputs if s.shape[2] == 4]
    if len(boxes) == 2:
        boxes = [s for s in boxes if "box" in s.name.lower()]
    if len(boxes) != 1:
        return None
    return {s.name: "boxes" if s is boxes[0] else "scores" for s in outputs}


def _adapter(bundle: ModelBundle, _options: NoDecoding) -> Adapter[Candidates]:
    """Reads boxes (1, n, 4) and scores (1, n, c): each box is of its best class."""
    boxes, scores = bundle.output("boxes"), bundle.output("scores")
    if boxes.shape[-1:] != (4,) or scores.shape[:-1] != boxes.shape[:-1]:
        raise ModelError(f"{bundle.name}: boxes and scores do not belong together: {boxes}, {scores}")
    skipped, offset = _background_columns(bundle, scores)
    told = told_activation(bundle.facts.producer(scores.name), "sigmoid")

    def read(outputs: Outputs) -> Candidates:
        corners = real_values(boxes, outputs[boxes.name]).reshape(-1, 4)
        table = outputs[scores.name].reshape(scores.shape[1:]).T
        check_numbers(scores, table)
        best, column = best_classes(scores, table[skipped:])
        if stores_plain_bytes(scores):
            score = best / np.float32(255.0)
        elif told is None:
            edges = np.array([table.min(), table.max()]) if table.size else table
            fractions = are_fractions(scores, scores.real(edges).reshape(-1))
            score = activated(best, "none" if fractions else "sigmoid")
        else:
            score = activated(best, told)
        return Candidates(corners[:, [1, 0, 3, 2]], score, column + np.int32(skipped - offset))

    return Adapter(read, bundle.labels)


def _background_columns(bundle: ModelBundle, scores: TensorSpec) -> tuple[int, int]:
    """How many columns of the scores are background, and how many of those have no label."""
    columns, labels = scores.shape[-1], len(bundle.labels)
    if labels and labels == columns - 1:
        return 1, 1
    check_labels(bundle.labels, columns, bundle.name)
    return (1, 0) if labels and is_background(bundle.labels[0]) else (0, 0)


BOXES_AND_SCORES = Layout(
    name="boxes-and-scores",
    task="detect",
    says="boxes as fractions of the input and a score a class, suppressed here",
    reading=Candidates,
    meanings=("boxes", "scores"),
    recognise=_recognise,
    adapter=_adapter,
)
