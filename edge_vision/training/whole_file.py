"""Writing a file whole: it appears in its place complete, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from edge_vision.data.errors import TrainingError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A draft beside a file's place, which gets there when it is complete.

    Raises TrainingError where it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        yield draft
        draft.replace(path)
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        if os.path.lexists(draft):
            draft.unlink()
