"""Sources as the capture tests need them, and stand-ins for what OpenCV gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_vision.builtin.capture.opencv import OpenCVSource
from edge_vision.contracts.source import SourceContext
from edge_vision.testing import still
from tests.builtin.camera_servers import (
    picture,
)

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "video"
SHORT = 0.4
"""Seconds of the timeouts in these tests."""
GREYS = [10, 20, 30, 40, 50]
FIVE = [picture(grey) for grey in GREYS]
"""Pictures enough for FFmpeg to be sure that it is a stream; it looks at a few before it opens one."""


def made(url: str | int, folder: Path = Path(), **options: Any) -> OpenCVSource:
    return OpenCVSource(
        OpenCVSource.Options.parse({"url": url, **options}), SourceContext("porch", folder)
    )


def stream(url: str, folder: Path = Path(), **options: Any) -> OpenCVSource:
    return made(url, folder, **{"open_timeout": SHORT, "read_timeout": SHORT, **options})


def values(source: OpenCVSource, most: int = 1000) -> list[int]:
    """The grey of each frame, to the nearest ten."""
    found: list[int] = []
    while len(found) < most and (image := source.read()) is not None:
        found.append(round(float(image.mean()) / 10) * 10)
    return found


def video(file: Path, count: int = 12, rate: float = 10.0, code: str = "MJPG") -> Path:
    """A video of grey frames 0, 10, 20, ..."""
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*code), rate, (64, 48))
    assert writer.isOpened()
    for index in range(count):
        writer.write(still(index * 10))
    writer.release()
    return file


class Nothing:
    """A capture that opened but gives no frame."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, float]] = []

    def grab(self) -> bool:
        return False

    def retrieve(self) -> tuple[bool, np.ndarray[Any, Any] | None]:
        return False, None

    def get(self, key: int) -> float:
        return 0.0

    def set(self, key: int, value: float) -> bool:
        self.asked.append((key, value))
        return True

    def release(self) -> None:
        pass


def secret(folder: Path, password: str = "s/cret") -> str:
    """The name of a password file in a folder."""
    file = folder / "password"
    file.write_text(f"{password}\n")
    file.chmod(0o600)
    return file.name
