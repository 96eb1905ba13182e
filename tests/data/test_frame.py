from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.data.errors import StageError
from edge_vision.data.frame import Frame, as_image, read_only
from edge_vision.testing import make_frame, still

NOW = datetime(2026, 11, 22, 20, tzinfo=UTC)


def test_an_image_of_three_channels_is_not_copied() -> None:
    pixels = still(7)
    assert np.shares_memory(as_image(pixels), pixels)


def test_an_image_that_is_as_expected_is_the_very_same() -> None:
    pixels = read_only(still(7))
    assert as_image(pixels) is pixels


def test_the_giver_may_still_write_to_what_it_gave_but_nobody_through_the_frame() -> None:
    pixels = still(7)
    frame = make_frame(pixels)
    with pytest.raises(ValueError, match="read-only"):
        frame.image[0, 0] = 0
    assert pixels.flags.writeable


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1)])
def test_grey_is_spread_over_three_channels(shape: tuple[int, ...]) -> None:
    grey = np.arange(20, dtype=np.uint8).reshape(shape)
    image = as_image(grey)
    assert image.shape == (4, 5, 3)
    for channel in range(3):
        np.testing.assert_array_equal(image[:, :, channel], grey.reshape(4, 5))


def test_alpha_is_cut_off() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 4), dtype=np.uint8)
    image = as_image(pixels)
    np.testing.assert_array_equal(image, pixels[:, :, :3])
    assert image.flags.c_contiguous
    assert not image.flags.writeable


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 5, 2), np.uint8),
        np.zeros((4, 5, 5), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
        np.zeros((4, 5, 0), np.uint8),
        np.zeros((4,), np.uint8),
        np.zeros((1, 4, 5, 3), np.uint8),
        np.zeros((4, 5, 3), np.float32),
        np.zeros((4, 5, 3), np.int8),
        np.zeros((4, 5, 3), np.bool_),
    ],
    ids=lambda array: f"{array.shape} {array.dtype}",
)
def test_what_is_no_image_is_refused_and_named(array: NDArray[Any]) -> None:
    with pytest.raises(StageError, match=r"an image (is|has)"):
        make_frame(array)


def test_width_and_height_are_plain_numbers() -> None:
    frame = make_frame(still(width=7, height=3))
    assert (frame.width, frame.height) == (7, 3)
    assert type(frame.width) is type(frame.height) is int


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(StageError, match="captured_at has no time zone"):
        Frame(still(), "porch", 0, NOW.replace(tzinfo=None), 0.0)


def test_a_moment_of_another_time_zone_is_taken() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=-5)))
    assert Frame(still(), "porch", 0, there, 0.0).captured_at == NOW


def test_a_frame_is_frozen() -> None:
    frame = make_frame(still())
    with pytest.raises(FrozenInstanceError):
        frame.index = 2  # type: ignore[misc]
