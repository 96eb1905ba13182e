"""What is doubted about a model that was trained."""

from __future__ import annotations

import numpy as np
import pytest

from edge_vision.service.training.doubts import doubts_of
from edge_vision.training.score import Score

NAMES = ("cat", "dog", "cow")


def score(rows: list[list[int]]) -> Score:
    confusion = np.array(rows, np.int64)
    accuracy = float(np.trace(confusion) / confusion.sum())
    return Score({"accuracy": accuracy}, int(confusion.sum()), confusion, NAMES)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([[0, 9, 0], [0, 90, 0], [0, 9, 0]], "answers alike (dog) to all examples"),
        ([[3, 3, 3], [3, 4, 3], [2, 3, 3]], "no more than guessing among 3 classes"),
        ([[9, 0, 0], [0, 0, 0], [9, 0, 0]], "answers alike (cat)"),
    ],
    ids=["constant", "chance", "a class without examples"],
)
def test_a_model_that_learnt_nothing_is_told_with_what_to_do(
    rows: list[list[int]], problem: str
) -> None:
    (doubt,) = doubts_of(score(rows), proves_little=False)
    assert problem in doubt
    assert "more epochs" in doubt
    assert "curves.png" in doubt


@pytest.mark.parametrize(
    "rows",
    [
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[20, 5, 5], [5, 20, 5], [10, 5, 15]],
        [[3, 6, 0], [0, 900, 9], [0, 4, 5]],
        [[7, 0, 0], [0, 0, 0], [0, 0, 0]],
    ],
    ids=["few and all right", "better than chance", "rare classes are found", "one class to judge by"],
)
def test_a_model_that_learnt_something_is_not_doubted(rows: list[list[int]]) -> None:
    assert doubts_of(score(rows), proves_little=False) == ()


def test_a_model_without_classes_is_judged_by_its_chief_figure() -> None:
    assert "its AP50 is 0;" in doubts_of(Score({"AP50": 0.0, "AP": 0.0}, 9), proves_little=False)[0]
    assert doubts_of(Score({"AP50": 0.1}, 9), proves_little=False) == ()


def test_golden_files_that_prove_little_are_a_doubt_of_their_own() -> None:
    (doubt,) = doubts_of(Score({"AP50": 0.1}, 9), proves_little=True)
    assert doubt.startswith("its golden files prove little")
