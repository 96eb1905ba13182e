"""Marking: a detector marks objects in pictures that nobody has labelled, for another one to learn.

What it finds is learnt as if people had drawn it: self-training, as in Xie and others, "Self-training
with noisy student improves ImageNet classification", 2020. The teacher is any detector that can be
opened; it is asked once for each picture, and its answers are kept.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.candidates import Candidates
from edge_vision.adapters.runner import Runner
from edge_vision.contracts.model import Model
from edge_vision.contracts.options import Options, option
from edge_vision.data.errors import TrainingError
from edge_vision.data.frame import Frame
from edge_vision.data.view import View
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.average_precision import Found
from edge_vision.training.data.collection import Collection
from edge_vision.training.data.pictures import UnreadableError, read_picture
from edge_vision.training.distillation import model_digest
from edge_vision.training.evaluation.detection import MOST_BOXES, boxes_in_picture
from edge_vision.training.transfer.rows import Progress, Rows, digest_of

_BOX = 6
_MARKED = "marked"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class MarkingOptions(Options):
    """How a detector marks what is to be learnt."""

    teacher: str = option(
        "",
        "Detector that marks what is in pictures without boxes: a bundle's name, its folder, or a "
        ".tflite file.",
    )
    teacher_score: float = option(0.5, "Boxes that it is less sure of are left out.", ge=0, le=1)


def marked(
    collection: Collection,
    teacher: Model,
    folder: Path,
    min_score: float = 0.5,
    warp: Warp = reference_warp,
    progress: Progress | None = None,
) -> Collection:
    """The same pictures with the boxes that a detector finds on them, as the stage detect does.

    folder     keeps the answers, by a digest of the model and the pictures; who was interrupted goes on
    min_score  boxes below it are left out
    warp       how pixels are taken from a picture

    Labels are the teacher's, or numbers where it has none. A picture that cannot be read stays without
    boxes. Raises ModelError where the model is no detector of pictures, TrainingError where it depends
    on earlier pictures, or has no file.
    """
    runner = Runner(teacher, Candidates)
    if runner.recurrent:
        raise TrainingError(
            f"{runner.bundle.name}: depends on earlier pictures; it cannot teach of single ones"
        )
    items = collection.items

    def find(row: int) -> NDArray[np.float32]:
        try:
            pixels = read_picture(items[row].file)[:, :, ::-1]
        except UnreadableError:  # who decodes the pictures to learn from them says so
            return _row(np.zeros((0, _BOX), np.float32))
        frame = Frame(np.ascontiguousarray(pixels), _MARKED, row, _EPOCH, 0.0)
        view = runner.view(View.of(frame, warp))
        return _packed(boxes_in_picture(runner(view), view, min_score))

    facts = [(item.name, item.file.stat().st_size, item.file.stat().st_mtime_ns) for item in items]
    model = (model_digest(runner.bundle), runner.bundle.fit, str(runner.bundle.image_input))
    kept = Rows(folder, digest_of(_MARKED, min_score, *model, *facts), 1 + _BOX * MOST_BOXES, find)
    tables = [_table(row) for row in kept.all(len(items), progress)]
    told = (
        replace(item, boxes=table[:, :4].copy(), classes=table[:, 4].astype(np.int64))
        for item, table in zip(items, tables, strict=True)
    )
    highest = max((int(table[:, 4].max()) for table in tables if len(table)), default=0)
    labels = runner.labels or tuple(str(number) for number in range(highest + 1))
    return replace(collection, items=tuple(told), labels=labels).noting(
        f"{runner.bundle.name} marked {sum(map(len, tables))} objects in {len(items)} pictures"
    )


def _packed(found: Found) -> NDArray[np.float32]:
    """A picture's boxes as a row: how many, then corners in its pixels, class and score of each."""
    columns = (found.boxes, found.class_id, found.score)
    return _row(np.column_stack([np.asarray(each, np.float32) for each in columns]))


def _row(table: NDArray[np.float32]) -> NDArray[np.float32]:
    row = np.zeros(1 + _BOX * MOST_BOXES, np.float32)
    row[0] = len(table)
    row[1 : 1 + table.size] = table.reshape(-1)
    return row


def _table(row: NDArray[np.float32]) -> NDArray[np.float32]:
    """The boxes of a row, (k, 6) float32: corners, class and score."""
    return row[1 : 1 + _BOX * int(row[0])].reshape(-1, _BOX)
