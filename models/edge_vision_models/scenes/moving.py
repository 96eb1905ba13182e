"""Moving views: how well a model tells a scene that it sees move, beside other ways to tell it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.classification import ClassScores
from edge_vision.adapters.runner import Runner
from edge_vision.contracts.model import Model
from edge_vision.data.view import View
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.clips import MovingView, chance, clip
from edge_vision.training.data.fits import placement
from edge_vision.training.evaluation.classification import in_order_of, named_truth
from edge_vision.training.evaluation.sights import as_frame, picture_of
from edge_vision.training.exam import Exam

RATE = 5.0
"""Frames a second, as a camera would give them."""
ALONE = "alone"
"""Under this key a frame is looked at as if nothing had been before it."""


def moving_figures(
    carried: NDArray[np.floating] | None, alone: NDArray[np.floating], labels: NDArray[np.integer]
) -> dict[str, float]:
    """How well clips were told.

    carried  (clips, frames, classes) scores of each frame by a model that remembers; None for one that
             does not
    alone    the same of each frame by itself
    labels   (clips,) the right classes

    moving_accuracy is that of the last frame by memory; moving_mean that of the mean of the single
    frames' scores; moving_single that of the single frames.
    """
    told = {} if carried is None else {"moving_accuracy": _right(carried[:, -1], labels)}
    single = _right(alone.reshape(-1, alone.shape[-1]), np.repeat(labels, alone.shape[1]))
    return {**told, "moving_mean": _right(alone.mean(axis=1), labels), "moving_single": single}


def evaluate_moving(
    model: Model,
    exam: Exam,
    view: MovingView,
    sizes: tuple[int, int],
    rows: Sequence[int],
    warp: Warp = reference_warp,
) -> dict[str, float]:
    """How well any classifier tells clips of some of the exam's pictures, asked as the daemon asks it.

    sizes  width and height of the pictures that clips are made of, and of the clips' frames
    rows   of the exam

    See `moving_figures`. A model without a memory has no moving_accuracy.
    """
    runner = Runner(model, ClassScores)
    names, truth = named_truth(exam.source, exam.labels)
    made, known = [], runner.labels
    for row in rows:
        frames = clip(_kept(exam, row, sizes[0], warp), view, (sizes[1], sizes[1]), chance(JUDGED, row))
        made.append(_told(runner, frames, row, warp))
    scores = np.asarray(made, np.float32)  # (clips, frames, carried and alone, classes)
    flat, _ = in_order_of(scores.reshape(-1, scores.shape[-1]), known, names, np.unique(truth))
    scores = flat.reshape(*scores.shape[:-1], -1)
    carried = scores[:, :, 0] if runner.recurrent else None
    return moving_figures(carried, scores[:, :, 1], truth[[*rows]])


JUDGED = (15, 0)
"""What all chance in the clips comes from that models are judged on."""


def _told(
    runner: Runner[ClassScores], frames: NDArray[np.uint8], row: int, warp: Warp
) -> NDArray[np.float32]:
    """Scores of each frame by memory and alone, (frames, 2, classes); the same without a memory."""
    told = []
    for number, pixels in enumerate(frames):
        image = np.ascontiguousarray(pixels[:, :, ::-1])
        seen = runner.view(View.of(as_frame(image, number, number / RATE, take=row), warp))
        carried = alone = runner(seen).score
        if runner.recurrent and number:
            alone = runner(seen, key=ALONE).score
            runner.forget(ALONE)
        told.append((carried, alone))
    return np.asarray(told, np.float32)


def _kept(exam: Exam, row: int, side: int, warp: Warp) -> NDArray[np.uint8]:
    """A picture of the exam as it is kept for clips, (side, side, 3) uint8 red, green, blue."""
    picture = picture_of(exam.source, row)[:, :, ::-1]
    size = picture.shape[1], picture.shape[0]
    return placement("stretch", size, (side, side)).picture(np.ascontiguousarray(picture), warp)


def _right(scores: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    return float(np.mean(scores.argmax(axis=-1) == labels))
