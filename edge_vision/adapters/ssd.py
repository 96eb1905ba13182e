"""SSD with its post-processing inside: the four outputs of TFLite_Detection_PostProcess, in any order.

EfficientDet-Lite and the detectors of the TensorFlow object detection API end so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.candidates import Candidates, check_labels
from edge_vision.adapters.layout import Adapter, Layout, Meanings, NoDecoding, Outputs
from edge_vision.adapters.values import is_background, real_values
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import StageError

OPERATOR = "TFLite_Detection_PostProcess"
_OUTPUTS_OF_OPERATOR = ("boxes", "classes", "scores", "count")
_NUMBER = re.compile(r"(.*):(\d+)")
_NAMED = (
    ("classes", ("postprocess:1", "class", "categor")),
    ("scores", ("postprocess:2", "score")),
)


def _recognise(bundle: ModelBundle) -> Meanings | None:
    """The meanings of four outputs of these shapes.

    The operator in the graph says which output is which. Where the graph was not read, boxes and count
    are told by their shapes, classes and scores by their names, by what the metadata calls them, or by
    the numbers of all four; failing that they stay open.
    """
    outputs = bundle.answers
    if len(outputs) != 4:
        return None
    boxes = [s for s in outputs if len(s.shape) == 3 and s.shape[0] == 1 and s.shape[2] == 4]
    count = [s for s in outputs if s.shape in ((1,), ())]
    rows = [s for s in outputs if len(s.shape) == 2 and s.shape[0] == 1]
    if (len(boxes), len(count), len(rows)) != (1, 1, 2):
        return None
    if any(row.shape[1] != boxes[0].shape[1] for row in rows):
        return None
    sure = {boxes[0].name: "boxes", count[0].name: "count"}
    told = _classes_and_scores(rows, bundle) or _numbered(sure, rows)
    return _from_graph(bundle) or {
        **sure,
        **(told or {row.name: "classes-or-scores" for row in rows}),
    }


def _from_graph(bundle: ModelBundle) -> Meanings | None:
    producers = bundle.facts.producers
    found = {
        spec.name: _OUTPUTS_OF_OPERATOR[producers[spec.name].place]
        for spec in bundle.answers
        if bundle.facts.producer(spec.name) == OPERATOR and producers[spec.name].place < 4
    }
    return found if len(set(found.values())) == 4 else None


def _classes_and_scores(rows: list[TensorSpec], bundle: ModelBundle) -> dict[str, str]:
    notes = bundle.facts.notes
    told = {
        row.name: meaning
        for row in rows
        for meaning, words in _NAMED
        for said in (row.name, notes[row.name].name if row.name in notes else "")
        if any(word in said.lower() for word in words)
    }
    if len(told) == 2 and len(set(told.values())) == 1:
        told = {}
    for known, other in (rows, rows[::-1]):
        if known.name in told and other.name not in told:
            told[other.name] = "scores" if told[known.name] == "classes" else "classes"
    return told


def _numbered(sure: Mapping[str, str], rows: list[TensorSpec]) -> dict[str, str]:
    """Classes and scores by the numbers of names such as StatefulPartitionedCall:0 to :3.

    TensorFlow 2 numbers them in the operator's order, or, from :0 for the count, backwards. Empty where
    the names are not four numbers of one stem.
    """
    parts = {name: _NUMBER.fullmatch(name) for name in (*sure, *(row.name for row in rows))}
    if any(part is None for part in parts.values()):
        return {}
    numbers = {name: int(part[2]) for name, part in parts.items() if part}
    stems = {part[1] for part in parts.values() if part}
    order = sorted(numbers, key=numbers.__getitem__)
    if len(stems) > 1 or {sure.get(order[0]), sure.get(order[3])} != {"boxes", "count"}:
        return {}
    first, second = ("classes", "scores") if sure[order[0]] == "boxes" else ("scores", "classes")
    return {order[1]: first, order[2]: second}


def _adapter(bundle: ModelBundle, _options: NoDecoding) -> Adapter[Candidates]:
    """Reads the best boxes, already suppressed.

    The classes do not count the background, so a background at the head of the labels is dropped. How
    many there are the graph says, where it was read.
    """
    boxes, count = bundle.output("boxes"), bundle.output("count")
    rows = [spec for spec in bundle.outputs if spec.meaning == "classes-or-scores"]
    if not rows:
        rows = [bundle.output("classes"), bundle.output("scores")]
    labels = bundle.labels[1:] if bundle.labels and is_background(bundle.labels[0]) else bundle.labels
    if classes := _classes(bundle):
        check_labels(labels, classes, bundle.name)

    def read(outputs: Outputs) -> Candidates:
        number = real_values(count, outputs[count.name]).reshape(-1)[0]
        meant = slice(0, max(0, int(number)))
        first, second = (real_values(spec, outputs[spec.name].reshape(-1)[meant]) for spec in rows)
        settled = rows[0].meaning == "classes"
        classes, scores = (first, second) if settled else classes_and_scores(first, second)
        corners = real_values(boxes, outputs[boxes.name].reshape(-1, 4)[meant])
        return Candidates(
            corners[:, [1, 0, 3, 2]], np.clip(scores, 0, 1), classes.astype(np.int32), suppressed=True
        )

    return Adapter(read, labels)


def _classes(bundle: ModelBundle) -> int:
    """How many classes the operator in the graph chooses from, 0 where that is not known."""
    return max((found.classes for found in bundle.facts.producers.values()), default=0)


def classes_and_scores(
    first: NDArray[np.float32], second: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Tell which of two rows, (n,), holds the classes and which the scores: classes are whole numbers.

    Where both are, scores are those of 0 and 1 that come best first. Of two such rows the higher one
    is the scores, as boxes without any are not counted; of equal ones the first is the classes. Raises
    StageError where neither row holds whole numbers.
    """
    whole = [bool((row == np.rint(row)).all()) for row in (first, second)]
    if not any(whole):
        raise StageError("neither of the model's outputs for classes and scores holds whole numbers")
    if all(whole):
        likely = [_could_be_scores(row) for row in (first, second)]
        swapped = likely[0] > likely[1] or (likely[0] == likely[1] and first.sum() > second.sum())
        return (second, first) if swapped else (first, second)
    return (first, second) if whole[0] else (second, first)


def _could_be_scores(row: NDArray[np.float32]) -> bool:
    """True for values of 0 to 1, the best first."""
    return bool(((row >= 0.0) & (row <= 1.0)).all() and (np.diff(row) <= 0.0).all())


SSD_POSTPROCESSED = Layout(
    name="ssd-postprocessed",
    task="detect",
    says="four outputs of TFLite_Detection_PostProcess: the best boxes, already suppressed",
    reading=Candidates,
    meanings=_OUTPUTS_OF_OPERATOR,
    recognise=_recognise,
    adapter=_adapter,
)
