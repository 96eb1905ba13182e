from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

tensorflow = pytest.importorskip("tensorflow")

from edge_vision.training.fitting.losses import (  # noqa: E402 - after the check that Keras is there
    CentreFocal,
    CrossEntropy,
    Distillation,
    Focal,
    MeanSquaredError,
    balance,
    balance_effective,
)

LOGITS = [[2.0, 0.0, -1.0], [0.5, 0.5, 0.5]]


def softmax(logits: ArrayLike) -> Any:
    powers = np.exp(np.asarray(logits, np.float64))
    return powers / powers.sum(axis=-1, keepdims=True)


def cost(loss: Callable[[Any, Any], Any], truth: ArrayLike, said: ArrayLike) -> float:
    return float(loss(np.asarray(truth, np.float32), np.asarray(said, np.float32)))


def gradient(loss: Callable[[Any, Any], Any], truth: ArrayLike, said: ArrayLike) -> Any:
    with tensorflow.GradientTape() as tape:
        given = tensorflow.constant(said, tensorflow.float32)
        tape.watch(given)
        value = loss(tensorflow.constant(truth), given)
    return np.asarray(tape.gradient(value, given))


def test_cross_entropy_is_the_mean_surprise() -> None:
    shares = softmax(LOGITS)
    wanted = -(math.log(shares[0, 0]) + math.log(1 / 3)) / 2
    assert cost(CrossEntropy(), [0, 2], LOGITS) == pytest.approx(wanted, rel=1e-6)


def test_cross_entropy_takes_shares_of_classes() -> None:
    truth = [[0.7, 0.3, 0.0], [0.0, 0.0, 1.0]]
    wanted = -(np.asarray(truth) * np.log(softmax(LOGITS))).sum(axis=1).mean()
    assert cost(CrossEntropy(), truth, LOGITS) == pytest.approx(wanted, rel=1e-6)


def test_label_smoothing_spreads_a_share_over_all_classes() -> None:
    truth = 0.9 * np.eye(3)[[0, 2]] + 0.1 / 3
    wanted = -(truth * np.log(softmax(LOGITS))).sum(axis=1).mean()
    assert cost(CrossEntropy(label_smoothing=0.1), [0, 2], LOGITS) == pytest.approx(wanted, rel=1e-6)


def test_what_is_not_told_of_a_sequence_counts_nothing() -> None:
    logits = np.random.default_rng(0).normal(size=(2, 4, 3))
    surprise = -np.log(softmax(logits))
    wanted = np.array([(surprise[0, 0, 1] + surprise[0, 2, 0]) / 2, surprise[1, 3, 2]])
    figures = CrossEntropy().call(
        tensorflow.constant([[1.0, -1, 0, -1], [-1, -1, -1, 2]]), tensorflow.constant(logits, "float32")
    )
    np.testing.assert_allclose(figures, wanted, rtol=1e-5)


def test_what_is_not_told_of_a_map_gets_no_gradient() -> None:
    truth = np.array([[[0, 255], [1, 1]]], np.float32)
    slope = gradient(CrossEntropy(ignored=255), truth, np.zeros((1, 2, 2, 3)))
    assert not slope[0, 0, 1].any()
    np.testing.assert_allclose(slope[0, 0, 0], np.array([1 / 3 - 1, 1 / 3, 1 / 3]) / 3, rtol=1e-5)


def test_an_example_of_which_nothing_is_told_costs_nothing() -> None:
    truth = np.full((1, 5), -1.0, np.float32)
    assert cost(CrossEntropy(), truth, np.ones((1, 5, 3))) == 0.0
    assert not gradient(CrossEntropy(), truth, np.ones((1, 5, 3))).any()
    unknown = np.full((1, 3), -1.0, np.float32)
    assert cost(CrossEntropy(), unknown, np.ones((1, 3))) == 0.0


def test_class_weights_weigh_examples_by_their_class() -> None:
    plain = np.asarray(CrossEntropy().call(tensorflow.constant([0, 2]), tensorflow.constant(LOGITS)))
    weighed = CrossEntropy(class_weights=[3.0, 1.0, 0.5])
    figures = weighed.call(tensorflow.constant([0, 2]), tensorflow.constant(LOGITS))
    np.testing.assert_allclose(figures, plain * [3.0, 0.5], rtol=1e-6)


def test_focal_loss_without_focus_is_cross_entropy_of_yes_or_no() -> None:
    yes = 1 / (1 + np.exp(-np.asarray(LOGITS)))
    truth = np.eye(3)[[0, 2]]
    wanted = -(truth * np.log(yes) + (1 - truth) * np.log(1 - yes)).sum(axis=1).mean()
    assert cost(Focal(gamma=0.0, alpha=None), [0, 2], LOGITS) == pytest.approx(wanted, rel=1e-6)


def test_focal_loss_counts_by_how_wrong_it_is() -> None:
    wanted = -0.25 * (1 - 0.9) ** 2 * math.log(0.9)
    logit = math.log(0.9 / 0.1)
    assert cost(Focal(), [[1.0]], [[logit]]) == pytest.approx(wanted, rel=1e-5)
    wanted = -0.75 * 0.9**2 * math.log(0.1)
    assert cost(Focal(), [[0.0]], [[logit]]) == pytest.approx(wanted, rel=1e-5)


