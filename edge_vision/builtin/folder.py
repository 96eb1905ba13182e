"""The folder sink: the pictures of every result as files."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edge_vision.builtin.background import BackgroundWriter
from edge_vision.builtin.complaints import Complaints
from edge_vision.builtin.encode import Encoded, encode_picture
from edge_vision.builtin.places import check_place
from edge_vision.contracts.options import Options as BaseOptions
from edge_vision.contracts.options import option
from edge_vision.contracts.sink import Sink, SinkContext
from edge_vision.data.errors import SinkError, StageError
from edge_vision.data.findings import Picture
from edge_vision.data.payload import picture_name
from edge_vision.data.result import Result

logger = logging.getLogger(__name__)

PICTURES_WAITING = 64
"""At most so many encoded pictures wait to be written."""


@dataclass(frozen=True, slots=True)
class _File:
    """A picture to be written: its camera, its name, the frame's index, and its bytes."""

    camera: str
    name: str
    index: int
    encoded: Encoded


class FolderSink(Sink):
    """Writes each picture of a result to `<path>/<camera>/<name>-<index>.jpg` or `.png`.

    The index is the frame's, eight digits. A file appears whole or not at all. Pictures are encoded on
    the calling thread and written on the sink's own. Of each camera's picture name at most `keep`
    files stay; those of earlier runs count, and the one written longest ago goes first.
    """

    name: ClassVar[str] = "folder"

    class Options(BaseOptions):
        """What a user may write beside `uses = "folder"`."""

        path: str = option(..., "Folder to write to; made where it is missing.", min_length=1)
        keep: int = option(
            1000, "At most so many files of each picture name of a camera; 0 keeps all.", ge=0
        )
        quality: int = option(85, "Quality of JPEG files.", ge=1, le=100)

    options: Options

    def __init__(self, options: Options, context: SinkContext) -> None:
        super().__init__(options, context)
        self._folder = context.folder / options.path
        check_place(self._folder, "path")
        self._writer = BackgroundWriter(f"sink {context.name}", self._write_file, PICTURES_WAITING)
        self._kept: dict[tuple[Path, str], dict[str, None]] = {}
        self._complain = Complaints(logger, context.name)

    def open(self) -> None:
        """Make the folder and remove what a power cut left half written.

        Raises SinkError where that is not possible.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for unfinished in self._folder.glob("*/.*.part"):
                unfinished.unlink(missing_ok=True)
        except OSError as error:
            raise SinkError(
                f"{self.context.name}: cannot use the folder {self._folder}: {error.strerror}"
            ) from None
        self._writer.start()

    def wait_for_room(self, timeout: float) -> bool:
        """Wait until half of what may wait is written; False where `timeout` seconds passed."""
        return self._writer.wait_for_room(timeout)

    def write(self, result: Result, *, wait: bool = False) -> None:
        """Write the pictures of a result."""
        for picture in result.all(Picture):
            if self._writer.accepts(wait):
                self._put(picture, result, wait)

    def counters(self) -> Mapping[str, int]:
        """How many pictures were written, were lost, and wait."""
        return self._writer.counters()

    def flush(self, timeout: float) -> bool:
        """Wait until every picture is written; False where `timeout` seconds passed."""
        return self._writer.flush(timeout)

    def close(self) -> None:
        """Write what was accepted, for a bounded time."""
        self._writer.close()

    def _put(self, picture: Picture, result: Result, wait: bool) -> None:
        name = picture_name(picture)
        try:
            encoded = encode_picture(picture, self.options.quality)
        except StageError as error:
            self._writer.lose()
            self._complain(str(error))
        else:
            frame = result.frame
            file = _File(file_name(frame.camera), file_name(name), frame.index, encoded)
            self._writer.put(file, wait)

    def _write_file(self, file: _File) -> None:
        folder = self._folder / file.camera
        folder.mkdir(parents=True, exist_ok=True)
        final = f"{file.name}-{file.index:08d}{file.encoded.suffix}"
        unfinished = folder / f".{final}.part"
        try:
            unfinished.write_bytes(file.encoded.data)
            unfinished.replace(folder / final)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        self._remove_oldest(folder, file.name, final)

    def _remove_oldest(self, folder: Path, name: str, newest: str) -> None:
        """Remove files of that name beyond `keep`, those written longest ago first."""
        if not self.options.keep:
            return
        kept = self._kept.get((folder, name))
        if kept is None:
            kept = self._kept[folder, name] = dict.fromkeys(_files_of(folder, name))
        kept.pop(newest, None)
        kept[newest] = None
        for oldest in list(kept)[: -self.options.keep]:
            (folder / oldest).unlink(missing_ok=True)
            del kept[oldest]


def file_name(name: str) -> str:
    """A name as part of a file's: what is no letter, digit, dot, dash or underscore becomes `_`.

    A leading dot does too, so no name leads out of the folder or hides a file.
    """
    return re.sub(r"^\.|[^\w.-]", "_", name) or "_"


def _files_of(folder: Path, name: str) -> list[str]:
    """The files of a picture name that are there already, those written longest ago first."""
    pattern = re.compile(re.escape(name) + r"-\d{8,}\.(jpg|png)")
    files = [file for file in folder.iterdir() if pattern.fullmatch(file.name)]
    return [file.name for file in sorted(files, key=lambda file: (file.stat().st_mtime_ns, file.name))]
