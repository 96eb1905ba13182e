"""Segmentation of real pictures: the stage gives what the model gives, and lays it where it belongs."""

from __future__ import annotations

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
    Picture,
    Result,
    Segments,
    geometry,
    load_bundle,
)
from edge_vision.builtin.tflite.runtime import find_runtime
from edge_vision.builtin.warp import opencv_warp
from edge_vision.data.view import View
from edge_vision.testing import make_frame, make_stage

pytestmark = pytest.mark.shared

MODEL = "deeplabv3_mnv2_dm05_pascal_quant.tflite"
BIRD = 3


@pytest.fixture(scope="module")
def stage(shared: Path) -> Segment:
    labels = shared / "models" / "pascal_voc_segmentation_labels.txt"
    model = LiteRTModel(load_bundle(shared / "models" / MODEL, "pascal", labels=labels))
    return make_stage(Segment, {"pascal": model}, model="pascal", mask=True)


def picture(shared: Path, name: str) -> Image:
    image = cv2.imread(str(shared / "images" / name))
    assert image is not None
    return image.astype(np.uint8)


def start(image: Image) -> Result:
    frame = make_frame(image)
    return Result.of(frame).with_view(View.of(frame, opencv_warp))


def segments(result: Result | None) -> Segments:
    assert result is not None
    (found,) = result.all(Segments)
    return found


def mask(result: Result | None) -> NDArray[np.uint8]:
    assert result is not None
    (found,) = result.all(Picture)
    return found.image


def plain_loop(model: Path, image: Image) -> NDArray[Any]:
    """What the model says of a picture, by the runtime and OpenCV alone."""
    interpreter: Any = find_runtime()(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    _, height, width, _ = taken["shape"]
    resized = cv2.resize(image, (int(width), int(height)), interpolation=cv2.INTER_LINEAR)
    interpreter.set_tensor(taken["index"], cv2.cvtColor(resized, cv2.COLOR_BGR2RGB)[np.newaxis])
    interpreter.invoke()
    found: NDArray[Any] = interpreter.get_tensor(given["index"])[0]
    return found


@pytest.mark.parametrize("name", ["bird_segmentation.bmp", "cat.bmp"])
def test_the_class_map_is_that_of_a_plain_loop(shared: Path, stage: Segment, name: str) -> None:
    image = cv2.resize(picture(shared, name), (513, 513)).astype(np.uint8)  # nothing is left to warp
    found = segments(stage(start(image))).class_map
    np.testing.assert_array_equal(found, plain_loop(shared / "models" / MODEL, image))


@pytest.mark.parametrize(
    ("name", "label", "least"),
    [("cat.bmp", "cat", 0.2), ("grace_hopper.bmp", "person", 0.4), ("owl.jpg", "bird", 0.1)],
)
def test_what_is_in_a_picture_covers_its_share(
    shared: Path, stage: Segment, name: str, label: str, least: float
) -> None:
    shares = dict(segments(stage(start(picture(shared, name)))).shares())
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares.get(label, 0.0) > least, shares
    assert max((name for name in shares if name != "background"), key=shares.__getitem__) == label


def test_the_mask_lies_on_the_frame_when_the_view_is_a_letterboxed_part_of_it(
    shared: Path, stage: Segment
) -> None:
    image = picture(shared, "bird_segmentation.bmp")
    truth = cv2.imread(str(shared / "images" / "bird_segmentation_mask.bmp"), cv2.IMREAD_GRAYSCALE)
    assert truth is not None
    height, width = truth.shape
    wide = cv2.copyMakeBorder(image, 40, 60, 300, 200, cv2.BORDER_REFLECT).astype(np.uint8)
    whole = start(wide)
    part = whole.view.mapped(geometry.translation(300, 40), (width, height))
    side = max(width, height)
    bars = geometry.translation(-(side - width) / 2, -(side - height) / 2)
    result = stage(whole.with_view(part.mapped(bars, (side, side), (114, 114, 114))))
    found = mask(result)
    assert found.shape == wide.shape[:2]
    inside = np.zeros(found.shape, bool)
    inside[40 : 40 + height, 300 : 300 + width] = True
    assert (found[~inside] == Segments.UNSEEN).all()
    bird, real = (found == BIRD)[40 : 40 + height, 300 : 300 + width], truth == BIRD
    assert np.count_nonzero(bird & real) / np.count_nonzero(bird | real) >= 0.8


def test_shares_and_mask_say_the_same(shared: Path, stage: Segment) -> None:
    result = stage(start(picture(shared, "bird_segmentation.bmp")))
    shares = dict(segments(result).shares())
    assert np.mean(mask(result) == BIRD) == pytest.approx(shares["bird"], abs=0.005)
