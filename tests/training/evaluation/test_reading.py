"""Judging texts: exact ones, edit distances, places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import TrainingError
from edge_vision.testing import FakeModel
from edge_vision.training.evaluation.reading import edit_distance, evaluate_reader, reading_score
from edge_vision.training.examples import Examples

from .conftest import image_input


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("00123", "0123", 1), ("ab", "ba", 2)],
)
def test_edit_distances(first: str, second: str, distance: int) -> None:
    assert edit_distance(first, second) == edit_distance(second, first) == distance


def test_figures_of_texts_of_one_length() -> None:
    score = reading_score(["0123", "0124", "013", "0123"], ["0123"] * 4)
    assert score.chief == score.values["exact"] == 0.5
    assert score.values["characters"] == pytest.approx(14 / 16)
    assert score.values["edit_distance"] == 0.5
    assert [score.values[f"place_{i}"] for i in range(1, 5)] == [1.0, 1.0, 0.75, 0.5]
    assert score.values["places"] == pytest.approx(13 / 16)
    assert score.mistakes is not None
    assert score.mistakes.tolist() == [0.0, 0.25, 0.25, 0.0]
    assert score.said == ("0123", "0124", "013", "0123")


def test_texts_of_several_lengths_have_no_places() -> None:
    assert list(reading_score(["1", "22"], ["1", "22"]).values) == [
        "exact",
        "characters",
        "edit_distance",
    ]


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(TrainingError):
        reading_score([], [])


def test_a_model_that_reads_is_judged() -> None:
    """It reads how bright the left and the right half are, a digit each."""

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        halves = inputs["image"][0].mean(axis=(0, 2)).reshape(2, 4).mean(axis=1)
        return {"text": np.rint(halves / 25.0).astype(np.int32)[np.newaxis]}

    model = FakeModel(
        [image_input()], [TensorSpec("text", (1, 2), "int32")], answer, tuple("0123456789")
    )
    model._bundle = replace(model.bundle, task="read")
    pictures = np.zeros((2, 6, 8, 3), np.uint8)
    pictures[0, :, 4:] = 100
    pictures[1] = 50
    score = evaluate_reader(model, Examples(pictures, {"text": ["04", "23"]}))
    assert score.said == ("04", "22")
    assert score.chief == 0.5
    with pytest.raises(TrainingError, match="have no texts"):
        evaluate_reader(model, Examples(pictures))
