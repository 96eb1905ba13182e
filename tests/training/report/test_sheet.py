"""Sheets of small pictures."""

from __future__ import annotations

import numpy as np

from edge_vision.training.report.sheet import LARGE, SIDE, columns_of, sheet


def test_pictures_of_any_shape_stand_in_rows_with_their_texts() -> None:
    pictures = [np.full((10 + n, 20, 3), 90, np.uint8) for n in range(columns_of(SIDE) + 1)]
    one_row = sheet(pictures[: columns_of(SIDE)], ["text"] * columns_of(SIDE))
    two_rows = sheet(pictures, ["text\nmore"] * (columns_of(SIDE) + 1))
    assert one_row.shape[1] == two_rows.shape[1]
    assert two_rows.shape[0] > 2 * one_row.shape[0] - 20


def test_a_red_picture_is_red() -> None:
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    page = sheet([red], [""])
    assert page[80, 80].tolist() == [0, 0, 255]


def test_a_sheet_of_nothing_is_white() -> None:
    assert (sheet([], []) == 255).all()


def test_larger_pictures_stand_in_rows_about_as_wide() -> None:
    pictures = [np.full((10, 20, 3), 90, np.uint8)] * 12
    small, large = sheet(pictures, [""] * 12), sheet(pictures, [""] * 12, LARGE)
    assert abs(small.shape[1] - large.shape[1]) < LARGE
    assert columns_of(10 * LARGE) == 1
