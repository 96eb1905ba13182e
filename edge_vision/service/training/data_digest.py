"""A digest of a folder of data, which tells whether they are still the same."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from edge_vision.training.data.files import look_at

PREFIX = "content:"
"""What a digest begins with, so that those made in another way are told from it."""

WHOLE = 1 << 16
"""Of files of up to so many bytes all are looked at."""

PIECE = 1 << 14
"""Of larger ones so many at the head, in the middle and at the tail."""

TEXTS = frozenset((".csv", ".json", ".toml", ".txt", ".xml", ".yaml", ".yml"))
"""Endings of files that are always looked at whole: a digit that changes leaves their size as it was."""

_AT_ONCE = 1 << 20


def digest_of(data: Path) -> str:
    """A digest of the names, sizes and contents of a folder's files, so that other data are noticed.

    Hidden files do not count, folders that links lead to count once, and neither dates nor the folder's
    own place matter, so that data may be moved and copied. Files of more than 64 KiB that are no
    annotations, such as large pictures and videos, are sampled at three places. What is no file or
    cannot be read counts by its name. A single file, such as a recording, counts by its content alone.
    Raises TrainingError where there is nothing, or a folder with nothing in it.
    """
    digest = hashlib.blake2b(digest_size=32)
    if data.is_file():
        digest.update(_content(data))
        return f"{PREFIX}{digest.hexdigest()}"
    for name in sorted(str(path) for path in look_at(data).paths):
        digest.update(os.fsencode(name) + b"\0")
        digest.update(_content(data / name))
    return f"{PREFIX}{digest.hexdigest()}"


def _content(file: Path) -> bytes:
    """A digest of a file's size and content, all or samples of it; empty where it cannot be read."""
    digest = hashlib.blake2b(digest_size=32)
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe does not block
    except OSError:  # told when it is to be learnt from
        return b""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return b""
        size = status.st_size
        digest.update(b"%d\0" % size)
        if size <= WHOLE or file.suffix.lower() in TEXTS:
            while piece := os.read(descriptor, _AT_ONCE):
                digest.update(piece)
        else:
            for start in (0, (size - PIECE) // 2, size - PIECE):
                digest.update(os.pread(descriptor, PIECE, start))
    except OSError:
        return b""
    finally:
        os.close(descriptor)
    return digest.digest()
