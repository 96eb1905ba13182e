"""What is packed in a .tflite file: the files that tools append to it as a ZIP archive."""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

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


# "Local file header" of the ZIP format (PKWARE, APPNOTE.TXT, 4.3.7): its signature, where the name is.
_LOCAL_HEADER = b"PK\x03\x04"
_NAME_PLACE = 30


def _read(source: Path | bytes, names: Sequence[str], most: int = 0) -> tuple[list[str], list[bytes]]:
    """The names of the packed files, and what is in some of them."""
    opened = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
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
