"""Enlarging: pictures of any size through a model that doubles those of one size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.adapters.enlarging import Enlarger, pixels_behind
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data import geometry
from edge_vision.data.errors import ModelError, StageError
from edge_vision.data.view import View
from edge_vision.testing import FakeModel, make_frame, still

REACH = 3
KERNEL = np.array([1, 2, 3, 4, 3, 2, 1], np.float32) / 16.0
"""What the models here blur by: so far around a place they look."""

Pixels = NDArray[np.uint8]


def blurring(width: int = 24, height: int = 16, channels: int = 1, factor: int = 2) -> FakeModel:
    """A model whose picture is the given one, blurred and each pixel several times, mirrored outside."""
    given = TensorSpec("image", (1, height, width, channels), "uint8", meaning="image")
    shape = (1, factor * height, factor * width, channels)

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        blurred = cv2.sepFilter2D(inputs["image"][0].astype(np.float32), -1, KERNEL, KERNEL)
        large = blurred.repeat(factor, axis=0).repeat(factor, axis=1)
        return {"picture": large.reshape(shape)}

    return FakeModel([given], [TensorSpec("picture", shape, "float32", meaning="image")], answer)


def noise(width: int, height: int, channels: int = 3) -> Pixels:
    picture = np.random.default_rng(1).integers(0, 256, (height, width, channels), np.uint8)
    return np.asarray(picture if channels == 3 else picture[..., 0])


def wanted(plane: Pixels) -> Pixels:
    """What one model as large as the picture gives."""
    blurred = cv2.sepFilter2D(plane.astype(np.float32), -1, KERNEL, KERNEL)
    return np.clip(np.rint(blurred), 0, 255).astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)


@pytest.mark.parametrize(
    ("width", "height"),
    [(24, 16), (25, 16), (24, 17), (100, 80), (43, 27), (42, 26), (320, 180), (10, 8), (24, 100)],
)
def test_tiles_give_what_a_model_as_large_as_the_picture_gives(width: int, height: int) -> None:
    plane = noise(width, height, 1)
    assert (Enlarger(blurring()).brightness(plane) == wanted(plane)).all()


def test_how_far_around_a_place_the_model_looks_is_found_out() -> None:
    assert Enlarger(blurring()).reach == REACH


def test_tiles_are_as_few_as_overlap_far_enough() -> None:
    model = blurring()
    enlarge = Enlarger(model)
    model.calls.clear()
    enlarge.brightness(noise(24 + 18, 16 + 10, 1))
    assert len(model.calls) == 2 * 2
    model.calls.clear()
    enlarge.brightness(noise(24 + 19, 16, 1))
    assert len(model.calls) == 3


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (1, 40), (3, 3)])
def test_the_smallest_pictures_become_twice_as_large(size: tuple[int, int]) -> None:
    large = Enlarger(blurring())(np.full((size[1], size[0], 3), (10, 100, 200), np.uint8))
    assert large.shape == (2 * size[1], 2 * size[0], 3)
    assert np.abs(large.astype(int) - (10, 100, 200)).max() <= 2


def test_brightness_is_the_models_and_colours_are_interpolated() -> None:
    picture = np.asarray(cv2.GaussianBlur(noise(60, 40), (0, 0), 3.0), np.uint8)
    large = Enlarger(blurring())(picture)
    parts = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb), np.uint8)
    made = cv2.cvtColor(large, cv2.COLOR_BGR2YCrCb)
    assert np.abs(made[..., 0].astype(int) - wanted(parts[..., 0])).max() <= 2
    colours = cv2.resize(parts[..., 1:], (120, 80), interpolation=cv2.INTER_CUBIC)
    assert np.abs(made[..., 1:].astype(int) - colours).max() <= 3


def test_a_model_of_colours_gets_red_green_and_blue() -> None:
    picture = noise(50, 30)
    enlarge = Enlarger(blurring(channels=3))
    assert enlarge.colours
    large = enlarge(picture)
    for channel in range(3):
        assert (large[..., channel] == wanted(picture[..., channel])).all()
    with pytest.raises(StageError, match="takes colours"):
        enlarge.brightness(picture[..., 0])


def test_it_may_be_more_than_twice() -> None:
    enlarge = Enlarger(blurring(factor=3))
    assert enlarge.factor == 3
    assert enlarge(noise(30, 20)).shape == (60, 90, 3)


def test_a_model_that_looks_at_all_of_its_picture_still_gets_tiles() -> None:
    given = TensorSpec("image", (1, 16, 16, 1), "uint8", meaning="image")
    shape = (1, 32, 32, 1)

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {"picture": np.full(shape, inputs["image"].mean(), np.float32)}

    model = FakeModel([given], [TensorSpec("picture", shape, "float32", meaning="image")], answer)
    enlarge = Enlarger(model)
    assert enlarge.reach == 4
    assert enlarge(noise(50, 40)).shape == (80, 100, 3)


def test_values_of_0_to_1_are_told_by_looking_at_some() -> None:
    given = TensorSpec("image", (1, 8, 8, 1), "float32", meaning="image")
    shape = (1, 16, 16, 1)

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {"picture": inputs["image"].repeat(2, axis=1).repeat(2, axis=2)}

    model = FakeModel([given], [TensorSpec("picture", shape, "float32", meaning="image")], answer)
    assert (Enlarger(model)(still(3, 20, 20)) == 3).all()


def other(outputs: tuple[int, ...], inputs: tuple[int, ...] = (1, 8, 8, 3)) -> FakeModel:
    given = TensorSpec("image", inputs, "uint8", meaning="image")
    made = TensorSpec("picture", outputs, "float32", meaning="image")
    return FakeModel([given], [made], lambda _: {"picture": np.zeros(outputs, np.float32)})


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (other((1, 8, 8, 3)), "gives 8 x 8 pixels for 8 x 8"),
        (other((1, 16, 24, 3)), "gives 24 x 16 pixels for 8 x 8"),
        (other((1, 12, 12, 3)), "another whole number of times"),
        (other((1, 16, 16, 1)), "takes coloured pictures and gives grey ones"),
    ],
)
def test_a_model_for_something_else_is_refused(model: FakeModel, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        Enlarger(model)


def test_a_classifier_is_refused_by_its_task() -> None:
    given = TensorSpec("image", (1, 8, 8, 3), "uint8", meaning="image")
    scores = TensorSpec("scores", (1, 3), "float32", meaning="scores")
    model = FakeModel(
        [given], [scores], lambda _: {"scores": np.zeros((1, 3), np.float32)}, ("a", "b", "c")
    )
    with pytest.raises(ModelError, match="its task is classify"):
        Enlarger(model)


# Views


def test_a_view_gets_more_pixels_of_the_same_place() -> None:
    frame = make_frame(noise(64, 48))
    view = View.of(frame).mapped(geometry.translation(10, 20), (30, 20))
    large = Enlarger(blurring()).view(view)
    assert large.size == (60, 40)
    assert (large.pixels() == Enlarger(blurring())(view.pixels())).all()
    box = large.boxes_to_frame([[0, 0, 60, 40]])
    assert box.tolist() == [[10, 20, 40, 40]]


def enlarged_for(view: View, size: tuple[int, int], make: Callable[[], FakeModel] = blurring) -> View:
    return Enlarger(make()).view_for(view, size)


def test_a_view_is_made_larger_where_the_picture_behind_it_has_too_few_pixels() -> None:
    view = View.of(make_frame(noise(64, 48)))
    small = view.mapped(geometry.translation(3, 3), (20, 10))
    assert enlarged_for(small, (32, 16)).size == (40, 20)
    assert enlarged_for(small, (20, 16)) is small
    assert enlarged_for(small, (32, 10)) is small


def test_what_counts_is_the_picture_behind_and_not_the_size_of_the_view() -> None:
    view = View.of(make_frame(noise(64, 48)))
    shrunk = view.resized((16, 12))
    assert pixels_behind(shrunk) == (64, 48)
    assert enlarged_for(shrunk, (32, 24)) is shrunk
    assert enlarged_for(shrunk, (100, 100)).size == (128, 96)
    grown = view.mapped(geometry.translation(5, 5), (10, 8)).resized((40, 32))
    assert enlarged_for(grown, (30, 30)).size == (20, 16)


def test_of_a_view_that_is_turned_the_pixels_are_counted_along_its_sides() -> None:
    view = View.of(make_frame(noise(64, 48))).mapped(geometry.rotation(90.0, (32, 24)), (30, 20))
    assert pixels_behind(view) == (30, 20)
    tilted = geometry.perspective([(0, 0), (9, 0), (9, 9), (0, 9)], [(0, 0), (9, 1), (8, 9), (0, 9)])
    assert pixels_behind(view.mapped(tilted, (12, 10))) == (12, 10)
