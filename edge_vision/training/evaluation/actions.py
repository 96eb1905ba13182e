"""Actions: what a model says of each frame of a video, while its state runs along."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.classification import ClassScores
from edge_vision.adapters.runner import Runner
from edge_vision.contracts.model import Model
from edge_vision.data.errors import TrainingError
from edge_vision.data.frame import Image
from edge_vision.data.view import View
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.data.collection import Collection, Item
from edge_vision.training.evaluation.classification import (
    confusion_of,
    f1_scores,
    in_order_of,
    scores_of,
)
from edge_vision.training.evaluation.sights import as_frame
from edge_vision.training.score import Score

Look = Callable[[View], ClassScores]
"""What says what a frame shows; a recurrent one remembers the frames before."""

RATE = 5.0
"""Frames a second that are looked at, unless said otherwise."""

_UNKNOWN_RATE = 25.0


def frame_score(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer], names: Sequence[str]
) -> Score:
    """How well n frames were told, the macro-F1 first: most of a video is often one class.

    probabilities  (n, c) of each class
    labels         (n,) the right classes
    names          c names of the classes

    f1_<name> is the F1 of each class that occurs.
    """
    plain = scores_of(probabilities, labels, names)
    confusion = confusion_of(probabilities.argmax(axis=1), labels, len(names))
    each = {
        f"f1_{name}": float(figure)
        for name, figure in zip(names, f1_scores(confusion), strict=True)
        if np.isfinite(figure)
    }
    values = {"macro_f1": plain.values["macro_f1"], "accuracy": plain.values["accuracy"], **each}
    return replace(plain, values=values)


def evaluate_actions(
    model: Model, collection: Collection, rate: float = RATE, warp: Warp = reference_warp
) -> Score:
    """How well any model tells what happens, frame by frame, asked as the daemon asks it.

    collection  segments of videos with a label each
    rate        frames a second that it looks at; all from the beginning of each video to the end of its
                last segment, of which those inside a segment count

    The state begins anew with each video.
    """
    runner = Runner(model, ClassScores)
    return judged(lambda view: runner(runner.view(view)), collection, rate, warp)


def judged(look: Look, collection: Collection, rate: float, warp: Warp = reference_warp) -> Score:
    """How well something tells what happens in videos; see `evaluate_actions`."""
    if rate <= 0.0:
        raise TrainingError(f"a rate is more than 0 frames a second, not {rate}")
    scores: list[NDArray[np.float32]] = []
    truth: list[int] = []
    model_names: tuple[str, ...] = ()
    for take, (file, segments) in enumerate(_videos(collection)):
        end = max(float(item.end or 0.0) for item in segments)
        for index, (seconds, image) in enumerate(frames_of(file, rate, end)):
            said = look(View.of(as_frame(image, index, seconds, take), warp))
            label = label_at(segments, seconds)
            if label is not None:
                model_names = said.labels
                scores.append(said.score)
                truth.append(label)
    if not truth:
        raise TrainingError("no frame of the videos lies in a segment with a label")
    labels = np.array(truth)
    table, names = in_order_of(np.stack(scores), model_names, collection.labels, np.unique(labels))
    return frame_score(table, labels, names)


def frames_of(file: Path, rate: float, end: float) -> Iterator[tuple[float, Image]]:
    """Seconds and pixels (height, width, 3) uint8 BGR of a video's frames up to an end, at a rate.

    Of the frames there are, each is the first at or after its time. Raises TrainingError where the video
    cannot be opened, or has no frame.
    """
    video = cv2.VideoCapture(str(file))
    try:
        if not video.isOpened():
            raise TrainingError(f"{file}: cannot be opened as a video")
        own = video.get(cv2.CAP_PROP_FPS)
        own = own if np.isfinite(own) and own > 0.0 else _UNKNOWN_RATE
        due = number = 0
        while number / own <= end and video.grab():
            seconds = number / own
            if seconds >= due / rate - 1e-6:
                known, image = video.retrieve()
                if known:
                    yield seconds, np.asarray(image, np.uint8)
                due = int(np.floor(seconds * rate + 1e-6)) + 1
            number += 1
        if number == 0:
            raise TrainingError(f"{file}: no frame of it can be read")
    finally:
        video.release()


def label_at(segments: Sequence[Item], seconds: float) -> int | None:
    """The label of the segment that a time lies in, its end not counted; None outside of all."""
    for item in segments:
        if float(item.start or 0.0) <= seconds < float(item.end or 0.0):
            return item.label
    return None


def _videos(collection: Collection) -> list[tuple[Path, list[Item]]]:
    """The videos, and the labelled segments of each."""
    videos: dict[Path, list[Item]] = {}
    for item in collection.items:
        if item.end is None or item.label is None:
            raise TrainingError(
                f"{item.name}: is no labelled segment of a video; a model of actions is judged on "
                "videos and a list of their segments"
            )
        videos.setdefault(item.file, []).append(item)
    return list(videos.items())
