from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from edge_vision_segmentation import Segment
from numpy.typing import NDArray

from edge_vision import (
    Image,
    LiteRTModel,
    ModelError,
    Picture,
    Result,
    Segments,
    StageError,
    TensorSpec,
    geometry,
    load_bundle,
)
from edge_vision.testing import FakeModel, make_frame, make_stage, run, still

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not here")

LABELS = ("background", "bird")


def brightness_model(dtype: str = "int64", size: int = 8) -> FakeModel:
    """A model that calls bright pixels class 1 and dark ones class 0."""
    image = TensorSpec("image", (1, size, size, 3), "uint8", meaning="image")
    output = TensorSpec("map", (1, size, size), dtype, meaning="class-map")

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {"map": (inputs["image"][..., 0] > 127).astype(dtype)}

    return FakeModel([image], [output], answer, LABELS)


def fixed(array: NDArray[Any], meaning: str, labels: tuple[str, ...] = ()) -> FakeModel:
    image = TensorSpec("image", (1, 8, 8, 3), "uint8", meaning="image")
    output = TensorSpec("o", array.shape, str(array.dtype), meaning=meaning)
    return FakeModel([image], [output], lambda inputs: {"o": array}, labels)


def half_bright(width: int = 64, height: int = 48) -> Image:
    """Bright in its left quarter, dark elsewhere."""
    image = still(0, width, height).copy()
    image[:, : width // 4] = 255
    return image


def segments(result: Result) -> Segments:
    (found,) = result.all(Segments)
    return found


def mask(result: Result) -> NDArray[np.uint8]:
    (picture,) = result.all(Picture)
    assert picture.encoding == "png"
    return picture.image


# Classes


def test_shares_say_how_much_each_class_covers() -> None:
    result = run(make_stage(Segment, {"m": brightness_model()}, model="m"), half_bright())
    assert segments(result).shares() == (("background", 0.75), ("bird", 0.25))
    assert not list(result.all(Picture))


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_class_maps_of_every_integer_type_are_taken(dtype: str) -> None:
    stage = make_stage(Segment, {"m": brightness_model(dtype)}, model="m")
    found = segments(run(stage, half_bright()))
    assert found.class_map.dtype == np.uint8
    np.testing.assert_array_equal(found.class_map[0], [1, 1, 0, 0, 0, 0, 0, 0])


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8"])
def test_of_scores_the_highest_wins(dtype: str) -> None:
    scores = np.zeros((1, 8, 8, 4), dtype)
    scores[..., 2] = 1
    scores[0, :, 4:, 3] = 2
    scores[0, 0, 0] = -1 if dtype == "int8" else 0
    found = segments(run(make_stage(Segment, {"m": fixed(scores, "class-scores")}, model="m"), still()))
    np.testing.assert_array_equal(found.class_map[0], [0, 2, 2, 2, 3, 3, 3, 3])
    assert found.shares()[0] == ("3", 0.5)


def test_a_mask_is_background_and_foreground() -> None:
    values = np.full((1, 8, 8, 1), 0.2, np.float32)
    values[0, :, :2] = 0.9
    stage = make_stage(Segment, {"m": fixed(values, "mask", ("person",))}, model="m", mask=True)
    result = run(stage, still(width=64, height=48))
    assert segments(result).shares() == (("background", 0.75), ("person", 0.25))
    assert (mask(result)[:, :16] == 1).all()
    assert not mask(result)[:, 16:].any()
    unnamed = make_stage(Segment, {"m": fixed(values, "mask")}, model="m")
    assert segments(run(unnamed, still())).shares()[1] == ("foreground", 0.25)


def test_classes_without_a_label_are_called_by_their_numbers() -> None:
    array = np.zeros((1, 8, 8), np.int32)
    array[0, 0] = 7
    stage = make_stage(Segment, {"m": fixed(array, "class-map", LABELS)}, model="m")
    assert segments(run(stage, still())).shares() == (("background", 0.875), ("7", 0.125))


@pytest.mark.parametrize("value", [255, 300, -1])
def test_classes_that_cannot_be_told_apart_are_an_error(value: int) -> None:
    stage = make_stage(Segment, {"m": fixed(np.full((1, 8, 8), value), "class-map")}, model="m")
    with pytest.raises(StageError, match="0 to 254"):
        run(stage, still())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_an_error(bad: float) -> None:
    scores = np.zeros((1, 8, 8, 2), np.float32)
    scores[0, 3, 3, 1] = bad
    stage = make_stage(Segment, {"m": fixed(scores, "class-scores")}, model="m")
    with pytest.raises(StageError, match="no numbers"):
        run(stage, still())


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (fixed(np.zeros((1, 8, 8, 3), np.float32), "image"), "use it with the stage generate"),
        (fixed(np.zeros((1, 8, 8, 300), np.float32), "class-scores"), "300 classes; at most 255"),
        (fixed(np.zeros((1, 8, 8, 4), np.float32), "class-scores", LABELS), "4 classes but 2 labels"),
        (fixed(np.zeros((8, 8), np.int32), "class-map"), "has not the shape"),
    ],
)
def test_models_that_do_not_fit_are_refused_at_once(model: FakeModel, problem: str) -> None:
    with pytest.raises(ModelError, match=problem):
        make_stage(Segment, {"m": model}, model="m")


# The mask lies on the frame


def test_the_mask_has_the_frames_size_and_places() -> None:
    result = run(make_stage(Segment, {"m": brightness_model()}, model="m", mask=True), half_bright())
    expected = np.zeros((48, 64), np.uint8)
    expected[:, :16] = 1
    np.testing.assert_array_equal(mask(result), expected)


