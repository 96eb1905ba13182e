from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from edge_vision_generation import Generate
from numpy.typing import NDArray

from edge_vision import (
    ConfigError,
    ModelError,
    Picture,
    Quantisation,
    Result,
    StageError,
    TensorSpec,
    geometry,
)
from edge_vision.adapters.pictures import range_of, stored_range
from edge_vision.testing import FakeModel, make_frame, make_stage, run, still

IMAGE = TensorSpec("image", (1, 8, 8, 3), "float32", meaning="image")


def constant(
    value: Any, dtype: str = "float32", quantisation: Quantisation | None = None, channels: int = 3
) -> FakeModel:
    """A model whose picture (16 x 8) has this value everywhere."""
    output = TensorSpec("picture", (1, 8, 16, channels), dtype, quantisation, "image")
    array = np.broadcast_to(np.asarray(value), output.shape).astype(dtype)
    return FakeModel([IMAGE], [output], lambda inputs: {"picture": array})


def echo() -> FakeModel:
    """A model whose picture is its input."""
    output = TensorSpec("picture", IMAGE.shape, "float32", meaning="image")

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {"picture": inputs["image"]}

    return FakeModel([IMAGE], [output], answer)


def picture(result: Result) -> Picture:
    (found,) = result.all(Picture)
    return found


def shown(model: FakeModel, **options: Any) -> list[int]:
    """The pixel of the picture a model makes."""
    found = picture(run(make_stage(Generate, {"m": model}, model="m", **options), still()))
    pixel: list[int] = np.atleast_1d(found.image[0, 0]).tolist()
    return pixel


def test_the_picture_has_the_frames_colours_not_swapped() -> None:
    assert shown(echo()) == [0, 0, 0]
    stage = make_stage(Generate, {"m": echo()}, model="m")
    found = picture(run(stage, still((10, 100, 200))))
    assert found.image.shape == (8, 8, 3)
    assert found.image[4, 4].tolist() == [10, 100, 200]
    assert (found.name, found.encoding) == ("", "jpeg")


def test_the_picture_may_have_a_name() -> None:
    stage = make_stage(Generate, {"m": echo()}, model="m", picture="wave")
    assert picture(run(stage, still())).name == "wave"
    with pytest.raises(ConfigError, match=r"^picture: "):
        make_stage(Generate, {"m": echo()}, model="m", picture="a/b")


def test_the_picture_says_where_it_lies_on_the_frame() -> None:
    start = Result.of(make_frame(still(width=64, height=48)))
    view = start.view.mapped(geometry.translation(16, 8), (32, 24))
    stage = make_stage(Generate, {"m": constant(0.5)}, model="m")
    to_frame = picture(stage(start.with_view(view))).to_frame
    assert to_frame is not None
    corners = geometry.map_points(to_frame, geometry.corners(16, 8))
    np.testing.assert_allclose(corners, [[16, 8], [48, 8], [48, 32], [16, 32]])


@pytest.mark.parametrize(
    ("value", "output_range", "pixel"),
    [
        (0.2, "0..1", 51),
        (0.0, "-1..1", 128),
        (-1.0, "-1..1", 0),
        (200.4, "0..255", 200),
        (1.5, "0..1", 255),
        (-0.5, "0..1", 0),
        (0.2, "auto", 51),
        (-0.6, "auto", 51),
        (51.0, "auto", 51),
    ],
)
def test_values_become_pixels_by_their_range(value: float, output_range: str, pixel: int) -> None:
    assert shown(constant(value), output_range=output_range) == [pixel] * 3


@pytest.mark.parametrize(
    ("dtype", "quantisation", "stored", "pixel"),
    [
        ("uint8", None, 77, 77),
        ("int8", None, -51, 77),
        ("uint8", Quantisation(1.0, 0), 77, 77),
        ("int8", Quantisation(1.0, -128), -51, 77),
        ("uint8", Quantisation(1 / 255, 0), 77, 77),
        ("int8", Quantisation(1 / 256, -128), -51, 77),
        ("int8", Quantisation(1 / 128, 0), -51, 77),
        ("uint8", Quantisation(2 / 255, 128), 77, 76),
    ],
)
def test_stored_values_are_understood_by_what_they_can_store(
    dtype: str, quantisation: Quantisation | None, stored: int, pixel: int
) -> None:
    assert shown(constant(stored, dtype, quantisation)) == [pixel] * 3


