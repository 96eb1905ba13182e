"""Fits: what is cached is what the daemon shows a model, pixel for pixel."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest

from edge_vision.builtin.warp import opencv_warp
from edge_vision.data import geometry
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.training.data.cache import cached
from edge_vision.training.data.collection import Collection, Item
from edge_vision.training.data.fits import Fit, placement
from edge_vision.training.evaluation.sights import picture_of
from tests.training.data.drawing import save, video
from tests.training.data.taking import given

SIZE = (48, 40)
"""What the network sees; pictures are this many times as large, and a little of another shape."""

FACTORS = (1.3, 2.5, 0.6, 1.0)


def pictures(folder: Path) -> Collection:
    random = np.random.default_rng(3)
    items = []
    for number, factor in enumerate(FACTORS):
        size = (round(SIZE[0] * factor), round(SIZE[1] * factor) + 11 * (factor != 1.0))
        pixels = random.integers(0, 256, (size[1], size[0], 3), np.uint8)
        pixels = np.asarray(cv2.blur(pixels, (2, 2)), np.uint8)
        name = f"{number}.{'jpg' if number % 2 else 'png'}"
        items.append(Item(save(folder / name, pixels), name, name, label=number % 2))
    return Collection(tuple(items), ("a", "b"), "label")


@pytest.mark.parametrize("warp", [opencv_warp, reference_warp])
@pytest.mark.parametrize("channels", [3, 1])
@pytest.mark.parametrize("fit", ["stretch", "letterbox"])
def test_a_model_in_the_daemon_is_given_what_is_cached(
    tmp_path: Path, fit: Literal["stretch", "letterbox"], channels: int, warp: Warp
) -> None:
    collection = pictures(tmp_path / "data")
    made = cached(collection, SIZE, tmp_path / "cache", fit, channels, warp=warp)
    for row in range(len(FACTORS)):
        shown = given(picture_of(collection, row), SIZE, fit, channels, warp)
        np.testing.assert_array_equal(made.pictures[row], shown)


def test_frames_of_a_video_are_cached_as_they_are_shown(tmp_path: Path) -> None:
    file = video(tmp_path / "a.avi", 1.0, size=(130, 90))
    item = Item(file, "a", "a", label=0, start=0.0, end=1.0)
    collection = Collection((item,), ("a",), "segments")
    made = cached(collection, SIZE, tmp_path / "cache", "letterbox", 1, rate=1.0, warp=opencv_warp)
    capture = cv2.VideoCapture(str(file))
    image = np.asarray(capture.read()[1], np.uint8)
    capture.release()
    shown = given(image, SIZE, "letterbox", 1, opencv_warp)
    np.testing.assert_array_equal(made.pictures[0], shown)


def test_another_warp_makes_another_cache(tmp_path: Path) -> None:
    collection = pictures(tmp_path / "data")
    for warp in (opencv_warp, reference_warp, opencv_warp):
        cached(collection, SIZE, tmp_path / "cache", warp=warp)
    assert len(list((tmp_path / "cache").iterdir())) == 2


@pytest.mark.parametrize("fit", ["stretch", "letterbox", "crop"])
def test_boxes_and_masks_go_where_their_pictures_go(fit: Fit) -> None:
    placed = placement(fit, (131, 90), SIZE)
    thing = np.zeros((90, 131, 3), np.uint8)
    thing[30:60, 50:85] = 255
    (box,) = geometry.map_boxes(placed.matrix, [[50, 30, 85, 60]])
    rows, columns = np.nonzero(placed.mask(thing[..., 0], 7) == 255)
    seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(seen, box, atol=0.51)
    bright = placed.picture(thing, opencv_warp)[..., 0] > 127
    np.testing.assert_allclose(bright.sum(), (box[2] - box[0]) * (box[3] - box[1]), rtol=0.15)
    beside = placed.picture(np.zeros_like(thing), reference_warp)[..., 0] == 114
    np.testing.assert_array_equal(beside, placed.mask(thing[..., 0], 7) == 7)
    assert beside.any() == (fit == "letterbox")
