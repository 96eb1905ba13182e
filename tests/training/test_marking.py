"""Marking: a detector's boxes on pictures that nobody labelled: right, kept, and found again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.adapters.catalogue import describe
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError, TrainingError
from edge_vision.training.data.unlabelled import read_unlabelled
from edge_vision.training.marking import marked
from tests.training.data.drawing import draw, write

IMAGE = TensorSpec("image", (1, 4, 6, 3), "uint8")
BOXES = TensorSpec("boxes", (1, 4, 4), "float32", meaning="boxes")
SCORES = TensorSpec("scores", (1, 4, 2), "float32", meaning="scores")


class Detector:
    """Two overlapping boxes, one by itself, and one that is not sure; on dark pictures none."""

    def __init__(self, file: Path, labels: tuple[str, ...] = ("cat", "dog")) -> None:
        file.write_bytes(b"weights")
        found = ModelBundle("teacher", file, inputs=(IMAGE,), outputs=(BOXES, SCORES))
        self.bundle = replace(describe(found), labels=labels)
        self.calls = 0
        self._lock = threading.Lock()

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        with self._lock:
            self.calls += 1
        boxes = [[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.5, 0.45], [0.5, 0.5, 1.2, 1.2], [0.0, 0.5, 0.2, 0.8]]
        scores = np.array([[0.9, 0.0], [0.8, 0.0], [0.1, 0.7], [0.3, 0.0]], np.float32)
        if inputs["image"][..., 0].mean() < 100:
            scores[:] = 0.0
        return {"boxes": np.array([boxes], np.float32), "scores": scores[np.newaxis]}

    def close(self) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, red in (("train/a.png", 200), ("train/dark.png", 10), ("val/b.png", 200)):
        draw(tmp_path / "pictures" / name, (red, 60, 20), size=(12, 8))
    return tmp_path / "pictures"


def test_boxes_are_in_pixels_of_each_picture(folder: Path, tmp_path: Path) -> None:
    teacher = Detector(tmp_path / "t.tflite")
    found = marked(read_unlabelled(folder), teacher, tmp_path / "kept")
    assert (found.labels, found.truth) == (("cat", "dog"), "boxes")
    assert [item.part for item in found.items] == ["training", "training", "validation"]
    first, dark, last = found.items
    assert first.boxes is not None
    assert first.classes is not None
    np.testing.assert_allclose(first.boxes, [[0, 0, 6, 4], [6, 4, 12, 8]], atol=1e-4)
    assert first.classes.tolist() == [0, 1]
    assert dark.boxes is not None
    assert dark.boxes.shape == (0, 4)
    assert last.boxes is not None
    assert len(last.boxes) == 2
    assert found.notes[-1] == "teacher marked 4 objects in 3 pictures"


def test_nobody_is_asked_twice_until_a_picture_changes(folder: Path, tmp_path: Path) -> None:
    teacher = Detector(tmp_path / "t.tflite")
    once = marked(read_unlabelled(folder), teacher, tmp_path / "kept")
    again = marked(read_unlabelled(folder), teacher, tmp_path / "kept")
    assert teacher.calls == 3
    for one, other in zip(once.items, again.items, strict=True):
        assert one.boxes is not None
        assert other.boxes is not None
        np.testing.assert_array_equal(one.boxes, other.boxes)
    draw(folder / "train/a.png", (10, 60, 20), size=(24, 16))
    assert (
        marked(read_unlabelled(folder), teacher, tmp_path / "kept")
        .notes[-1]
        .startswith("teacher marked 2 objects")
    )


def test_how_sure_it_has_to_be_may_be_said(folder: Path, tmp_path: Path) -> None:
    teacher = Detector(tmp_path / "t.tflite", labels=())
    few = marked(read_unlabelled(folder), teacher, tmp_path / "kept", min_score=0.85)
    more = marked(read_unlabelled(folder), teacher, tmp_path / "kept", min_score=0.2)
    counts = [[len(item.boxes) for item in each.items if item.boxes is not None] for each in (few, more)]
    assert counts == [[1, 0, 1], [3, 0, 3]]
    assert (few.labels, more.labels) == (("0",), ("0", "1"))


def test_a_picture_that_cannot_be_read_has_no_boxes(folder: Path, tmp_path: Path) -> None:
    write(folder / "train/torn.png", "no picture")
    found = marked(read_unlabelled(folder), Detector(tmp_path / "t.tflite"), tmp_path / "kept")
    boxes = {item.name: item.boxes for item in found.items}
    torn = boxes["train/torn.png"]
    assert torn is not None
    assert torn.shape == (0, 4)


def test_a_classifier_marks_nothing(folder: Path, tmp_path: Path) -> None:
    teacher = Detector(tmp_path / "t.tflite")
    scores = TensorSpec("scores", (1, 3), "float32")
    file = tmp_path / "t.tflite"
    teacher.bundle = describe(ModelBundle("teacher", file, inputs=(IMAGE,), outputs=(scores,)))
    with pytest.raises(ModelError, match="task is classify"):
        marked(read_unlabelled(folder), teacher, tmp_path / "kept")


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    write(tmp_path / "texts" / "a.txt", "nothing")
    with pytest.raises(TrainingError, match="texts: there are no pictures in it"):
        read_unlabelled(tmp_path / "texts")