def test_red_comes_first_in_the_model_and_last_in_the_picture() -> None:
    assert shown(constant([0.0, 0.2, 1.0])) == [255, 51, 0]


def test_grey_pictures_stay_grey() -> None:
    found = picture(run(make_stage(Generate, {"m": constant(0.2, channels=1)}, model="m"), still()))
    assert found.image.shape == (8, 16)
    assert (found.image == 51).all()


def test_a_range_once_seen_holds_for_later_pictures() -> None:
    values = iter([0.5, -0.9, 0.5])
    output = TensorSpec("picture", (1, 8, 8, 3), "float32", meaning="image")
    model = FakeModel(
        [IMAGE], [output], lambda inputs: {"picture": np.full((1, 8, 8, 3), next(values), np.float32)}
    )
    stage = make_stage(Generate, {"m": model}, model="m")
    pixels = [int(picture(run(stage, still(), index=i)).image[0, 0, 0]) for i in range(3)]
    assert pixels == [128, 13, 191]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1], "0..1"),
        ([-0.1, 1.2], "0..1"),
        ([-1, 1], "-1..1"),
        ([0, 255], "0..255"),
        ([-9, 260], "0..255"),
    ],
)
def test_ranges_of_floats_are_told_by_value(values: list[float], expected: str) -> None:
    assert range_of(np.array(values, np.float32)) == expected


def test_floats_tell_no_range_before_they_are_seen() -> None:
    assert stored_range(TensorSpec("o", (1, 8, 8, 3), "float16")) is None


def test_no_more_pictures_than_asked_for() -> None:
    stage = make_stage(Generate, {"m": echo()}, model="m", fps=5.0)  # the frames come at 10 a second
    made = [len(list(run(stage, still(), index=i).all(Picture))) for i in range(6)]
    assert made == [1, 0, 1, 0, 1, 0]


def test_the_rate_may_change_while_running() -> None:
    stage = make_stage(Generate, {"m": echo()}, model="m", fps=1.0)
    run(stage, still(), index=0)
    assert not list(run(stage, still(), index=1).all(Picture))
    stage.options = stage.options.changed("fps", None)
    assert list(run(stage, still(), index=2).all(Picture))


def test_a_source_that_starts_again_gets_pictures_at_once() -> None:
    stage = make_stage(Generate, {"m": echo()}, model="m", fps=1.0)
    run(stage, still(), index=50)
    assert list(run(stage, still(), index=0).all(Picture))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_an_error(bad: float) -> None:
    with pytest.raises(StageError, match="no numbers"):
        shown(constant(bad))


def test_a_model_without_a_picture_is_refused_at_once() -> None:
    output = TensorSpec("o", (1, 10), "float32", meaning="scores")
    with pytest.raises(ModelError, match="use it with the stage classify"):
        make_stage(Generate, {"m": FakeModel([IMAGE], [output], lambda inputs: {})}, model="m")


# Pictures of nothing but chance


Z = TensorSpec("z", (1, 16), "float32")
LABEL = TensorSpec("label", (1, 3), "float32")
NAMES = ("cat", "dog", "bird")


