"""Pasting: what is cut out, where it goes, and what is told of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_vision.training.augmentation.pasting import cutouts, pasted
from edge_vision.training.data.collection import VOID
from edge_vision.training.examples import Examples

BOX = np.array([[20.0, 10.0, 40.0, 50.0]], np.float32)


def shown(boxes: np.ndarray = BOX, count: int = 1) -> Examples:
    """Black pictures with a white rectangle each, of class 1; a grey column of its mask is void."""
    pictures = np.zeros((count, 60, 80, 3), np.uint8)
    mask = np.zeros((count, 60, 80), np.uint8)
    for x1, y1, x2, y2 in boxes.astype(int):
        pictures[:, y1:y2, x1:x2] = 255
        mask[:, y1:y2, x1:x2] = 2
    mask[:, :, 20] = VOID
    classes = [np.ones(len(boxes), np.int64)] * count
    return Examples(pictures, {"boxes": [boxes] * count, "classes": classes, "mask": mask})


def empty(count: int) -> Examples:
    targets: dict[str, Any] = {
        "boxes": [np.zeros((0, 4), np.float32)] * count,
        "classes": [np.zeros(0, np.int64)] * count,
        "mask": np.zeros((count, 60, 80), np.uint8),
    }
    return Examples(np.zeros((count, 60, 80, 3), np.uint8), targets)


def test_an_object_is_cut_out_by_its_mask() -> None:
    (found,) = cutouts(shown())
    assert found.pixels.shape == (40, 20, 3)
    assert found.number == 1
    assert found.share[:, 0].max() == 0.0
    assert found.share[:, 1:].min() == 1.0


def test_objects_at_an_edge_in_a_crowd_or_tiny_stay_where_they_are() -> None:
    for boxes in ([[0, 10, 20, 50]], [[20, 10, 40, 50], [25, 10, 45, 50]], [[20, 10, 30, 20]]):
        assert cutouts(shown(np.array(boxes, np.float32))) == []


def test_what_is_pasted_is_told_where_it_is() -> None:
    made = pasted(empty(30), cutouts(shown()), 1.0, np.random.default_rng(0))
    heights = set()
    for picture, boxes, classes, mask in zip(
        made.pictures, *(made.targets[name] for name in ("boxes", "classes", "mask")), strict=True
    ):
        assert classes.tolist() == [1]
        x1, y1, x2, y2 = boxes[0].astype(int)
        assert 0 <= x1 < x2 <= 80
        assert 0 <= y1 < y2 <= 60
        rows, columns = np.nonzero(picture[..., 0] > 100)
        assert abs(rows.min() - y1) <= 1
        assert abs(rows.max() + 1 - y2) <= 1
        assert columns.min() >= x1
        assert columns.max() < x2
        assert set(np.unique(mask)) == {0, 2}
        assert (mask == 2).sum() >= 0.8 * (x2 - x1) * (y2 - y1)
        heights.add(y2 - y1)
    assert len(heights) > 10


def test_only_a_share_of_the_pictures_gets_an_object() -> None:
    made = pasted(empty(400), cutouts(shown()), 0.25, np.random.default_rng(0))
    assert 60 < sum(len(boxes) for boxes in made.targets["boxes"]) < 140
    same = pasted(empty(5), [], 1.0, np.random.default_rng(0))
    assert not same.pictures.any()


def test_who_is_hidden_behind_it_is_not_told_of_any_more() -> None:
    small = np.array([[30.0, 20.0, 44.0, 34.0], [60.0, 40.0, 78.0, 58.0]], np.float32)
    hidden = kept = 0
    for seed in range(40):
        made = pasted(shown(small), cutouts(shown()), 1.0, np.random.default_rng(seed))
        x1, y1, x2, y2 = made.targets["boxes"][0][-1]
        behind = x1 <= 30 and y1 <= 20 and x2 >= 44 and y2 >= 34
        told = any((box == small[0]).all() for box in made.targets["boxes"][0])
        assert not (behind and told)
        hidden += behind
        kept += told
    assert hidden > 0
    assert kept > 0
