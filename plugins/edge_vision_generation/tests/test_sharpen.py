from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from edge_vision_generation import Sharpen
from numpy.typing import NDArray

from edge_vision import ConfigError, ModelError, Picture, Result, TensorSpec, View, geometry
from edge_vision.testing import FakeModel, make_frame, make_stage, still

Pixels = NDArray[np.uint8]


def doubling(side: int = 8, factor: int = 2) -> FakeModel:
    """A model of brightness that gives each pixel several times, ten levels brighter."""
    given = TensorSpec("image", (1, side, side, 1), "uint8", meaning="image")
    shape = (1, factor * side, factor * side, 1)

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        large = inputs["image"].repeat(factor, axis=1).repeat(factor, axis=2)
        return {"picture": large.astype(np.float32) + 10.0}

    return FakeModel([given], [TensorSpec("picture", shape, "float32", meaning="image")], answer)


def sharpen(**options: Any) -> Sharpen:
    return make_stage(Sharpen, {"m": doubling()}, model="m", **options)


def seen(width: int = 20, height: int = 12, index: int = 0) -> Result:
    """A frame of vertical stripes, black and white, two pixels wide."""
    image = still(0, width, height).copy()
    image[:, np.arange(width) // 2 % 2 == 1] = 200
    return Result.of(make_frame(image, index))


def cropped(result: Result, left: int, top: int, size: tuple[int, int]) -> Result:
    return result.with_view(result.view.mapped(geometry.translation(left, top), size))


def test_later_stages_see_twice_as_many_pixels_made_by_the_model() -> None:
    view = sharpen()(seen()).view
    assert view.size == (40, 24)
    pixels = view.pixels()
    assert pixels[0, :4].tolist() == [[10] * 3] * 4
    assert pixels[23, 4:8].tolist() == [[210] * 3] * 4


def test_boxes_found_in_the_sharpened_view_are_in_pixels_of_the_frame() -> None:
    view = sharpen()(cropped(seen(), 4, 2, (10, 6))).view
    assert view.size == (20, 12)
    assert view.boxes_to_frame([[0, 0, 20, 12]]).tolist() == [[4, 2, 14, 8]]
    assert view.pixels()[0, 0].tolist() == [10, 10, 10]


def test_what_comes_after_takes_its_pixels_from_the_sharpened_view() -> None:
    view = sharpen()(cropped(seen(), 4, 2, (8, 6))).view
    part = view.mapped(geometry.translation(4, 0), (4, 4)).pixels()
    assert (part == 210).all()


def test_the_frame_itself_stays_as_it_was() -> None:
    before = seen()
    after = sharpen()(before)
    assert after.frame is before.frame
    assert not after.findings


def test_a_view_with_too_many_pixels_is_left_as_it_is_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = sharpen(most=200)
    result = seen()
    assert stage(result) is result
    assert stage(result) is result
    assert len(caplog.records) == 1
    assert "20 x 12 pixels is not sharpened" in caplog.text
    assert "raise most" in caplog.text
    assert stage(cropped(result, 0, 0, (20, 10))).view.size == (40, 20)


def test_the_sharpened_view_is_sent_where_that_is_wanted() -> None:
    stage = sharpen(send=True, picture="close")
    assert stage.stateful
    result = stage(cropped(seen(), 4, 2, (10, 6)))
    (picture,) = result.all(Picture)
    assert picture.name == "close"
    assert picture.image.shape == (12, 20, 3)
    assert (picture.image == result.view.pixels()).all()
    assert picture.to_frame is not None
    corners = geometry.map_points(picture.to_frame, [(0, 0), (20, 12)])
    assert corners.tolist() == [[4, 2], [14, 8]]


def test_pictures_are_sent_no_more_often_than_wanted_and_each_view_is_sharpened() -> None:
    stage = sharpen(send=True, fps=2.0)
    results = [stage(seen(index=index)) for index in range(11)]  # ten frames a second
    assert [len([*result.all(Picture)]) for result in results] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    assert all(result.view.size == (40, 24) for result in results)


def test_what_hides_people_hides_them_in_the_sharpened_view_too() -> None:
    result = sharpen(send=True)(cropped(seen(), 4, 2, (10, 6)))

    def paint(image: Pixels, to_frame: geometry.Map) -> Pixels:
        return np.full_like(image, 77)

    painted = result.repainted(paint)
    assert (painted.view.pixels() == 77).all()
    assert all((picture.image == 77).all() for picture in painted.all(Picture))


def test_without_pictures_frames_may_go_through_at_once() -> None:
    assert not sharpen().stateful


def test_a_model_that_makes_nothing_larger_is_refused() -> None:
    with pytest.raises(ModelError, match="gives 8 x 8 pixels for 8 x 8"):
        make_stage(Sharpen, {"m": doubling(factor=1)}, model="m")
    with pytest.raises(ConfigError, match="no such model"):
        make_stage(Sharpen, {"m": doubling()}, model="n")


def test_a_picture_may_become_more_than_twice_as_large() -> None:
    stage = make_stage(Sharpen, {"m": doubling(factor=3)}, model="m")
    view = stage(seen()).view
    assert isinstance(view, View)
    assert view.size == (60, 36)
