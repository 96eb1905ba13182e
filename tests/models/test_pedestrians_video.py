"""The shipped `pedestrians` on a video of a room that it never saw: people come to a table and go."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_vision import Detections, Result
from edge_vision.builtin.warp import opencv_warp
from edge_vision.service.plugins import load_plugins
from edge_vision.service.training.opening import opened_model
from edge_vision.testing import make_frame, make_stage

EMPTY = 0, 480, 720, 880, 1360
SOMEBODY = {
    240: (360, 520),
    400: (360, 520),
    600: (400, 560),
    800: (360, 500),
    960: (380, 520),
    1120: (380, 520),
    1280: (350, 540),
}
"""Frames in which one person is seen, between which columns; read from the pictures."""


@pytest.mark.shared
def test_one_person_at_a_time_is_found_and_nobody_in_an_empty_room(shared: Path) -> None:
    video = cv2.VideoCapture(str(shared / "video" / "one-by-one-person-detection.mp4"))
    kind = load_plugins().registry.stages.find("detect")
    found = {}
    with opened_model("pedestrians") as model:
        stage = make_stage(kind, {"people": model}, model="people", min_score=0.35)
        for number in range(max(EMPTY) + 1):
            read, pixels = video.read()
            assert read
            if number in EMPTY or number in SOMEBODY:
                image = np.asarray(pixels, np.uint8)
                result = stage(Result.of(make_frame(image), opencv_warp))
                assert result is not None
                found[number] = [row.box for each in result.all(Detections) for row in each]
    video.release()
    assert [found[number] for number in EMPTY] == [[]] * len(EMPTY)
    for number, (left, right) in SOMEBODY.items():
        ((x1, y1, x2, y2),) = found[number]
        assert left < (x1 + x2) / 2 < right, number
        assert y2 - y1 > 250, number
