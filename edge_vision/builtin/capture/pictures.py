"""Pictures as a source: a folder of them, or one."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.builtin.capture.locations import PICTURES, check_text, locate_file
from edge_vision.builtin.capture.metronome import Metronome
from edge_vision.contracts.options import Options as BaseOptions
from edge_vision.contracts.options import option
from edge_vision.contracts.source import Source, SourceContext
from edge_vision.data.errors import ConfigError, SourceLost

logger = logging.getLogger(__name__)

SLOWEST = 0.2
"""Pictures a second at least in real time: a read must return soon, or nobody could stop it."""


class PicturesSource(Source):
    """The pictures of a folder in the natural order of their names, or one picture: a recording.

    Subfolders and hidden files are left out. What cannot be read is logged once and passed over.

    unreadable  the names of the pictures that were passed over
    """

    name = "pictures"
    live = False

    class Options(BaseOptions):
        """Which pictures, and how fast."""

        path: str = option(..., "a folder of pictures (jpg, png, bmp, webp, tif), or one picture")
        fps: float = option(1.0, "pictures a second", ge=0.001, le=240)
        realtime: bool = option(False, "show them at that rate instead of as fast as possible")
        loop: bool = option(False, "begin again after the last one")

    options: Options

    def __init__(self, options: Options, context: SourceContext) -> None:
        super().__init__(options, context)
        self._files = _find(options.path, context.folder)
        if options.realtime and options.fps < SLOWEST:
            raise ConfigError(f"should be at least {SLOWEST:g} with realtime", "fps")
        self._metronome = Metronome(options.fps) if options.realtime else None
        self._next = 0
        self.unreadable: set[str] = set()
        self.rate = options.fps
        self.prompt = not options.realtime

    @property
    def description(self) -> str:
        """The folder or picture, as configured."""
        return self.options.path

    def open(self) -> None:
        """Begin with the first picture."""
        self._next = 0

    def read(self) -> NDArray[np.uint8] | None:
        """The next picture that can be read, None after the last. SourceLost where none can be read."""
        for _ in self._files:
            if self._next == len(self._files):
                if not self.options.loop:
                    return None
                self._next = 0
                self.takes += len(self._files) > 1  # a still has no end that differs from its beginning
            file = self._files[self._next]
            self._next += 1
            image = self._read(file)
            if image is not None:
                if self._metronome is not None:
                    self._metronome.wait()
                return image
        if len(self.unreadable) == len(self._files):
            raise SourceLost(f"none of the {len(self._files)} pictures can be read")
        return None

    def _read(self, file: Path) -> NDArray[np.uint8] | None:
        try:
            return _decoded(file.read_bytes())
        except OSError as error:
            problem = str(error.strerror)
        except ValueError as error:
            problem = str(error)
        if file.name not in self.unreadable:
            self.unreadable.add(file.name)
            logger.warning("%s: %s passed over: %s", self.context.camera, file.name, problem)
        return None


def _decoded(content: bytes) -> NDArray[np.uint8]:
    """The picture in a file's content; raises ValueError where there is none."""
    if not content:
        raise ValueError("the file is empty")
    try:
        image = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise ValueError(error.err) from None
    if image is None:
        raise ValueError("not a picture that OpenCV can read")
    return np.asarray(image, dtype=np.uint8)


def _find(path: str, folder: Path) -> tuple[Path, ...]:
    """The pictures of a folder, or the one; raises ConfigError where there is none."""
    try:
        check_text(path)
        location = locate_file(path, folder)
        if location.kind != "pictures":
            raise ConfigError('is a video; videos are read by uses = "opencv"')
        found = Path(location.address)
        if found.is_file():
            return (found,)
        files = [file for file in found.iterdir() if _is_picture(file)]
    except ConfigError as error:
        raise ConfigError(error.problem, "path") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be looked at: {error.strerror}", "path") from None
    if not files:
        endings = ", ".join(ending[1:] for ending in PICTURES)
        raise ConfigError(f"there is no picture in {path}; known endings: {endings}", "path")
    return tuple(sorted(files, key=lambda file: natural_order(file.name)))


def natural_order(name: str) -> tuple[tuple[str, int, str], ...]:
    """A key that sorts numbers within names by their value: a2 before a10."""
    return tuple(
        (text.lower(), int(number or 0), number) for text, number in re.findall(r"(\D*)([0-9]*)", name)
    )


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in PICTURES and not file.name.startswith(".") and file.is_file()
