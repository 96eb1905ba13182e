from __future__ import annotations

import numpy as np
import pytest

from edge_vision.data import geometry
from edge_vision.data.frame import Image
from edge_vision.data.warp import reference_warp, shrink_factor
from edge_vision.testing import still

RED = (0, 0, 255)


def noise(width: int, height: int) -> Image:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("matrix", "factor"),
    [
        (geometry.identity(), 1),
        (geometry.scaling(1.99, 5), 1),
        (geometry.scaling(2, 2), 2),
        (geometry.scaling(-3.5, 4.2), 2),
        (geometry.scaling(7.9, 8.0), 4),
        (geometry.scaling(8.0, 9.0), 8),
        (geometry.rotation(30) @ geometry.scaling(2, 2), 2),
        (geometry.scaling(0.2, 0.2), 1),
        (np.array([[9.0, 0, 0], [0, 9, 0], [0.001, 0, 1]]), 1),
    ],
)
def test_it_averages_powers_of_two_that_fit_the_slower_axis(matrix: geometry.Map, factor: int) -> None:
    assert shrink_factor(matrix) == factor


def test_the_identity_gives_the_image() -> None:
    image = noise(9, 7)
    np.testing.assert_array_equal(reference_warp(image, geometry.identity(), (9, 7), RED), image)


def test_mirrors_and_quarter_turns_are_exact() -> None:
    image = noise(9, 7)
    mirror = geometry.translation(9, 0) @ geometry.scaling(-1, 1)
    np.testing.assert_array_equal(reference_warp(image, mirror, (9, 7), RED), image[:, ::-1])
    quarter = geometry.translation(0, 7) @ geometry.rotation(-90)
    np.testing.assert_array_equal(
        reference_warp(image, np.round(quarter, 9), (7, 9), RED), np.rot90(image, -1)
    )


def test_half_the_size_is_the_average_of_blocks() -> None:
    image = noise(8, 6)
    wanted = (image.reshape(3, 2, 4, 2, 3).sum(axis=(1, 3)) + 2) // 4
    np.testing.assert_array_equal(reference_warp(image, geometry.scaling(2, 2), (4, 3), RED), wanted)


def test_between_two_pixels_lies_their_mean() -> None:
    image = np.array([[[0] * 3, [100] * 3]], dtype=np.uint8)
    assert reference_warp(image, geometry.translation(0.5, 0), (1, 1), RED).tolist() == [[[50] * 3]]


def test_what_lies_outside_has_the_border_colour() -> None:
    pixels = reference_warp(still(9, 4, 4), geometry.translation(2, 0), (4, 4), RED)
    assert (pixels[:, :2] == 9).all()
    assert (pixels[:, 2:] == RED).all()


def test_what_lies_outside_the_window_has_the_border_colour() -> None:
    window = geometry.corners(2, 4)
    for wound in (window, window[::-1]):
        pixels = reference_warp(still(9, 4, 4), geometry.identity(), (4, 4), RED, wound)
        assert (pixels[:, :2] == 9).all()
        assert (pixels[:, 2:] == RED).all()


def test_an_empty_window_shows_nothing() -> None:
    pixels = reference_warp(still(9, 4, 4), geometry.identity(), (4, 4), RED, np.zeros((0, 2)))
    assert (pixels == RED).all()


def test_an_image_narrower_than_a_block_still_gives_pixels() -> None:
    pixels = reference_warp(still(9, 40, 3), geometry.scaling(5, 5), (8, 1), RED)
    assert (pixels == 9).all()


def test_a_perspective_across_its_horizon_gives_pixels_without_a_warning() -> None:
    matrix = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0.2, -1.1]])
    assert reference_warp(still(9, 8, 8), matrix, (8, 8), RED).shape == (8, 8, 3)
    on_a_row_of_centres = np.array([[1.0, 0, 0], [0, 1, 0], [0, 2.0, -3.0]])
    assert reference_warp(still(9, 8, 8), on_a_row_of_centres, (8, 8), RED).shape == (8, 8, 3)
