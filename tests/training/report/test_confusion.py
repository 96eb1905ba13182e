"""The confusion matrix as a picture."""

from __future__ import annotations

import numpy as np
import pytest

from edge_vision.training.report.confusion import confusion_picture


def test_what_was_right_is_blue_and_what_was_wrong_is_red() -> None:
    picture = confusion_picture(np.array([[1, 0], [1, 0]]), ["cat", "dog"])
    blue, _, red = np.moveaxis(picture.astype(int), 2, 0)
    rights, wrongs = np.argwhere(blue - red > 60), np.argwhere(red - blue > 60)
    assert rights[:, 0].max() <= wrongs[:, 0].min()  # the first row was right, the second wrong
    assert rights[:, 1].min() == wrongs[:, 1].min()  # both were called the first class


@pytest.mark.parametrize("count", [1, 2, 20, 61, 200])
def test_any_number_of_classes_can_be_drawn(count: int) -> None:
    confusion = np.eye(count, dtype=np.int64) * 10
    picture = confusion_picture(confusion, [f"class number {n}" for n in range(count)])
    assert max(picture.shape) < 1200


def test_a_class_that_never_was_and_has_no_name_is_drawn_too() -> None:
    assert confusion_picture(np.zeros((3, 3), np.int64)).shape[2] == 3
