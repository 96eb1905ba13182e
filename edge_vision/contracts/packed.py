"""What is packed in a .tflite file: the files that tools append to it as a ZIP archive."""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from edge_vision.contracts.regular_file import open_model_file

MOST_FILES = 1000
"""So many packed files are looked at."""

# What zipfile is known to raise on damaged archives; the encrypted and the unknown are among it.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    RuntimeError,
    IndexError,
    KeyError,
    MemoryError,
)


def packed_files(source: Path | bytes) -> tuple[str, ...]:
    """Names of the files packed in a .tflite file, empty without an archive at its end.

    source  the file, or its content

    Raises ValueError where there is an archive that cannot be read, OSError where the file cannot.
    """
    return tuple(_read(source, ())[0])


def read_packed(source: Path | bytes, name: str, most: int) -> bytes:
    """What is in a packed file, at most so many bytes and one more; raises as `packed_files` does."""
    return _read(source, (name,), most)[1][0]


def cut_off(content: bytes, name: str) -> bool:
    """True where a packed file begins in a .tflite file, and the archive around it cannot be found."""
    wanted = name.encode()
    place = content.find(_LOCAL_HEADER)
    while place >= 0:
        if content[place + _NAME_PLACE : place + _NAME_PLACE + len(wanted)] == wanted:
            return True
        place = content.find(_LOCAL_HEADER, place + 1)
    return False


def begun_files(content: bytes) -> tuple[str, ...]:
    """Names of the files that begin to be packed in a .tflite file, whole or not."""
    names: dict[str, None] = {}
    place = content.find(_LOCAL_HEADER)
    for _ in range(MOST_FILES):
        if place < 0:
            break
        name = _begun_name(content[place : place + _NAME_PLACE + _LONGEST_NAME])
        if name:
            names[name] = None
        place = content.find(_LOCAL_HEADER, place + 1)
    return tuple(names)


# "Local file header" of the ZIP format (PKWARE, APPNOTE.TXT, 4.3.7): its signature, its length (the name
# comes next), and what of its fields tells it from weights that begin with the same four bytes.
_LOCAL_HEADER = b"PK\x03\x04"
_NAME_PLACE = 30
_LONGEST_NAME = 255
_LARGEST_VERSION = 63
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def _begun_name(header: bytes) -> str:
    """The name in a local file header; empty where the bytes are none, or are cut short."""
    if len(header) < _NAME_PLACE:
        return ""
    version, _, method = struct.unpack_from("<3H", header, 4)
    (length,) = struct.unpack_from("<H", header, 26)
    raw = header[_NAME_PLACE : _NAME_PLACE + length]
    if version > _LARGEST_VERSION or method not in _METHODS or not 0 < length == len(raw):
        return ""
    name = raw.decode("utf-8", errors="replace")
    return name if name.isprintable() and "\ufffd" not in name else ""


def _read(source: Path | bytes, names: Sequence[str], most: int = 0) -> tuple[list[str], list[bytes]]:
    """The names of the packed files, and what is in some of them."""
    opened = io.BytesIO(source) if isinstance(source, bytes) else open_model_file(source)
    with opened:
        try:
            if not zipfile.is_zipfile(opened):
                return [], []
            with zipfile.ZipFile(opened) as archive:
                found = archive.namelist()[:MOST_FILES]
                return found, [_content(archive, name, most) for name in names]
        except _DAMAGE as error:
            raise ValueError(str(error) or type(error).__name__) from None


def _content(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    with archive.open(name) as member:
        return member.read(most + 1)
