"""Frames of a video at some rate, and when they were taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError


def frames(file: Path, rate: float) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Time in seconds and pixels, (height, width, 3) uint8 red, green, blue, of frames of a video.

    At most `rate` frames a second: of the moments k / rate, k = 0, 1, ..., each gets the first frame at
    it or after it. Raises TrainingError where the file holds no frame.
    """
    capture = _opened(file)
    try:
        index = wanted = 0
        rhythm = _frame_rate(capture)
        time = -1.0
        while capture.grab():
            told = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
            time = told if told > time and (told > 0 or index == 0) else index / rhythm
            index += 1
            if time * rate < wanted - 1e-6:
                continue
            wanted = int(time * rate + 1e-6) + 1
            decoded, image = capture.retrieve()
            if decoded:
                yield time, np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
        if index == 0:
            raise TrainingError(f"{file}: no frame of it can be decoded")
    finally:
        capture.release()


def duration(file: Path) -> float:
    """The seconds that a video says it lasts; infinite where it does not say."""
    capture = _opened(file)
    try:
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        return count / _frame_rate(capture) if count > 0 else float("inf")
    finally:
        capture.release()


def _opened(file: Path) -> cv2.VideoCapture:
    if not file.is_file() or not file.stat().st_size:
        raise TrainingError(f"{file}: there is no such video, or it is empty")
    capture = cv2.VideoCapture(str(file))
    if not capture.isOpened():
        raise TrainingError(f"{file}: is no video that OpenCV opens; convert it to MP4 (H.264)")
    return capture


def _frame_rate(capture: cv2.VideoCapture) -> float:
    rate = capture.get(cv2.CAP_PROP_FPS)
    return float(rate) if 0 < rate < 1000 else 25.0
