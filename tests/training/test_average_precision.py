"""Average precision against cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edge_vision.training.average_precision import (
    COCO_LIMITS,
    Found,
    Precision,
    Truth,
    average_precision,
    mean_precision,
    precision,
    precision_by_class,
)

A, B, C, D = (0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10), (60, 0, 70, 10)
NOWHERE = (200, 200, 210, 210)


def share(overlap: float) -> tuple[float, float, float, float]:
    """A box inside A that overlaps it by this much."""
    return (0, 0, 10, 10 * overlap)


def test_all_found_is_one() -> None:
    found = [Found([A, B], [0.9, 0.8]), Found([C], [0.7])]
    truth = [Truth([A, B]), Truth([C])]
    assert average_precision(found, truth) == 1.0
    assert precision(found, truth) == (1.0, 1.0, 3)


def test_nothing_found_is_zero() -> None:
    assert average_precision([Found([], [])], [Truth([A])]) == 0.0
    assert average_precision([Found([NOWHERE], [0.9])], [Truth([A])]) == 0.0


def test_nothing_to_find_is_not_a_number() -> None:
    assert np.isnan(average_precision([Found([A], [0.9])], [Truth([])]))
    assert np.isnan(average_precision([], []))


def test_half_found_without_a_mistake() -> None:
    # Precision is 1 up to recall 0.5 and 0 beyond: 51 of the 101 recalls.
    found = [Found([A, B], [0.9, 0.8])]
    assert average_precision(found, [Truth([A, B, C, D])]) == pytest.approx(51 / 101)


def test_a_mistake_before_and_between() -> None:
    # Wrong, right, wrong, right: recall 0.5 at precision 1/2, recall 1 at 2/4, so 1/2 throughout.
    found = [Found([NOWHERE, A, NOWHERE, B], [0.9, 0.8, 0.7, 0.6])]
    assert average_precision(found, [Truth([A, B])]) == pytest.approx(0.5)


def test_precision_is_the_best_at_that_recall_or_beyond() -> None:
    # right (1/1), wrong, wrong, right (2/4), right (3/5): up to recall 1/3 it is 1, beyond 3/5.
    found = [Found([A, NOWHERE, NOWHERE, B, C], [0.9, 0.8, 0.7, 0.6, 0.5])]
    expected = (34 * 1.0 + 67 * 0.6) / 101
    assert average_precision(found, [Truth([A, B, C])]) == pytest.approx(expected)


def test_mistakes_after_all_is_found_cost_nothing() -> None:
    found = [Found([A, NOWHERE, NOWHERE], [0.9, 0.8, 0.7])]
    assert average_precision(found, [Truth([A])]) == 1.0


def test_an_object_found_twice_counts_once() -> None:
    # right, the same again (wrong), right: precision 1 up to recall 0.5, then 2/3.
    found = [Found([A, A, B], [0.9, 0.8, 0.7])]
    expected = (51 * 1.0 + 50 * 2 / 3) / 101
    assert average_precision(found, [Truth([A, B])]) == pytest.approx(expected)


def test_the_better_score_takes_the_object_and_the_other_the_next_best() -> None:
    # Both overlap both objects; the first takes its best, the second is left with the other one.
    left, right = (0, 0, 10, 10), (2, 0, 12, 10)
    found = [Found([(1, 0, 11, 10), (0, 0, 10, 10)], [0.8, 0.9])]
    assert average_precision(found, [Truth([left, right])]) == 1.0


def test_boxes_of_all_pictures_are_put_in_one_order() -> None:
    # The mistake of the second picture has the best score of all.
    found = [Found([A], [0.5]), Found([NOWHERE], [0.9])]
    assert average_precision(found, [Truth([A]), Truth([])]) == pytest.approx(0.5)


@pytest.mark.parametrize(("overlap", "limits_met"), [(0.5, 1), (0.49, 0), (0.76, 6), (0.95, 10)])
def test_coco_averages_over_ten_limits_each_of_which_may_just_be_met(
    overlap: float, limits_met: int
) -> None:
    score = precision([Found([share(overlap)], [0.9])], [Truth([A])])
    assert (score.ap50, score.objects) == (float(limits_met > 0), 1)
    assert score.ap == pytest.approx(limits_met / 10)


def test_the_limits_are_those_of_coco() -> None:
    assert list(COCO_LIMITS) == pytest.approx([0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95])


def test_classes_are_scored_each_by_itself_and_averaged_alike() -> None:
    found = [Found([A, B, C], [0.9, 0.8, 0.7], [0, 1, 5])]
    truth = [Truth([A, B, D], [0, 1, 1])]
    by_class = precision_by_class(found, truth)
    assert set(by_class) == {0, 1}  # nothing of class 5 was there
    assert by_class[0] == (1.0, 1.0, 1)
    assert by_class[1].ap50 == pytest.approx(51 / 101)
    mean = mean_precision(by_class)
    assert mean.ap50 == pytest.approx((1 + 51 / 101) / 2)
    assert mean.objects == 3


def test_a_box_of_another_class_finds_nothing() -> None:
    by_class = precision_by_class([Found([A], [0.9], [1])], [Truth([A], [0])])
    assert by_class == {0: Precision(0.0, 0.0, 1)}


def test_the_mean_of_no_class_is_not_a_number() -> None:
    assert np.isnan(mean_precision({}).ap)


def test_pictures_must_be_as_many_as_truths() -> None:
    with pytest.raises(ValueError, match="1 pictures were looked at, the truth is known of 2"):
        average_precision([Found([A], [0.5])], [Truth([A]), Truth([A])])
