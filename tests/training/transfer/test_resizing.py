"""Resizing places pixels as TFLite does, in each of its three ways."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edge_vision.training.transfer.resizing import resized, resizing_matrix


@pytest.mark.parametrize(
    ("ways", "expected"),
    [
        ({}, [0.0, 5.0, 10.0, 10.0]),
        ({"corners": True}, [0.0, 10 / 3, 20 / 3, 10.0]),
        ({"centres": True}, [0.0, 2.5, 7.5, 10.0]),
    ],
)
def test_bilinear_rows_weigh_their_neighbours(ways: dict[str, bool], expected: list[float]) -> None:
    matrix = resizing_matrix(2, 4, "bilinear", **ways)
    np.testing.assert_allclose(matrix @ [0.0, 10.0], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("ways", "expected"),
    [({}, [0, 0, 1, 1, 2]), ({"corners": True}, [0, 1, 1, 2, 2]), ({"centres": True}, [0, 0, 1, 2, 2])],
)
def test_the_nearest_takes_one_pixel_each(ways: dict[str, bool], expected: list[int]) -> None:
    assert resizing_matrix(3, 5, "nearest", **ways).argmax(axis=1).tolist() == expected


def test_maps_are_resized_along_both_sides() -> None:
    values = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)
    given = np.asarray(resized(values, (4, 3), "nearest"))
    np.testing.assert_array_equal(given[0, :, :, 0], [[0, 1, 2], [0, 1, 2], [3, 4, 5], [3, 4, 5]])
