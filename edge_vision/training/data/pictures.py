"""Pictures from files: decoded, refused where the file is cut off, and their sizes without decoding.

OpenCV decodes what there is of a truncated JPEG file and paints the rest grey, so files are looked at
before: a JPEG file ends with an end-of-image marker (ITU-T T.81, B.1.1.3; it cannot occur inside of
the entropy-coded data), a PNG file with an IEND chunk (ISO/IEC 15948, 11.2.5).
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.regular_file import read_regular

LARGEST_FILE = 1 << 29
"""Pictures are read up to this many bytes."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PALETTE = 3
_GREY = 0
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN, _JPEG_END, _JPEG_EXIF = 0xDA, b"\xff\xd9", 0xE1
_ORIENTATION = 0x0112


class UnreadableError(Exception):
    """A picture that cannot be used, and why."""


def read_picture(file: Path, channels: int = 3, *, upright: bool = True) -> NDArray[np.uint8]:
    """The pixels of a picture, (height, width, 3) uint8 red, green, blue, or (height, width, 1) grey.

    upright  turn it as its EXIF orientation says, as viewers do
    Raises UnreadableError where it cannot be decoded as a whole.
    """
    data = _whole(file)
    mode = cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR
    if not upright:
        mode |= cv2.IMREAD_IGNORE_ORIENTATION
    pixels = _decoded(data, mode)
    if channels == 1:
        return pixels[..., np.newaxis]
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def read_mask(file: Path) -> NDArray[np.uint8]:
    """The values of a mask, (height, width) uint8; of a picture with a palette these are its indices.

    Values of 16 bits must fit in 8. Raises UnreadableError where that is not so, or it has colours.
    """
    data, depth = _without_palette(_whole(file))
    values = _decoded(data, cv2.IMREAD_UNCHANGED)
    if values.ndim == 3:
        first = values[..., 0]
        if not (values[..., :3] == first[..., np.newaxis]).all():
            raise UnreadableError("has colours; a mask holds the number of a class in each pixel")
        values = first
    if values.max() > 255:
        raise UnreadableError(f"holds values up to {values.max()}; a mask's are 0 to 255")
    # Grey of fewer than eight bits was stretched to the whole range.
    return np.asarray(values // (255 // ((1 << depth) - 1)), np.uint8)


def picture_size(file: Path) -> tuple[int, int]:
    """(width, height) of a picture as `read_picture` gives it, from its header where that is known.

    Raises UnreadableError where it is no picture.
    """
    data = _bytes(file)
    size = _jpeg_size(data) if data[:2] == b"\xff\xd8" else _png_size(data)
    if size is None:
        height, width = _decoded(data, cv2.IMREAD_COLOR).shape[:2]
        return width, height
    return size


def _bytes(file: Path) -> bytes:
    try:
        data = read_regular(file, LARGEST_FILE)
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from None
    if not data:
        raise UnreadableError("is empty")
    return data


def _whole(file: Path) -> bytes:
    """The bytes of a file; raises UnreadableError where its end is missing."""
    data = _bytes(file)
    if data[:2] == b"\xff\xd8":
        scan = next((place for marker, place in _segments(data) if marker == _JPEG_SCAN), None)
        complete = scan is not None and data.find(_JPEG_END, scan) >= 0
    else:
        complete = not data.startswith(_PNG) or b"IEND" in data
    if not complete:
        raise UnreadableError("is cut off: the end of the file is missing")
    return data


def _decoded(data: bytes, mode: int) -> NDArray[np.uint8]:
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error:  # more pixels than OpenCV's limit, say
        pixels = None
    if pixels is None:
        raise UnreadableError("cannot be decoded: it is no picture that OpenCV reads")
    return np.asarray(pixels)


def _segments(data: bytes) -> list[tuple[int, int]]:
    """The marker and the place after it of a JPEG file's segments, up to the first scan."""
    found = []
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # fill bytes before a marker
            place += 1
            continue
        found.append((marker, place + 2))
        if marker == _JPEG_SCAN:
            break
        place += 2 + struct.unpack_from(">H", data, place + 2)[0]
    return found


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    turned = False
    for marker, place in _segments(data):
        if marker == _JPEG_EXIF and data[place + 2 : place + 8] == b"Exif\0\0":
            turned = _orientation(data[place + 8 : place + (data[place] << 8 | data[place + 1])]) >= 5
        if marker in _JPEG_FRAMES and place + 7 <= len(data):
            height, width = struct.unpack_from(">HH", data, place + 3)
            return (height, width) if turned else (width, height)
    return None


def _orientation(exif: bytes) -> int:
    """The orientation that EXIF's first directory states, 1 to 8; 5 and more swap the sides."""
    order = "<" if exif[:2] == b"II" else ">"
    try:
        (first,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, first)
        for entry in range(first + 2, first + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(order + "HHIH", exif, entry)
            if tag == _ORIENTATION:
                return int(value)
    except struct.error:  # cut short: viewers show it as it is
        pass
    return 1


def _png_size(data: bytes) -> tuple[int, int] | None:
    # An eXIf chunk may turn a PNG file as well; it is rare, and then it is decoded.
    if not data.startswith(_PNG) or b"eXIf" in data or len(data) < 24:
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _without_palette(data: bytes) -> tuple[bytes, int]:
    """A PNG file with its palette's indices declared to be grey values, and its bits a value.

    OpenCV paints palettes, and the numbers of the classes would be lost.
    """
    if not data.startswith(_PNG) or len(data) < 33:
        return data, 8
    depth, colour = data[24], data[25]
    if colour == _GREY:
        return data, min(depth, 8)
    if colour != _PALETTE:
        return data, 8
    header = data[12:25] + bytes([_GREY]) + data[26:29]
    parts = [data[:12], header, struct.pack(">I", zlib.crc32(header))]
    place = 33
    while place + 12 <= len(data):
        length = struct.unpack_from(">I", data, place)[0]
        if data[place + 4 : place + 8] not in (b"PLTE", b"tRNS"):
            parts.append(data[place : place + 12 + length])
        place += 12 + length
    return b"".join(parts), depth