def test_focal_loss_is_divided_by_the_things_that_are_there() -> None:
    one = cost(Focal(), [[[1.0], [0.0]]], [[[0.0], [0.0]]])
    both = cost(Focal(), [[[1.0], [1.0]]], [[[0.0], [0.0]]])
    part = math.log(2) * 0.25
    assert one == pytest.approx(0.25 * part + 0.75 * part, rel=1e-5)
    assert both == pytest.approx(0.25 * part, rel=1e-5)


def test_centre_focal_forgives_what_is_near_a_middle() -> None:
    truth = np.zeros((1, 1, 3, 1), np.float32)
    truth[0, 0, :, 0] = 1.0, 0.8, 0.0
    loss = CentreFocal()

    def cost(*logits: float) -> float:
        said = np.array(logits, np.float32).reshape(1, 1, 3, 1)
        return float(np.asarray(loss.call(truth, said))[0])

    assert cost(20, -20, -20) == pytest.approx(0.0, abs=1e-4)
    assert 0 < cost(20, 3, -20) < cost(20, -20, 3) / 100
    p = 1 / (1 + math.exp(1.0))
    assert cost(-1, -20, -20) == pytest.approx((1 - p) ** 2 * -math.log(p), rel=1e-4)


def test_centre_focal_is_divided_by_the_middles_and_skips_what_is_not_told() -> None:
    truth = np.zeros((2, 2, 2, 1), np.float32)
    truth[0, 0, 0, 0] = truth[1, 0, 0, 0] = truth[1, 1, 1, 0] = 1.0
    said = np.full((2, 2, 2, 1), -30.0, np.float32)
    said[truth == 1.0] = -2.0
    one, two = np.asarray(CentreFocal().call(truth, said))
    assert one == pytest.approx(two)
    truth[0] = -1.0
    assert np.asarray(CentreFocal().call(truth, said))[0] == 0.0


def test_squared_error_leaves_out_what_is_no_number() -> None:
    truth = [[1.0, math.nan, 3.0], [0.0, 0.0, 0.0]]
    said = [[2.0, 9.0, 1.0], [3.0, 0.0, 0.0]]
    assert cost(MeanSquaredError(), truth, said) == pytest.approx((5 / 2 + 9 / 3) / 2)
    slope = gradient(MeanSquaredError(), truth, said)
    assert slope[0, 1] == 0.0
    assert np.isfinite(slope).all()


def test_a_student_that_answers_as_its_teacher_costs_nothing() -> None:
    assert cost(Distillation(3.0), softmax(LOGITS), LOGITS) == pytest.approx(0.0, abs=1e-6)
    assert cost(Distillation(3.0, from_logits=True), LOGITS, LOGITS) == pytest.approx(0.0, abs=1e-6)


def test_distillation_compares_softened_answers() -> None:
    teacher, student, temperature = np.array([[4.0, 1.0, 0.0]]), np.array([[0.0, 1.0, 2.0]]), 2.0
    p, q = softmax(teacher / temperature), softmax(student / temperature)
    wanted = float((p * np.log(p / q)).sum()) * temperature**2
    assert cost(Distillation(temperature), softmax(teacher), student) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("size", [0.0, 1e4])
@pytest.mark.parametrize(
    ("loss", "truth"),
    [
        (CrossEntropy(0.1), [[0.0, 1.0, 0.0]]),
        (Focal(), [[0.0, 1.0, 0.0]]),
        (Focal(gamma=0.5), [[0.0, 1.0, 0.3]]),
        (CentreFocal(), [[0.0, 1.0, 0.3]]),
        (MeanSquaredError(), [[0.0, 1.0, 0.0]]),
        (Distillation(), [[0.0, 1.0, 0.0]]),
    ],
)
def test_gradients_are_finite_at_extremes(loss: Any, truth: Any, size: float) -> None:
    logits = [[size, -size, size]]
    assert np.isfinite(cost(loss, truth, logits))
    assert np.isfinite(gradient(loss, truth, logits)).all()


def test_balance_gives_each_class_the_same_total() -> None:
    weights = balance([10, 90, 0])
    np.testing.assert_allclose(weights * [10, 90, 0], [50, 50, 0], rtol=1e-6)
    np.testing.assert_allclose(balance([10, 90], power=0.0), [1, 1])
    half = balance([10, 90], power=0.5)
    assert half[0] / half[1] == pytest.approx(3.0, rel=1e-5)
    assert float((half * [10, 90]).sum()) == pytest.approx(100.0, rel=1e-5)


def test_balance_by_effective_numbers_lies_between_alike_and_inverse() -> None:
    np.testing.assert_allclose(balance_effective([10, 1000], beta=0.0), [1, 1])
    between = balance_effective([10, 1000], beta=0.99)
    ratio = between[0] / between[1]
    assert ratio == pytest.approx((1 - 0.99**1000) / (1 - 0.99**10), rel=1e-4)
    assert 1 < ratio < 100
