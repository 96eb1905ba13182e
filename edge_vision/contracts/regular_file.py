"""Reading regular files only: what is a pipe, a device or a folder in a file's place is refused at once.

A pipe that nobody writes to would never end, and a device such as /dev/zero neither.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

LARGEST_MODEL = 2 << 30
"""Bytes of the largest model file; the offsets inside of a FlatBuffer reach no further."""


def open_regular(path: Path) -> BufferedReader:
    """A regular file, opened for reading; raises OSError where there is none, or something else."""
    try:
        # Without O_NONBLOCK opening a pipe waits for its writer; regular files do not mind it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise _not_regular(path) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _not_regular(path)
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path, most: int) -> bytes:
    """What is in a regular file, at most so many bytes of it; raises as `open_regular` does."""
    with open_regular(path) as file:
        return file.read(min(_size(file), most))


def open_model_file(path: Path) -> BufferedReader:
    """A file that may be a model, opened for reading; raises OSError where it is too large for one."""
    file = open_regular(path)
    if _size(file) > LARGEST_MODEL:
        file.close()
        problem = f"larger than {LARGEST_MODEL >> 30} GiB; a TFLite model cannot be"
        raise OSError(errno.EFBIG, problem, str(path))
    return file


def read_model_file(path: Path) -> bytes:
    """What is in a file that may be a model; raises as `open_model_file` does."""
    with open_model_file(path) as file:
        return file.read(_size(file))


def _size(file: BufferedReader) -> int:
    return os.fstat(file.fileno()).st_size


def _not_regular(path: Path) -> OSError:
    return OSError(errno.EINVAL, "is not a regular file", str(path))
