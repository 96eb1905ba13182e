"""Judging what happens in videos: frames in order at a rate, a state for each video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import TrainingError
from edge_vision.testing import FakeModel
from edge_vision.training.data.collection import Collection, Item
from edge_vision.training.evaluation.actions import evaluate_actions, frame_score, frames_of

from .conftest import image_input

LABELS = ("dark", "bright")


def video(file: Path, greys: Sequence[int], rate: float = 10.0) -> Path:
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), rate, (32, 24))
    for grey in greys:
        writer.write(np.full((24, 32, 3), grey, np.uint8))
    writer.release()
    return file


def counting_model() -> FakeModel:
    """A recurrent model that says "bright" from the third bright frame on."""

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        bright = inputs["image"].mean() > 127
        count = inputs["state_n"] + 1.0 if bright else np.zeros((1, 2), np.float32)
        sure = 0.9 if count[0, 0] >= 3.0 else 0.1
        return {"scores": np.array([[1.0 - sure, sure]], np.float32), "next_n": count.astype(np.float32)}

    return FakeModel(
        [image_input(), TensorSpec("state_n", (1, 2), "float32")],
        [TensorSpec("scores", (1, 2), "float32"), TensorSpec("next_n", (1, 2), "float32")],
        answer,
        LABELS,
    )


def segment(file: Path, start: float, end: float, label: int) -> Item:
    return Item(file, f"{file.name}@{start}", file.name, label=label, start=start, end=end)


def test_the_macro_f1_comes_first_and_each_class_has_its_own() -> None:
    score = frame_score(np.eye(2)[[0, 0, 0, 1]], np.array([0, 0, 1, 1]), LABELS)
    assert list(score.values) == ["macro_f1", "accuracy", "f1_dark", "f1_bright"]
    assert score.chief == pytest.approx((0.8 + 2 / 3) / 2)
    assert score.values["accuracy"] == 0.75


def test_the_state_runs_along_in_a_video_and_begins_anew_with_the_next(tmp_path: Path) -> None:
    first = video(tmp_path / "a.avi", [0] * 5 + [200] * 10)
    second = video(tmp_path / "b.avi", [200] * 5)
    model = counting_model()
    data = Collection(
        (segment(first, 0.0, 0.5, 0), segment(first, 0.5, 1.5, 1), segment(second, 0.0, 0.5, 1)),
        LABELS,
        "segments",
    )
    score = evaluate_actions(model, data, rate=10.0)
    assert score.examples == 20
    assert score.confusion is not None
    assert score.confusion.tolist() == [[5, 0], [4, 11]]  # two frames late in each video
    assert not model.calls[15]["state_n"].any()


def test_frames_come_at_the_rate_and_only_those_in_a_segment_count(tmp_path: Path) -> None:
    file = video(tmp_path / "a.avi", [0] * 20)
    model = counting_model()
    data = Collection((segment(file, 0.8, 1.2, 0),), LABELS, "segments")
    score = evaluate_actions(model, data, rate=5.0)
    assert score.examples == 2
    assert len(model.calls) == 7  # 0.0, 0.2, ... 1.2: the state is that of the whole video


def test_frames_have_the_first_time_at_or_after_theirs(tmp_path: Path) -> None:
    file = video(tmp_path / "a.avi", [0] * 10, rate=10.0)
    assert [seconds for seconds, _ in frames_of(file, 4.0, 0.8)] == pytest.approx([0.0, 0.3, 0.5, 0.8])
    assert len(list(frames_of(file, 100.0, 9.0))) == 10


def test_what_is_no_video_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.avi"
    file.write_bytes(b"nothing")
    with pytest.raises(TrainingError, match=r"a\.avi: cannot be opened as a video"):
        list(frames_of(file, 5.0, 1.0))


def test_pictures_are_refused(tmp_path: Path) -> None:
    data = Collection((Item(tmp_path / "a.png", "a.png", "a", label=0),), LABELS)
    with pytest.raises(TrainingError, match=r"a\.png: is no labelled segment of a video"):
        evaluate_actions(counting_model(), data)


def test_segments_without_a_frame_are_told(tmp_path: Path) -> None:
    file = video(tmp_path / "a.avi", [0] * 5)
    data = Collection((segment(file, 3.0, 4.0, 0),), LABELS, "segments")
    with pytest.raises(TrainingError, match="no frame of the videos lies in a segment"):
        evaluate_actions(counting_model(), data)
