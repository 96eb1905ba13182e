"""Centres: a detector that says where middles of objects are, and how far their sides are from there.

Meanings: centre-scores (1, h, w, c) how sure it is that the middle of an object of each class is in
a cell; box-sides (1, h, w, 4) how far left, top, right and bottom of that object's box are from the
middle of the cell, as fractions of the input's width and height.

Zhou and others, "Objects as points", 2019: a map of middles, of which the highest of its neighbours
counts; Tian and others, "FCOS: Fully convolutional one-stage object detection", 2019: four distances.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.candidates import Candidates, best_classes, check_labels, check_numbers
from edge_vision.adapters.layout import Adapter, Layout, Meanings, Outputs
from edge_vision.adapters.values import activated, are_fractions, told_activation
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.options import Options, option
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError

SCORES, SIDES = "centre-scores", "box-sides"
_NAMES = {"centres": SCORES, "sides": SIDES}


class Decoding(Options):
    """[decoding] of this layout."""

    least: float = option(0.01, "Cells below this score are no middles.", ge=0.0, le=1.0)


def _recognise(bundle: ModelBundle) -> Meanings | None:
    """Two maps of one size that are called centres and sides."""
    outputs = {spec.name: spec for spec in bundle.answers}
    if outputs.keys() != _NAMES.keys() or not _belong_together(outputs["centres"], outputs["sides"]):
        return None
    return _NAMES


def _belong_together(scores: TensorSpec, sides: TensorSpec) -> bool:
    maps = all(len(spec.shape) == 4 and spec.shape[0] == 1 for spec in (scores, sides))
    return maps and scores.shape[:3] == sides.shape[:3] and sides.shape[3] == 4


def _adapter(bundle: ModelBundle, options: Decoding) -> Adapter[Candidates]:
    """Reads the middles that are surer than their neighbours, each a box of its best class."""
    scores, sides = bundle.output(SCORES), bundle.output(SIDES)
    if not _belong_together(scores, sides):
        raise ModelError(
            f"{bundle.name}: centre-scores and box-sides do not belong together: {scores}, {sides}"
        )
    _, rows, columns, classes = scores.shape
    check_labels(bundle.labels, classes, bundle.name)
    told = told_activation(bundle.facts.producer(scores.name), "sigmoid")

    def read(outputs: Outputs) -> Candidates:
        table = outputs[scores.name].reshape(rows * columns, classes).T
        check_numbers(scores, table)
        best, class_id = best_classes(scores, table)
        logits = told == "sigmoid" or (told is None and not are_fractions(scores, best))
        score = activated(best, "sigmoid" if logits else "none")
        chosen = peaks(score.reshape(rows, columns), options.least)
        distances = outputs[sides.name].reshape(-1, 4)[chosen]
        check_numbers(sides, distances)
        boxes = boxes_about(chosen, sides.real(distances), (columns, rows))
        return Candidates(boxes, score[chosen], class_id[chosen])

    return Adapter(read, bundle.labels)


def peaks(score: NDArray[np.float32], least: float) -> NDArray[np.intp]:
    """The cells (k,) of a map (rows, columns), row by row, that are surer than their neighbours.

    least  the score from which on a cell may be a middle
    """
    return np.flatnonzero(_highest(score) & (score.reshape(-1) >= least))


def boxes_about(
    cells: NDArray[np.intp], sides: NDArray[np.floating], grid: tuple[int, int]
) -> NDArray[np.float32]:
    """Boxes (k, 4) x1, y1, x2, y2 about the middles of cells, as fractions of the picture.

    cells  (k,) numbered row by row
    sides  (k, 4) how far left, top, right and bottom are, in the same fractions
    grid   (columns, rows)
    """
    columns, rows = grid
    middles = np.stack([(cells % columns + 0.5) / columns, (cells // columns + 0.5) / rows], axis=1)
    boxes = np.concatenate([middles - sides[:, :2], middles + sides[:, 2:]], axis=1)
    return np.asarray(boxes, np.float32)


def _highest(score: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where no neighbour has a higher score, (rows * columns,), of a map (rows, columns)."""
    edged = np.pad(score, 1, constant_values=-np.inf)
    across = np.maximum(np.maximum(edged[:, :-2], edged[:, 1:-1]), edged[:, 2:])
    around = np.maximum(np.maximum(across[:-2], across[1:-1]), across[2:])
    return np.asarray((score >= around).reshape(-1))


CENTRES = Layout(
    name="centres",
    task="detect",
    says="a score a cell and class that a middle is there, and how far the box's sides are from it",
    reading=Candidates,
    meanings=(SCORES, SIDES),
    recognise=_recognise,
    adapter=_adapter,
    options=Decoding,
)