def drawing(*inputs: TensorSpec, labels: tuple[str, ...] = ()) -> FakeModel:
    """A generator (1, 8, 8, 1) whose left shows its random numbers and whose right its label."""
    output = TensorSpec("picture", (1, 8, 8, 1), "float32")

    def answer(given: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        picture = np.zeros((1, 8, 8, 1), np.float32)
        if "z" in given:
            picture[0, :, :2, 0] = np.clip(given["z"].reshape(8, 2), 0, 1)
        if "label" in given:
            picture[0, :, 4:, 0] = given["label"].argmax() / 2
        return {"picture": picture}

    return FakeModel(inputs, [output], answer, labels)


def shown_label(result: Result) -> int:
    return round(int(picture(result).image[0, 7]) / 127.5)


def test_a_generator_makes_another_picture_of_every_frame_that_shows_nothing_of_it() -> None:
    stage = make_stage(Generate, {"m": drawing(Z)}, model="m", output_range="0..1")
    pictures = [picture(run(stage, still(200), index=i)) for i in range(3)]
    assert all(found.to_frame is None for found in pictures)
    assert pictures[0].image.shape == (8, 8)
    assert len({found.image.tobytes() for found in pictures}) == 3


def test_a_recording_gets_the_same_pictures_again_and_another_camera_others() -> None:
    def made(camera: str) -> bytes:
        stage = make_stage(Generate, {"m": drawing(Z)}, model="m")
        return picture(stage(Result.of(make_frame(still(), 7, camera)))).image.tobytes()

    assert made("porch") == made("porch")
    assert made("porch") != made("yard")


def test_a_seed_holds_the_random_numbers() -> None:
    def made(seed: int, index: int) -> bytes:
        stage = make_stage(Generate, {"m": drawing(Z)}, model="m", seed=seed)
        return picture(run(stage, still(), index=index)).image.tobytes()

    assert made(4, 0) == made(4, 9)
    assert made(4, 0) != made(5, 0)


@pytest.mark.parametrize(("label", "number"), [("bird", 2), ("1", 1), (0, 0)])
def test_a_label_says_what_the_picture_shows(label: str | int, number: int) -> None:
    model = drawing(Z, LABEL, labels=NAMES)
    stage = make_stage(Generate, {"m": model}, model="m", label=label, output_range="0..1")
    assert [shown_label(run(stage, still(), index=i)) for i in range(4)] == [number] * 4


def test_without_a_label_each_picture_shows_another() -> None:
    model = drawing(Z, LABEL, labels=NAMES)
    stage = make_stage(Generate, {"m": model}, model="m", output_range="0..1")
    assert {shown_label(run(stage, still(), index=i)) for i in range(30)} == {0, 1, 2}


def test_an_unknown_label_is_refused_with_the_nearest_name() -> None:
    model = drawing(Z, LABEL, labels=NAMES)
    with pytest.raises(ConfigError, match=r"^label: the model has no label brid, did you mean bird"):
        make_stage(Generate, {"m": model}, model="m", label="brid")
    with pytest.raises(ConfigError, match=r"^label: the model takes no label"):
        make_stage(Generate, {"m": echo()}, model="m", label="bird")


def test_the_label_may_change_while_running_but_not_to_an_unknown_one() -> None:
    model = drawing(Z, LABEL, labels=NAMES)
    stage = make_stage(Generate, {"m": model}, model="m", label="cat", output_range="0..1")
    stage.options = stage.options.changed("label", "bird")
    assert shown_label(run(stage, still())) == 2
    with pytest.raises(ConfigError, match=r"^label: .*did you mean dog"):
        stage.options = stage.options.changed("label", "dogg")
    assert stage.options.label == "bird"
    assert shown_label(run(stage, still())) == 2
    assert set(Generate.Options.live()) == {"label", "fps"}


def test_a_label_may_go_with_the_view() -> None:
    output = TensorSpec("picture", IMAGE.shape, "float32", meaning="image")

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {"picture": inputs["image"] * (inputs["label"].argmax() + 1)}

    model = FakeModel([IMAGE, LABEL], [output], answer)
    stage = make_stage(Generate, {"m": model}, model="m", label=1, output_range="0..1")
    found = picture(run(stage, still(51)))
    assert (found.image == 102).all()
    assert found.to_frame is not None


def test_features_that_nobody_knows_are_refused_at_once() -> None:
    style = TensorSpec("bottleneck", (1, 1, 1, 100), "float32")
    output = TensorSpec("picture", IMAGE.shape, "float32", meaning="image")
    model = FakeModel([IMAGE, style], [output], lambda inputs: {})
    with pytest.raises(ModelError, match="needs the input bottleneck"):
        make_stage(Generate, {"m": model}, model="m")


# Little of the view, and nothing of the frame


def chequers(size: int = 64) -> NDArray[np.uint8]:
    """Black and white pixels in turn."""
    board = (np.indices((size, size)).sum(axis=0) % 2 * 255).astype(np.uint8)
    return np.repeat(board[..., np.newaxis], 3, axis=2)


def half_white(width: int = 64, height: int = 48) -> NDArray[np.uint8]:
    """Black on the left, white on the right."""
    image = still(0, width, height)
    image[:, width // 2 :] = 255
    return image


def fine_echo(size: int = 64) -> FakeModel:
    """A model whose picture is its input, of so many pixels a side."""
    shape = (1, size, size, 3)
    taken, given = (TensorSpec(name, shape, "uint8", meaning="image") for name in ("image", "picture"))
    return FakeModel([taken], [given], lambda inputs: {"picture": inputs["image"]})


def test_of_a_view_no_more_detail_is_painted_than_allowed() -> None:
    sharp = make_stage(Generate, {"m": fine_echo()}, model="m")
    assert np.ptp(picture(run(sharp, chequers())).image) == 255
    coarse = make_stage(Generate, {"m": fine_echo()}, model="m", detail=16)
    found = picture(run(coarse, chequers())).image
    assert found.shape == (64, 64, 3)
    assert np.ptp(found) <= 2
    assert abs(int(found[0, 0, 0]) - 128) <= 2


def test_the_detail_is_that_of_the_longer_side_and_a_smaller_view_keeps_all_of_its_own() -> None:
    stage = make_stage(Generate, {"m": fine_echo()}, model="m", detail=64)
    assert np.ptp(picture(run(stage, chequers())).image) == 255
    wide = np.concatenate([chequers(), chequers()], axis=1)
    assert np.ptp(picture(run(stage, wide)).image) <= 2


def test_what_is_hidden_cannot_be_brought_back_from_outside() -> None:
    assert {"detail", "replace"}.isdisjoint(Generate.Options.live())


def test_later_stages_may_get_the_picture_in_the_place_of_the_frame() -> None:
    stage = make_stage(Generate, {"m": constant([1.0, 0.0, 0.0])}, model="m", replace=True)
    earlier = Picture(still(9, 32, 24), "earlier", to_frame=geometry.scaling(2.0, 2.0))
    mask = Picture(still(9, 32, 24)[..., 0], "mask", to_frame=geometry.scaling(2.0, 2.0))
    result = run(stage, half_white(), earlier, mask)
    red, grey = [0, 0, 255], round(0.299 * 255)
    assert (result.frame.image == red).all()
    assert (result.view.pixels() == red).all()
    first, second, made = result.all(Picture)
    assert (first.image == red).all()
    assert (second.image == grey).all()
    assert (made.image == red).all()


def test_the_picture_stands_where_the_view_was_and_beside_it_nothing_is_seen() -> None:
    start = Result.of(make_frame(half_white()))
    right = start.view.mapped(geometry.translation(32, 0), (32, 48))
    stage = make_stage(Generate, {"m": constant([0.0, 0.0, 1.0])}, model="m", replace=True)
    result = stage(start.with_view(right))
    assert (result.frame.image[:, 32:] == [255, 0, 0]).all()
    assert not result.frame.image[:, :32].any()
    assert (result.view.pixels() == [255, 0, 0]).all()


def test_of_a_frame_that_is_replaced_nothing_is_left() -> None:
    frame = make_frame(half_white())
    stage = make_stage(Generate, {"m": constant(0.5)}, model="m", replace=True)
    result = stage(Result.of(frame))
    assert result.view.frame is result.frame
    assert (result.frame.image == 128).all()
    assert (frame.image == half_white()).all()


def test_a_frame_is_replaced_always_or_never() -> None:
    with pytest.raises(ConfigError, match="fps and replace do not go together"):
        make_stage(Generate, {"m": echo()}, model="m", replace=True, fps=1.0)
    with pytest.raises(ConfigError, match=r"^replace: the model makes no picture of the frame"):
        make_stage(Generate, {"m": drawing(Z)}, model="m", replace=True)
    stage = make_stage(Generate, {"m": echo()}, model="m", replace=True)
    with pytest.raises(ConfigError, match="fps and replace"):
        stage.options.changed("fps", 1.0)
