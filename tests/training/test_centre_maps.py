"""Centre maps: hills about the middles of boxes, and the box that each cell learns."""

from __future__ import annotations

import numpy as np
import pytest

from edge_vision.adapters.centres import boxes_about, peaks
from edge_vision.training.centre_maps import centre_maps

SIZE, GRID = (160, 80), (20, 10)


def test_a_hill_is_one_at_the_middle_and_falls_by_the_box_s_own_proportions() -> None:
    made = centre_maps(np.array([[40, 8, 120, 40]]), np.array([1]), SIZE, GRID, 2)
    assert made.heights.shape == (10, 20, 2)
    assert made.heights[..., 0].max() == 0.0
    row, column = np.unravel_index(made.heights[..., 1].argmax(), GRID[::-1])
    assert (int(row), int(column)) == (3, 10)
    assert made.heights[row, column, 1] == 1.0
    across, down = made.heights[3, 11, 1], made.heights[4, 10, 1]
    assert 0.0 < down < across < 1.0


def test_cells_at_the_top_learn_the_box_and_others_none() -> None:
    box = np.array([40.0, 8.0, 120.0, 40.0])
    made = centre_maps(box[np.newaxis], np.array([0]), SIZE, GRID, 1)
    learning = np.asarray(made.corners.any(axis=2))
    assert learning[3, 10]
    assert (made.heights[..., 0][learning] >= 0.5).all()
    assert made.corners[3, 10] == pytest.approx(box / np.array([*SIZE, *SIZE]))


def test_where_boxes_meet_the_smaller_one_is_learnt() -> None:
    boxes = np.array([[60.0, 20.0, 100.0, 60.0], [0.0, 0.0, 160.0, 80.0]])
    for order in ([0, 1], [1, 0]):
        made = centre_maps(boxes[order], np.array([0, 0]), SIZE, GRID, 1)
        assert made.corners[5, 10] == pytest.approx([0.375, 0.25, 0.625, 0.75])


def test_a_picture_without_boxes_has_empty_maps() -> None:
    made = centre_maps(np.zeros((0, 4)), np.zeros(0, np.int64), SIZE, GRID, 3)
    assert not made.heights.any()
    assert not made.corners.any()


def test_a_middle_at_the_edge_stays_in_the_map() -> None:
    made = centre_maps(np.array([[150.0, 70.0, 170.0, 90.0]]), np.array([0]), SIZE, GRID, 1)
    assert made.heights[9, 19, 0] == 1.0


def test_the_decoder_finds_the_boxes_that_the_maps_were_drawn_from() -> None:
    boxes = np.array([[10.0, 10.0, 60.0, 70.0], [90.0, 20.0, 150.0, 60.0]], np.float32)
    made = centre_maps(boxes, np.array([0, 0]), SIZE, GRID, 1)
    cells = peaks(made.heights[..., 0], 0.9)
    columns, rows = GRID
    middles = np.stack([(cells % columns + 0.5) / columns, (cells // columns + 0.5) / rows], axis=1)
    corners = made.corners.reshape(-1, 4)[cells]
    sides = np.concatenate([middles - corners[:, :2], corners[:, 2:] - middles], axis=1)
    found = boxes_about(cells, sides, GRID) * np.array([*SIZE, *SIZE])
    np.testing.assert_allclose(found[found[:, 0].argsort()], boxes, atol=1e-4)
