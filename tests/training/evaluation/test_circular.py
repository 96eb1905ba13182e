"""Judging classes on a circle: the last lies beside the first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge_vision.training.data.collection import Collection
from edge_vision.training.evaluation.circular import circular_score, distances, evaluate_circular

from .conftest import LABELS, colour_model

TENTHS = tuple(f"{i / 10:.1f}" for i in range(100))


def test_distances_go_the_shorter_way_round() -> None:
    said, truth = np.array([0, 99, 50, 25]), np.array([99, 0, 0, 20])
    assert distances(said, truth, 100).tolist() == [1, 1, 50, 5]


def test_figures_of_known_answers() -> None:
    score = circular_score(np.array([0, 99, 50, 20]), np.array([0, 0, 0, 22]), TENTHS)
    assert list(score.values) == ["exact", "within_one", "mean_distance"]
    assert score.chief == 0.25
    assert score.values["within_one"] == 0.5
    assert score.values["mean_distance"] == pytest.approx(53 / 4)
    assert score.mistakes is not None
    assert score.mistakes.tolist() == pytest.approx([0.0, 0.02, 1.0, 0.04])
    assert score.said == ("0.0", "9.9", "5.0", "2.0")


def test_any_classifier_is_judged(colours: Collection) -> None:
    score = evaluate_circular(colour_model(), colours)
    assert score.values == {"exact": 0.8, "within_one": 1.0, "mean_distance": 0.2}
    turned = replace(colours, labels=LABELS[::-1])
    items = (replace(item, label=2 - (item.label or 0)) for item in turned.items)
    assert evaluate_circular(colour_model(), turned.of(items)).chief == 0.8
