"""Native standard error: what C++ libraries write there, past Python, is held back or passed on."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

_one_at_a_time = Lock()


@contextmanager
def without_native_lines(unwanted: Callable[[str], bool]) -> Iterator[None]:
    """While the context lasts, standard error is collected; its lines follow then, less unwanted ones.

    The runtime offers no other way to silence its "INFO: Created ..." line, which would stand beside
    the one line that an error is told in.
    """
    with _one_at_a_time, tempfile.TemporaryFile() as collected:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(collected.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            collected.seek(0)
            for line in collected.read().decode(errors="replace").splitlines(keepends=True):
                if not unwanted(line):
                    os.write(2, line.encode())
