"""The sources that come with edge_vision, registered as those of any plugin are."""

from __future__ import annotations

from collections.abc import Callable

from edge_vision.builtin.capture.opencv import OpenCVSource
from edge_vision.builtin.capture.pictures import PicturesSource
from edge_vision.builtin.scene.drawn import DrawnScene
from edge_vision.contracts.hookspecs import hookimpl
from edge_vision.contracts.source import Source


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    """Register streams, devices and videos through OpenCV, pictures, and the drawn scene."""
    for source in (OpenCVSource, PicturesSource, DrawnScene):
        register(source)