def test_the_mask_may_be_switched_while_running() -> None:
    stage = make_stage(Segment, {"m": brightness_model()}, model="m")
    stage.options = stage.options.changed("mask", True)
    assert mask(run(stage, half_bright())).shape == (48, 64)


def test_the_mask_of_a_cropped_view_says_nothing_outside_of_it() -> None:
    start = Result.of(make_frame(half_bright()))
    view = start.view.mapped(geometry.translation(8, 16), (32, 16))
    result = make_stage(Segment, {"m": brightness_model()}, model="m", mask=True)(start.with_view(view))
    expected = np.full((48, 64), Segments.UNSEEN, np.uint8)
    expected[16:32, 8:16] = 1
    expected[16:32, 16:40] = 0
    np.testing.assert_array_equal(mask(result), expected)
    assert segments(result).shares() == (("background", 0.75), ("bird", 0.25))


def test_the_mask_of_a_turned_view_lies_on_the_frame() -> None:
    start = Result.of(make_frame(half_bright(64, 64)))
    view = start.view.mapped(geometry.rotation(90, (32, 32)), (64, 64))
    stage = make_stage(Segment, {"m": brightness_model()}, model="m", mask=True)
    expected = np.zeros((64, 64), np.uint8)
    expected[:, :16] = 1
    np.testing.assert_array_equal(mask(stage(start.with_view(view))), expected)


def test_the_mask_of_a_perspective_lies_on_the_frame() -> None:
    start = Result.of(make_frame(half_bright(64, 64)))
    trapezium = [(8, 8), (56, 8), (64, 64), (0, 64)]
    view = start.view.mapped(geometry.perspective(geometry.corners(64, 64), trapezium), (64, 64))
    model = brightness_model(size=64)
    found = mask(make_stage(Segment, {"m": model}, model="m", mask=True)(start.with_view(view)))
    inside = found != Segments.UNSEEN
    assert 0.8 < inside.sum() / (0.5 * (48 + 64) * 56) < 1.2
    assert not inside[:8].any()
    expected = half_bright(64, 64)[..., 0] > 127
    assert (found[inside] == expected[inside]).mean() > 0.98


# What shows nothing of the frame is in no share


def letterboxed(result: Result) -> Result:
    """A square view with bars above and below a frame of 64 x 48."""
    return result.with_view(result.view.mapped(geometry.translation(0, -8), (64, 64), (255, 255, 255)))


def test_the_bars_of_a_letterbox_do_not_count() -> None:
    stage = make_stage(Segment, {"m": brightness_model()}, model="m", mask=True)
    result = stage(letterboxed(Result.of(make_frame(half_bright()))))
    assert (segments(result).class_map[[0, 7]] == Segments.UNSEEN).all()
    assert segments(result).shares() == (("background", 0.75), ("bird", 0.25))
    assert Segments.UNSEEN not in mask(result)


def test_bars_do_not_count_when_a_stage_made_pixels_of_them() -> None:
    stage = make_stage(Segment, {"m": brightness_model()}, model="m")
    result = letterboxed(Result.of(make_frame(half_bright())))
    result = result.with_view(result.view.with_pixels(result.view.pixels().copy()))
    assert segments(stage(result)).shares() == (("background", 0.75), ("bird", 0.25))


def test_what_was_cropped_away_does_not_count_in_a_letterbox() -> None:
    result = Result.of(make_frame(half_bright()))
    cropped = result.view.mapped(geometry.translation(0, 0), (32, 48))
    boxed = cropped.mapped(geometry.translation(-16, 0), (64, 48), (255, 255, 255))
    stage = make_stage(Segment, {"m": brightness_model()}, model="m", mask=True)
    found = stage(result.with_view(boxed))
    assert segments(found).shares() == (("background", 0.5), ("bird", 0.5))
    expected = np.full((48, 64), Segments.UNSEEN, np.uint8)
    expected[:, :16] = 1
    expected[:, 16:32] = 0
    np.testing.assert_array_equal(mask(found), expected)


def test_a_view_beside_the_frame_has_no_shares() -> None:
    result = Result.of(make_frame(half_bright()))
    aside = result.with_view(result.view.mapped(geometry.translation(500, 0), (64, 48)))
    stage = make_stage(Segment, {"m": brightness_model()}, model="m", mask=True)
    assert segments(stage(aside)).shares() == ()
    assert (mask(stage(aside)) == Segments.UNSEEN).all()


def test_the_models_own_array_is_left_alone() -> None:
    array = np.zeros((1, 8, 8), np.uint8)
    stage = make_stage(Segment, {"m": fixed(array, "class-map")}, model="m")
    stage(letterboxed(Result.of(make_frame(half_bright()))))
    assert not array.any()


# A real picture


@needs_shared
@pytest.mark.shared
def test_deeplab_finds_the_bird() -> None:
    models, images = SHARED / "models", SHARED / "images"
    bundle = load_bundle(
        models / "deeplabv3_mnv2_dm05_pascal_quant.tflite",
        "m",
        labels=models / "pascal_voc_segmentation_labels.txt",
    )
    image = cv2.imread(str(images / "bird_segmentation.bmp"))
    reference = cv2.imread(str(images / "bird_segmentation_mask.bmp"), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    assert reference is not None
    stage = make_stage(Segment, {"m": LiteRTModel(bundle)}, model="m", mask=True)
    result = run(stage, image.astype(np.uint8))
    bird = bundle.labels.index("bird")
    found, wanted = mask(result) == bird, reference == bird
    assert found.shape == wanted.shape
    assert (found & wanted).sum() / (found | wanted).sum() >= 0.8
    assert [label for label, share in segments(result).shares() if share > 0.05] == [
        "background",
        "bird",
    ]
