from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_vision.builtin.warp import opencv_warp
from edge_vision.data import geometry
from edge_vision.data.frame import Image
from edge_vision.data.view import View
from edge_vision.data.warp import Colour, Window, reference_warp
from edge_vision.testing import make_frame

BORDER: Colour = (10, 200, 90)
CLOSE = 2
"""Grey levels by which correct roundings, one after the other, may differ."""


def noise(width: int, height: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(width: int, height: int, seed: int = 0) -> Image:
    """A picture without fine detail: OpenCV 4 rounds the positions it warps from to 1/32 pixel."""
    blurred = cv2.GaussianBlur(noise(width, height, seed).astype(np.float32), (0, 0), 3.0)
    spread = (blurred - blurred.min()) / (blurred.max() - blurred.min())
    return np.asarray(np.rint(spread * 255), dtype=np.uint8)


def edges(
    matrix: geometry.Map, size: tuple[int, int], polygon: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Pixels whose centres map so near a side of the polygon that rounding decides on which side."""
    columns, rows = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    points = geometry.map_points(matrix, np.column_stack([columns.ravel(), rows.ravel()]))
    near = np.zeros(len(points), dtype=bool)
    for start, end in pairwise([*polygon, polygon[0]]):
        along = end - start
        length = float(np.hypot(*along))
        if length > 0:
            offset = points - start
            near |= np.abs(along[0] * offset[:, 1] - along[1] * offset[:, 0]) / length < 1e-4
    return near.reshape(size[1], size[0])


def assert_as_defined(
    image: Image,
    matrix: geometry.Map,
    size: tuple[int, int],
    window: Window | None = None,
) -> Image:
    got = opencv_warp(image, matrix, size, BORDER, window)
    wanted = reference_warp(image, matrix, size, BORDER, window)
    assert got.shape == wanted.shape
    assert got.dtype == np.uint8
    unsure = edges(matrix, size, geometry.corners(image.shape[1], image.shape[0]))
    if window is not None and len(window):
        unsure |= edges(matrix, size, window)
    difference = np.abs(got.astype(int) - wanted).max(axis=2)
    assert difference[~unsure].max(initial=0) <= CLOSE
    return got


UPRIGHT = {
    "as it is": (geometry.identity(), (64, 48)),
    "crop": (geometry.translation(7, 11), (30, 20)),
    "crop over the edge": (geometry.translation(-5, 30), (40, 40)),
    "beside the image": (geometry.translation(200, 0), (20, 20)),
    "smaller": (geometry.scaling(1.6, 1.5), (40, 32)),
    "larger": (geometry.scaling(0.5, 0.25), (128, 192)),
    "half": (geometry.scaling(2, 2), (32, 24)),
    "a third, not whole blocks": (geometry.scaling(64 / 21, 3), (21, 16)),
    "a fifth, and a rest": (geometry.scaling(64 / 12, 48 / 9), (12, 9)),
    "a reduced part": (geometry.translation(9, 7) @ geometry.scaling(2, 2), (20, 15)),
    "letterbox": (geometry.scaling(1.6, 1.6) @ geometry.translation(0, -5), (40, 40)),
    "pillarbox, reduced": (geometry.scaling(2, 2) @ geometry.translation(-6, 0), (44, 24)),
}


@pytest.mark.parametrize(("matrix", "size"), UPRIGHT.values(), ids=UPRIGHT.keys())
def test_upright_maps_of_whole_pixels_agree_with_the_definition_even_on_noise(
    matrix: geometry.Map, size: tuple[int, int]
) -> None:
    assert_as_defined(noise(64, 48), matrix, size)


OTHERS = {
    "an enlarged part": (geometry.translation(10, 8) @ geometry.scaling(0.2, 0.2), (60, 50)),
    "letterbox between pixels": (
        geometry.scaling(1.7, 1.7) @ geometry.translation(-0.3, -5.2),
        (40, 40),
    ),
    "half a pixel aside": (geometry.translation(0.5, 0.25), (60, 44)),
    "mirror": (np.array([[-1.0, 0, 64], [0, 1, 0], [0, 0, 1]]), (64, 48)),
    "upside down, reduced": (np.array([[-2.0, 0, 64], [0, -2, 48], [0, 0, 1]]), (32, 24)),
    "quarter": (geometry.translation(64, 0) @ geometry.rotation(90), (48, 64)),
    "rotate": (geometry.rotation(17, (32, 24)), (64, 48)),
    "rotate and reduce": (geometry.rotation(-33, (32, 24)) @ geometry.scaling(2.4, 2.4), (27, 20)),
    "shear": (np.array([[1.0, 0.3, -4], [0.1, 1.1, 2], [0, 0, 1]]), (64, 48)),
    "perspective": (
        geometry.perspective(geometry.corners(40, 40), [(9, 5), (50, 2), (63, 45), (3, 40)]),
        (40, 40),
    ),
    "perspective over the edge": (
        geometry.perspective(geometry.corners(40, 40), [(-9, 5), (50, -12), (80, 45), (3, 60)]),
        (40, 40),
    ),
}


@pytest.mark.parametrize(("matrix", "size"), OTHERS.values(), ids=OTHERS.keys())
def test_all_other_maps_agree_with_the_definition(matrix: geometry.Map, size: tuple[int, int]) -> None:
    assert_as_defined(smooth(64, 48), matrix, size)


def test_what_lies_behind_the_horizon_of_a_perspective_is_as_defined() -> None:
    matrix = np.array([[1.0, 0.2, 0.0], [0.1, 1.0, 0.0], [-0.031, 0.0, 1.0]])
    assert_as_defined(np.full((48, 64, 3), 77, np.uint8), matrix, (64, 48))


def test_a_crop_is_a_slice_and_copies_nothing() -> None:
    image = noise(64, 48)
    part = opencv_warp(image, geometry.translation(7, 11), (30, 20), BORDER)
    assert np.shares_memory(part, image)
    np.testing.assert_array_equal(part, image[11:31, 7:37])


def test_a_plain_reduction_is_cv2_resize() -> None:
    image = noise(768, 432)
    size = (300, 300)
    matrix = geometry.scaling(768 / 300, 1.44)
    np.testing.assert_array_equal(
        opencv_warp(image, matrix, size, BORDER), cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    )


def test_a_reduced_letterbox_is_cv2_resize_in_a_frame() -> None:
    image = noise(720, 432)
    resized = cv2.resize(image, (500, 300), interpolation=cv2.INTER_LINEAR)
    matrix = geometry.scaling(1.44, 1.44) @ geometry.translation(0, -100)
    boxed = opencv_warp(image, matrix, (500, 500), BORDER)
    np.testing.assert_array_equal(boxed[100:400], resized)
    assert (boxed[:100] == BORDER).all()
    assert (boxed[400:] == BORDER).all()


def test_a_small_bright_thing_survives_a_strong_reduction() -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    image[241:243, 321:323] = 255
    assert opencv_warp(image, geometry.scaling(8, 8), (80, 60), BORDER).max() >= 15


def test_a_crop_of_a_reduction_sees_the_same_averages_as_the_whole() -> None:
    image = noise(64, 48)
    whole = opencv_warp(image, geometry.scaling(4, 4), (16, 12), BORDER)
    matrix = geometry.scaling(4, 4) @ geometry.translation(5, 3)
    np.testing.assert_array_equal(opencv_warp(image, matrix, (8, 6), BORDER), whole[3:9, 5:13])


def test_an_image_narrower_than_the_blocks_still_gives_pixels() -> None:
    image = np.full((3, 3, 3), 50, np.uint8)
    got = opencv_warp(image, geometry.scaling(5, 5), (2, 2), BORDER)
    assert (got[0, 0] == 50).all()
    assert (got[1, 1] == BORDER).all()


WINDOWS = {
    "rectangle": np.array([[10.0, 8], [50, 8], [50, 40], [10, 40]]),
    "counter-clockwise": np.array([[10.0, 40], [50, 40], [50, 8], [10, 8]]),
    "between pixels": np.array([[10.3, 8.6], [50.2, 8.6], [50.2, 40.9], [10.3, 40.9]]),
    "over the edge": np.array([[-10.0, -8], [30, -8], [30, 40], [-10, 40]]),
    "triangle": np.array([[32.0, 2], [60, 44], [3, 40]]),
    "empty": np.zeros((0, 2)),
    "elsewhere": np.array([[100.0, 100], [120, 100], [110, 120]]),
}


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS.keys())
@pytest.mark.parametrize(
    "matrix",
    [geometry.identity(), geometry.scaling(1.25, 1.25), geometry.rotation(20, (32, 24))],
    ids=["as it is", "smaller", "rotate"],
)
def test_a_window_hides_what_is_outside_of_it(window: Window, matrix: geometry.Map) -> None:
    assert_as_defined(smooth(64, 48), matrix, (64, 48), window)


numbers = st.floats(-20, 60, allow_nan=False)


@settings(max_examples=150, deadline=None)
@given(
    scale=st.tuples(st.floats(0.2, 6), st.floats(0.2, 6)),
    angle=st.floats(-180, 180),
    move=st.tuples(numbers, numbers),
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
)
def test_any_affine_map_agrees_with_the_definition(
    scale: tuple[float, float], angle: float, move: tuple[float, float], size: tuple[int, int]
) -> None:
    matrix = geometry.translation(*move) @ geometry.rotation(angle) @ geometry.scaling(*scale)
    assert_as_defined(smooth(64, 48), matrix, size)


@settings(max_examples=150, deadline=None)
@given(
    region=st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(1, 24), st.integers(1, 18)),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
)
def test_any_stretched_crop_of_noise_is_nearly_exact(
    region: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    x, y, width, height = region
    matrix = geometry.translation(x, y) @ geometry.scaling(width / size[0], height / size[1])
    image = smooth(64, 48) if width < size[0] or height < size[1] else noise(64, 48)
    assert_as_defined(image, matrix, size)


def views(view: View) -> list[View]:
    """The view after a few steps, as a pipeline of geometry stages makes them."""
    cropped = view.mapped(geometry.translation(8, 6), (48, 36))
    turned = cropped.mapped(geometry.rotation(12, (24, 18)), (48, 36), BORDER)
    boxed = turned.mapped(geometry.scaling(1.5, 1.5) @ geometry.translation(0, -4), (32, 32))
    back = boxed.mapped(geometry.rotation(-12, (16, 16)), (32, 32))
    tilted = back.mapped(
        geometry.perspective(geometry.corners(30, 30), [(2, 1), (30, 3), (31, 30), (0, 28)]), (30, 30)
    )
    return [view.resized((40, 40)), cropped, turned, boxed, back, tilted, cropped.resized((20, 20))]


@pytest.mark.parametrize("step", range(7))
def test_chains_of_views_agree_with_the_definition(step: int) -> None:
    frame = make_frame(smooth(64, 48))
    got = views(View.of(frame, opencv_warp))[step]
    wanted = views(View.of(frame, reference_warp))[step]
    pixels = got.pixels()
    unsure = edges(got.to_frame, got.size, geometry.corners(64, 48))
    if got.window is not None:
        unsure |= edges(got.to_frame, got.size, got.window)
    difference = np.abs(pixels.astype(int) - wanted.pixels()).max(axis=2)
    assert difference[~unsure].max() <= CLOSE
    assert unsure.mean() < 0.2


def test_pixels_of_a_view_cannot_be_written_to() -> None:
    view = View.of(make_frame(noise(64, 48)), opencv_warp).mapped(geometry.translation(1, 1), (20, 20))
    with pytest.raises(ValueError, match="read-only"):
        view.pixels()[0, 0] = 0


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("start", [(0, 0), (7, 4)])
def test_whole_blocks_are_averaged_exactly(factor: int, start: tuple[int, int]) -> None:
    image = noise(40 * factor + 11, 20 * factor + 5)
    matrix = geometry.translation(factor * start[0], factor * start[1]) @ geometry.scaling(
        factor, factor
    )
    size = 30, 14
    got = opencv_warp(image, matrix, size, BORDER)
    assert np.array_equal(got, reference_warp(image, matrix, size, BORDER))
