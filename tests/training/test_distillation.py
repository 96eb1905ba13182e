"""A teacher's answers: right, kept, found again, resumed; and heads for its classes."""

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
from edge_vision.contracts.file_facts import FileFacts, Producer
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ModelError, TrainingError
from edge_vision.training.distillation import (
    teacher_answers,
    with_teacher_head,
    without_teacher_head,
)

IMAGE = TensorSpec("image", (1, 4, 6, 3), "uint8")
SCORES = TensorSpec("scores", (1, 3), "float32")


class Teacher:
    """A classifier that says how bright each channel is; counts its calls, and may fail at one."""

    def __init__(self, file: Path, *outputs: TensorSpec, producer: str = "", fails_at: int = -1) -> None:
        if not file.exists():
            file.write_bytes(b"weights")
        facts = FileFacts(producers={"scores": Producer(producer)} if producer else {})
        found = ModelBundle("teacher", file, inputs=(IMAGE,), outputs=outputs or (SCORES,), facts=facts)
        self.bundle = describe(found)
        self.calls = 0
        self.fails_at = fails_at
        self._lock = threading.Lock()

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        with self._lock:
            self.calls += 1
            if self.calls == self.fails_at:
                raise ModelError("the run failed")
        return self.answer(inputs["image"])

    def answer(self, image: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        return {"scores": image.mean(axis=(1, 2), dtype=np.float32)}

    def close(self) -> None:
        pass


def pictures(count: int = 70, channels: int = 3) -> NDArray[np.uint8]:
    made = np.zeros((count, 8, 12, channels), np.uint8)
    made[:] = np.random.default_rng(0).integers(0, 256, (count, 1, 1, channels))
    return made


def test_answers_are_those_of_each_picture_in_red_green_blue(tmp_path: Path) -> None:
    shown = pictures()
    given = teacher_answers(Teacher(tmp_path / "t.tflite"), shown, tmp_path / "kept")
    assert given.dtype == np.float32
    np.testing.assert_allclose(given, shown[:, 0, 0], atol=1e-4)


def test_a_grey_picture_is_shown_in_three_channels(tmp_path: Path) -> None:
    shown = pictures(3, channels=1)
    given = teacher_answers(Teacher(tmp_path / "t.tflite"), shown, tmp_path / "kept")
    np.testing.assert_allclose(given, np.repeat(shown[:, 0, 0], 3, axis=1), atol=1e-4)


def test_nobody_is_asked_twice_until_pictures_or_model_change(tmp_path: Path) -> None:
    teacher, shown = Teacher(tmp_path / "t.tflite"), pictures(5)
    first = teacher_answers(teacher, shown, tmp_path / "kept")
    np.testing.assert_array_equal(teacher_answers(teacher, shown, tmp_path / "kept"), first)
    assert teacher.calls == 5
    teacher_answers(teacher, shown[:, :, ::-1, ::-1], tmp_path / "kept")
    assert teacher.calls == 10
    (tmp_path / "t.tflite").write_bytes(b"other weights")
    teacher_answers(teacher, shown, tmp_path / "kept")
    assert teacher.calls == 15


def test_who_was_interrupted_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    shown = pictures(100)
    broken = Teacher(tmp_path / "t.tflite", fails_at=80)
    with pytest.raises(ModelError, match="run failed"):
        teacher_answers(broken, shown, tmp_path / "kept")
    told: list[tuple[int, int]] = []
    teacher = Teacher(tmp_path / "t.tflite")
    given = teacher_answers(teacher, shown, tmp_path / "kept", lambda *state: told.append(state))
    assert 0 < teacher.calls <= 100 - (broken.calls - 2)
    assert told[-1] == (100, 100)
    np.testing.assert_allclose(given, shown[:, 0, 0], atol=1e-4)
    assert [each.suffixes for each in (tmp_path / "kept").iterdir()] == [[".npy"]]


class Sure(Teacher):
    """Gives the same scores for every picture."""

    scores: NDArray[Any] = np.array([[0.7, 0.3, 0.0]], np.float32)

    def answer(self, image: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        return {"scores": self.scores}


@pytest.mark.parametrize("producer", ["SOFTMAX", ""])
def test_probabilities_are_taken_by_their_logarithm(tmp_path: Path, producer: str) -> None:
    teacher = Sure(tmp_path / "t.tflite", producer=producer)
    (logits, *_) = teacher_answers(teacher, pictures(2), tmp_path)
    shares = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(shares, [0.7, 0.3, 0.0], atol=1e-6)
    assert np.isfinite(logits).all()


def test_of_several_sigmoids_the_logits_are_taken(tmp_path: Path) -> None:
    teacher = Sure(tmp_path / "t.tflite", producer="LOGISTIC")
    (logits, *_) = teacher_answers(teacher, pictures(2), tmp_path)
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), [0.7, 0.3, 0.0], atol=1e-6)


