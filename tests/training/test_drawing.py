"""Drawing: boxes and classes on pictures, in colours that are told apart."""

from __future__ import annotations

import numpy as np

from edge_vision.training.drawing import TRUE, colour_of, with_boxes, with_classes


def test_what_was_found_and_what_is_true_have_colours_of_their_own() -> None:
    picture = np.zeros((100, 120, 3), np.uint8)
    found, truth = np.array([[10.0, 10.0, 50.0, 60.0]]), np.array([[70.0, 20.0, 110.0, 90.0]])
    drawn = with_boxes(picture, found, np.array([2]), truth)
    assert drawn[10, 30].tolist() == list(colour_of(3))
    assert drawn[20, 90].tolist() == list(TRUE)
    assert not drawn[40, 30].any()
    assert not picture.any()


def test_classes_cover_the_picture_by_half() -> None:
    picture = np.full((4, 6, 3), 100, np.uint8)
    classes = np.zeros((4, 6), np.uint8)
    classes[:, 3:] = 2
    drawn = with_classes(picture, classes)
    for column, number in ((0, 0), (5, 2)):
        assert np.abs(drawn[0, column] - (50 + np.array(colour_of(number)) / 2)).max() <= 1


def test_the_background_of_a_mask_stays_as_it_is() -> None:
    picture = np.full((4, 6, 3), 100, np.uint8)
    classes = np.zeros((4, 6), np.uint8)
    classes[:, 3:] = 1
    drawn = with_classes(picture, classes)
    assert (drawn[:, :3] == 100).all()
    assert (drawn[:, 3:] != 100).any()


def test_many_classes_have_different_colours() -> None:
    assert len({colour_of(number) for number in range(24)}) == 24
