"""Augmentation: pictures, boxes and masks stay together."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_vision.data.errors import ConfigError
from edge_vision.training.augmentation.augmentation import Augmentation, augmented, usual
from edge_vision.training.data.collection import VOID

UPRIGHT = st.builds(
    Augmentation,
    scale=st.tuples(st.floats(0.4, 1.0), st.floats(1.0, 1.8)),
    aspect=st.floats(1.0, 1.5),
    shift=st.floats(0.0, 0.4),
    flip=st.sampled_from([0.0, 0.5, 1.0]),
    flip_vertical=st.sampled_from([0.0, 0.5, 1.0]),
    quarter_turns=st.booleans(),
    visible=st.just(0.0),
)
BOXES = st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(8, 40), st.integers(8, 30))
SIZES = st.tuples(st.integers(24, 100), st.integers(24, 100))


def mask_of(box: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A mask, 1 in a box of whole pixels."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    x1, y1, x2, y2 = box.astype(int)
    mask[y1:y2, x1:x2] = 1
    return mask


def box_around(mask: NDArray[np.bool_]) -> list[float]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


@settings(deadline=None, max_examples=150)
@given(UPRIGHT, BOXES, SIZES, st.integers(0, 999))
def test_a_box_is_where_its_mask_is(
    options: Augmentation, drawn: tuple[int, int, int, int], size: tuple[int, int], seed: int
) -> None:
    x, y, width, height = drawn
    box = np.array([[x, y, x + width, y + height]], np.float32)
    mask = mask_of(box[0], (80, 60))
    picture = np.repeat(mask[..., np.newaxis] * np.uint8(255), 3, axis=2)
    made = augmented(picture, options, size, np.random.default_rng(seed), box, mask)
    assert made.boxes is not None
    assert made.mask is not None
    assert made.picture.shape == (size[1], size[0], 3)
    assert made.mask.shape == (size[1], size[0])
    if len(made.boxes):
        np.testing.assert_allclose(box_around(made.mask == 1), made.boxes[0], atol=1.0)
    else:
        around = (made.mask == 1).sum(axis=0).max(initial=0), (made.mask == 1).sum(axis=1).max(initial=0)
        assert min(around) <= 2
    # What the mask says is what the picture shows, but for pixels at edges.
    seen, beside = (
        cv2.erode((made.mask == value).astype(np.uint8), np.ones((5, 5)), borderValue=0) > 0
        for value in (1, 0)
    )
    assert (made.picture[seen] > 200).all()
    assert (made.picture[beside] < 55).all()


@settings(deadline=None, max_examples=60)
@given(st.floats(1.0, 180.0), BOXES, st.integers(0, 999))
def test_a_turned_box_holds_what_it_held(
    degrees: float, drawn: tuple[int, int, int, int], seed: int
) -> None:
    x, y, width, height = drawn
    box = np.array([[x, y, x + width, y + height]], np.float32)
    options = Augmentation(rotate=degrees, scale=(0.5, 0.5), visible=0.0)
    mask = mask_of(box[0], (80, 60))
    picture = np.zeros((60, 80, 3), np.uint8)
    made = augmented(picture, options, (80, 60), np.random.default_rng(seed), box, mask)
    assert made.boxes is not None
    assert made.mask is not None
    np.testing.assert_allclose(box_around(made.mask == 1), made.boxes[0], atol=2.5)


def test_a_mask_is_void_where_nothing_was_seen() -> None:
    picture = np.full((20, 20, 3), 80, np.uint8)
    made = augmented(
        picture,
        Augmentation(scale=(0.5, 0.5), border="grey"),
        (20, 20),
        np.random.default_rng(0),
        mask=np.zeros((20, 20), np.uint8),
    )
    assert made.mask is not None
    expected = np.full((20, 20), VOID)
    expected[5:15, 5:15] = 0
    np.testing.assert_array_equal(made.mask, expected)
    assert (made.picture[8:12, 8:12] == 80).all()
    assert (made.picture[:3] == 114).all()


def test_boxes_mostly_out_of_view_are_dropped() -> None:
    boxes = np.array([[0, 0, 20, 20], [8, 8, 12, 12]], np.float32)
    options = Augmentation(scale=(4.0, 4.0), visible=0.5)
    picture = np.zeros((20, 20, 3), np.uint8)
    for seed in range(20):
        made = augmented(picture, options, (20, 20), np.random.default_rng(seed), boxes)
        assert made.kept is not None
        assert 0 not in made.kept


def test_nothing_is_changed_by_default() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (12, 18, 3), np.uint8)
    boxes = np.array([[1, 2, 3, 4]], np.float32)
    made = augmented(picture, Augmentation(), (18, 12), np.random.default_rng(0), boxes)
    np.testing.assert_array_equal(made.picture, picture)
    assert made.boxes is boxes
    np.testing.assert_array_equal(made.matrix, np.eye(3))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Augmentation(flip=1.0), lambda p: p[:, ::-1]),
        (Augmentation(flip_vertical=1.0), lambda p: p[::-1]),
        (Augmentation(invert=1.0), lambda p: 255 - p),
    ],
)
def test_plain_changes_are_exact(options: Augmentation, expected: object) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    made = augmented(picture, options, (16, 16), np.random.default_rng(0))
    np.testing.assert_array_equal(made.picture, expected(picture))  # type: ignore[operator]


def test_a_smaller_view_averages() -> None:
    picture = np.indices((64, 64)).sum(axis=0)[..., np.newaxis] % 2 * np.ones(3) * 255
    made = augmented(picture.astype(np.uint8), Augmentation(), (16, 16), np.random.default_rng(0))
    assert abs(made.picture.astype(int) - 128).max() <= 1


TONES = [
    {"brightness": 0.3},
    {"contrast": 0.5},
    {"saturation": 0.9},
    {"grey": 1.0},
    {"noise": 30.0},
    {"blur": 3.0},
    {"jpeg": 10},
    {"erase": 1.0},
]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("tone", TONES, ids=lambda tone: next(iter(tone)))
def test_tones_change_pixels_and_nothing_else(tone: dict[str, float], channels: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (24, 32, channels), np.uint8)
    kept = picture.copy()
    mask, boxes = np.ones((24, 32), np.uint8), np.array([[1, 2, 30, 20]], np.float32)
    made = augmented(picture, Augmentation.parse(tone), (32, 24), np.random.default_rng(5), boxes, mask)
    again = augmented(picture, Augmentation.parse(tone), (32, 24), np.random.default_rng(5))
    colourless = channels == 1 and next(iter(tone)) in ("saturation", "grey")
    assert made.picture.shape == picture.shape
    assert np.array_equal(made.picture, picture) == colourless
    assert made.mask is mask
    assert made.boxes is boxes
    np.testing.assert_array_equal(made.picture, again.picture)
    np.testing.assert_array_equal(picture, kept)


def test_grey_has_no_colour_left() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    made = augmented(picture, Augmentation(grey=1.0), (8, 8), np.random.default_rng(0))
    assert np.ptp(made.picture.astype(int), axis=2).max() == 0


def test_wrong_options_are_named() -> None:
    with pytest.raises(ConfigError, match="did you mean rotate"):
        Augmentation.parse({"rotat": 3})
    with pytest.raises(ConfigError, match="the smaller one first"):
        Augmentation.parse({"scale": [2.0, 1.0]})
    assert usual().moves
    assert not Augmentation(noise=3.0).moves
