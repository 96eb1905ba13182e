from __future__ import annotations

from typing import Any

import numpy as np
import pytest

tensorflow = pytest.importorskip("tensorflow")

from edge_vision.training.fitting.overlap import BoxIoU, Dice, SoftIoU  # noqa: E402 - after the check
from tests.training.fitting.test_losses import cost, gradient, softmax  # noqa: E402

RANDOM = np.random.default_rng(3)
LOGITS = RANDOM.normal(size=(1, 3, 4, 3)).astype(np.float32)
TRUTH = RANDOM.integers(0, 2, (1, 3, 4)).astype(np.float32)


def by_hand(truth: Any, logits: Any, kind: str, ignored: int = -1) -> float:
    said, told = softmax(logits), truth != ignored
    losses = []
    for number in range(logits.shape[-1]):
        there = (truth == number)[told].astype(float)
        p = said[..., number][told]
        if there.any():
            both = (p * there).sum()
            dice = (2 * both + 1) / ((p**2).sum() + there.sum() + 1)
            iou = (both + 1) / ((p + there - p * there).sum() + 1)
            losses.append(1 - (dice if kind == "dice" else iou))
    return float(np.mean(losses))


@pytest.mark.parametrize(("loss", "kind"), [(Dice(), "dice"), (SoftIoU(), "iou")])
def test_map_losses_are_the_mean_over_the_classes_that_are_there(loss: Any, kind: str) -> None:
    assert cost(loss, TRUTH, LOGITS) == pytest.approx(by_hand(TRUTH, LOGITS, kind), rel=1e-5)


@pytest.mark.parametrize(("loss", "kind"), [(Dice(ignored=255), "dice"), (SoftIoU(ignored=255), "iou")])
def test_void_places_count_nothing_in_map_losses(loss: Any, kind: str) -> None:
    truth = TRUTH.copy()
    truth[0, 1] = 255
    assert cost(loss, truth, LOGITS) == pytest.approx(by_hand(truth, LOGITS, kind, 255), rel=1e-5)
    assert not gradient(loss, truth, LOGITS)[0, 1].any()
    assert cost(loss, np.full_like(TRUTH, 255), LOGITS) == 0.0


@pytest.mark.parametrize("loss", [Dice(), SoftIoU()])
def test_a_perfect_map_costs_nothing_and_one_channel_is_as_good_as_two(loss: Any) -> None:
    sure = 40.0 * (np.eye(2)[TRUTH.astype(int)] - 0.5)
    assert cost(loss, TRUTH, sure) == pytest.approx(0.0, abs=1e-5)
    two = LOGITS[..., :2]
    one = two[..., 1:] - two[..., :1]
    assert cost(loss, TRUTH, one) == pytest.approx(cost(loss, TRUTH, two), rel=1e-5)


@pytest.mark.parametrize("loss", [Dice(), SoftIoU()])
def test_what_is_said_of_an_absent_class_still_costs(loss: Any) -> None:
    nothing = np.zeros((1, 2, 2), np.float32)
    sure = np.array([20.0, -20.0, -20.0]) * np.ones((1, 2, 2, 1))
    wrong = np.array([0.0, 0.0, 20.0]) * np.ones((1, 2, 2, 1))
    assert cost(loss, nothing, wrong) > cost(loss, nothing, sure) + 0.3


def test_plain_overlap_of_boxes() -> None:
    # 2x2 boxes that share 1x1: 1 / 7
    loss = BoxIoU(generalised=False)
    assert cost(loss, [[0, 0, 2, 2]], [[1, 1, 3, 3]]) == pytest.approx(1 - 1 / 7, rel=1e-5)
    assert cost(loss, [[0, 0, 2, 2]], [[0, 0, 2, 2]]) == pytest.approx(0.0, abs=1e-6)


def test_generalised_overlap_takes_away_the_room_between_boxes() -> None:
    # the box around both is 3x3, of which they fill 7; apart, they fill 2 of 3
    assert cost(BoxIoU(), [[0, 0, 2, 2]], [[1, 1, 3, 3]]) == pytest.approx(1 - 1 / 7 + 2 / 9, rel=1e-5)
    assert cost(BoxIoU(), [[0, 0, 1, 1]], [[2, 0, 3, 1]]) == pytest.approx(1 + 1 / 3, rel=1e-5)


def test_boxes_apart_learn_to_come_closer() -> None:
    slope = gradient(BoxIoU(), [[0.0, 0.0, 1.0, 1.0]], [[5.0, 0.0, 6.0, 1.0]])
    assert slope[0, 0] > 0  # less x1 makes it less


def test_boxes_that_are_not_told_count_nothing() -> None:
    truth = np.array([[[0.0, 0, 2, 2], [0, 0, 0, 0]]])
    boxes = np.array([[[1.0, 1, 3, 3], [5, 5, 9, 9]]])
    assert cost(BoxIoU(generalised=False), truth, boxes) == pytest.approx(1 - 1 / 7, rel=1e-5)
    assert not gradient(BoxIoU(), truth, boxes)[0, 1].any()
    assert cost(BoxIoU(), np.zeros((1, 2, 4)), boxes) == 0.0


@pytest.mark.parametrize("box", [[3.0, 3, 1, 1], [0, 0, 0, 0], [-1e6, -1e6, 1e6, 1e6], [9, 9, 9, 9]])
def test_gradients_of_odd_boxes_are_finite(box: list[float]) -> None:
    assert np.isfinite(cost(BoxIoU(), [[0.0, 0, 2, 2]], [box]))
    assert np.isfinite(gradient(BoxIoU(), [[0.0, 0, 2, 2]], [box])).all()


@pytest.mark.parametrize("loss", [Dice(), SoftIoU()])
def test_gradients_of_extreme_maps_are_finite(loss: Any) -> None:
    assert np.isfinite(gradient(loss, TRUTH, 1e4 * LOGITS)).all()
