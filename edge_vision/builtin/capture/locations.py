"""Locations: where a camera's pictures are, as one text.

    rtsp://camera.lan/stream   a stream over the network: rtsp, rtsps, http, https
    /dev/video0, 0             a video device, by path (/dev/v4l/by-id/... stays the same) or number
    a.mp4                      a video file, relative to the configuration's folder
    pictures/, a.jpg           a folder of pictures, or one picture
    test                       the drawn test scene

OpenCV and FFmpeg take far more than this ("concat:", "subfile:", playlists of other files), so what
is not listed here is refused. No error repeats a secret.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal, NamedTuple

from edge_vision.builtin.capture.redaction import redacted
from edge_vision.data.errors import ConfigError

PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
"""Network protocols a stream may use, and their usual ports."""
PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Endings of pictures."""
VIDEOS = (
    *(".3gp", ".avi", ".flv", ".gif", ".h264", ".h265", ".hevc", ".m2ts", ".m4v", ".mjpeg", ".mjpg"),
    *(".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"),
)
"""Endings of videos. Playlists are none: they name further files."""
LONGEST = 2048
"""Characters of the longest location."""

Kind = Literal["stream", "device", "video", "pictures"]


class Location(NamedTuple):
    """A checked location: of which kind, and as OpenCV is given it (a URL or an absolute path)."""

    kind: Kind
    address: str


def parse_source(source: str | int, folder: Path) -> dict[str, str | int]:
    """The table a short `source` stands for, such as {"uses": "opencv", "url": "a.mp4"}.

    folder  relative paths are relative to it
    Raises ConfigError where it is none of the things this module's text lists, or not there.
    """
    if source == "test":
        return {"uses": "test"}
    if locate(source, folder).kind == "pictures":
        return {"uses": "pictures", "path": source}
    return {"uses": "opencv", "url": source}


def locate(source: str | int, folder: Path) -> Location:
    """Say what a location is. Files and folders are looked for, but nothing is opened.

    Raises ConfigError with what would be right.
    """
    if isinstance(source, int):
        return _numbered_device(source)
    check_text(source)
    if source.isascii() and source.isdecimal():
        return _numbered_device(int(source))
    scheme = _scheme(source)
    if scheme is not None:
        # FFmpeg knows its protocols in small letters only.
        return Location("stream", scheme + source[len(scheme) :])
    path = Path(folder, source).absolute()
    if os.path.normpath(path).startswith("/dev/"):
        return Location("device", _device(source, path))
    return locate_file(source, folder)


def check_text(source: str) -> None:
    """Refuse what cannot be a location, whatever files there are; raises ConfigError."""
    if not source:
        raise ConfigError('is empty: give a URL, a device, a file, a folder of pictures, or "test"')
    if len(source) > LONGEST:
        raise ConfigError(f"is {len(source):,} characters long; {LONGEST:,} are the most")
    if not source.isprintable():
        raise ConfigError("holds a line break or another control character")
    if _scheme(source) is not None:
        host_and_port(source)
        if " " in source:
            raise ConfigError("holds a space; in a URL it is written %20")


def locate_file(source: str, folder: Path) -> Location:
    """Say what a path is: a video, or pictures. Raises ConfigError where it is neither, or not there."""
    shown, path = redacted(source), Path(folder, source).absolute()
    try:
        is_folder, is_file, exists = path.is_dir(), path.is_file(), path.exists()
    except OSError as error:
        raise ConfigError(f"{shown} cannot be looked at: {error.strerror}") from None
    if not exists:
        raise ConfigError(f"no such file or folder: {shown}")
    if is_folder:
        return Location("pictures", str(path))
    if not is_file:
        raise ConfigError(f"{shown} is neither a file nor a folder")
    ending = path.suffix.lower()
    if ending in PICTURES:
        return Location("pictures", str(path))
    if ending in VIDEOS:
        return Location("video", str(path))
    known = ", ".join(ending[1:] for ending in (*VIDEOS, *PICTURES))
    raise ConfigError(f"{shown} is no video or picture by its name; known endings: {known}")


def host_and_port(url: str) -> tuple[str, int]:
    """Whom a URL talks to; raises ConfigError where it has no host, or a port that is none."""
    scheme, _, rest = url.partition("://")
    host_text = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    match = re.fullmatch(r"(?:\[(?P<v6>[^]]*)]|(?P<name>[^:\[\]]*))(?::(?P<port>\d*))?", host_text)
    if match is None or (match["port"] and not 1 <= int(match["port"]) <= 65535):
        hint = "; a / ? or # within a password is written %2F, %3F or %23" if "@" in rest else ""
        raise ConfigError(f"should name a host, or host:port with a port from 1 to 65535{hint}")
    host = match["v6"] or match["name"]
    if not host:
        raise ConfigError("names no host")
    return host, int(match["port"] or PORTS[scheme.lower()])


def has_login(url: str) -> bool:
    """True where the URL names a user."""
    return "@" in re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]


def _scheme(source: str) -> str | None:
    """The protocol of a URL, None of a path; raises ConfigError for every other prefix."""
    prefix, colon, after = source.partition(":")
    if not colon or "/" in prefix:
        return None
    scheme = prefix.lower()
    if scheme not in PORTS:
        known = ", ".join(f"{name}://" for name in PORTS)
        raise ConfigError(f"{prefix[:20]}: is no protocol for a camera; known: {known} (a file: ./name)")
    if not after.startswith("//"):
        raise ConfigError(f"needs // after {scheme}:")
    return scheme


def _numbered_device(number: int) -> Location:
    if not 0 <= number <= 255:
        raise ConfigError("is no device number: 0 to 255")
    return Location("device", f"/dev/video{number}")


def _device(source: str, path: Path) -> str:
    name = os.path.normpath(path)
    if not re.fullmatch(r"/dev/(video\d+|v4l/by-(id|path)/[^/]+)", name):
        raise ConfigError(f"{source} is no camera: /dev/video0, /dev/video1, ... or /dev/v4l/by-id/...")
    return name