def test_bytes_are_dequantised(tmp_path: Path) -> None:
    spec = TensorSpec("scores", (1, 3), "uint8", Quantisation(1 / 256, 0))
    teacher = Sure(tmp_path / "t.tflite", spec, producer="SOFTMAX")
    teacher.scores = np.array([[128, 128, 0]], np.uint8)
    (logits, *_) = teacher_answers(teacher, pictures(2), tmp_path)
    np.testing.assert_allclose(np.exp(logits), [0.5, 0.5, 1 / 512], rtol=1e-5)


def test_a_teacher_without_numbers_or_without_a_file_is_refused(tmp_path: Path) -> None:
    teacher = Sure(tmp_path / "t.tflite")
    teacher.scores = np.array([[np.nan, 0.0, 0.0]], np.float32)
    with pytest.raises(TrainingError, match="no numbers for picture"):
        teacher_answers(teacher, pictures(2), tmp_path)
    teacher.bundle = replace(teacher.bundle, file=tmp_path / "none.tflite")
    with pytest.raises(TrainingError, match="export it first"):
        teacher_answers(teacher, pictures(2), tmp_path)


def test_a_damaged_file_of_answers_is_named(tmp_path: Path) -> None:
    teacher, shown = Teacher(tmp_path / "t.tflite"), pictures(3)
    teacher_answers(teacher, shown, tmp_path / "kept")
    (file,) = (tmp_path / "kept").iterdir()
    file.write_bytes(b"\x93NUMPY cut short")
    with pytest.raises(TrainingError, match=r"cannot be read.*delete it"):
        teacher_answers(teacher, shown, tmp_path / "kept")


def test_a_detector_teaches_no_classes(tmp_path: Path) -> None:
    detector = Teacher(
        tmp_path / "t.tflite",
        TensorSpec("boxes", (1, 4, 4), "float32", meaning="boxes"),
        TensorSpec("scores", (1, 4, 2), "float32", meaning="scores"),
    )
    with pytest.raises(ModelError, match="task is detect"):
        teacher_answers(detector, pictures(1), tmp_path)


def student(name: str = "scores") -> Any:
    pytest.importorskip("tensorflow")
    import keras  # noqa: PLC0415

    image = keras.Input((4, 4, 3), name="image")
    embedding = keras.layers.GlobalAveragePooling2D(name="pooled")(image)
    scores = keras.layers.Dense(2, name=name)(keras.layers.Dropout(0.5)(embedding))
    return keras.Model({"image": image}, {name: scores, "embedding": embedding})


def test_a_head_for_the_teacher_is_put_beside_the_own_and_taken_off_again() -> None:
    network = student()
    taught = with_teacher_head(network, 11)
    assert {name: each.shape for name, each in taught.output.items()} == {
        "scores": (None, 2),
        "embedding": (None, 3),
        "teacher": (None, 11),
    }
    assert "teacher/kernel" in [weight.path for weight in taught.weights]
    plain = without_teacher_head(taught)
    assert [weight.path for weight in plain.weights] == [weight.path for weight in network.weights]
    assert list(with_teacher_head(student("other"), 5).output) == ["other", "embedding", "teacher"]


def test_a_network_without_features_has_no_teacher() -> None:
    network = student("other")
    network = type(network)(network.input, {"other": network.output["other"]})
    with pytest.raises(TrainingError, match="scores or an embedding"):
        with_teacher_head(network, 5)
