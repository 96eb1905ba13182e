"""What reports are drawn with."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_vision.data.errors import TrainingError
from edge_vision.training.report import canvas


def test_a_text_that_is_too_long_is_cut_to_fit() -> None:
    told = canvas.shortened("a kitchen with a very long name", 60)
    assert told.endswith("..")
    assert canvas.text_width(told) <= 60
    assert canvas.shortened("short", 60) == "short"


def test_text_leaves_ink_where_it_is_written() -> None:
    page = canvas.blank(100, 40)
    canvas.write(page, "edge", (10, 25))
    rows, columns = np.nonzero((page < 200).all(axis=2))
    assert rows.min() >= 10
    assert rows.max() <= 32
    assert columns.min() >= 8


def test_pictures_of_training_get_opencvs_order_of_colours() -> None:
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 0] = 255
    assert canvas.bgr(red).tolist() == [[[0, 0, 255]]]
    assert canvas.bgr(np.full((1, 1, 1), 7, np.uint8)).tolist() == [[[7, 7, 7]]]


def test_a_picture_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    page = canvas.blank(8, 6)
    file = canvas.save_picture(page, tmp_path / "page.png")
    read = cv2.imread(str(file))
    assert read is not None
    assert np.array_equal(read, page)
    with pytest.raises(TrainingError, match="cannot be written"):
        canvas.save_picture(page, tmp_path / "nowhere" / "page.png")
    assert [each.name for each in tmp_path.iterdir()] == ["page.png"]
