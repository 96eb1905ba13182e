"""Rows: numbers for each of many pictures, computed once, in threads, and kept in a file as they come.

Who is interrupted goes on with the rows that are missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.whole_file import whole_file

THREADS = 2
"""A model has an interpreter for each call at once; more than cores help nobody."""

Progress = Callable[[int, int], None]
"""Is told how many rows are done, and how many there are."""

_BLOCK = 32
_HASHED_AT_ONCE = 1 << 24


@dataclass(frozen=True, slots=True)
class Rows:
    """Where rows are kept, and how one is computed.

    folder   that keeps them
    digest   tells them from all others: of everything that they depend on
    width    numbers in a row
    compute  gives row i, (width,) float32, all finite; called from several threads
    """

    folder: Path
    digest: str
    width: int
    compute: Callable[[int], NDArray[np.float32]]

    def all(self, count: int, progress: Progress | None = None) -> NDArray[np.float32]:
        """All rows, (count, width) float32, mapped from their file; those that are missing are computed.

        Raises TrainingError where the file cannot be written, and whatever computing a row does.
        """
        finished = self.folder / f"{self.digest}.npy"
        begun = self.folder / f"{self.digest}.part.npy"
        if not finished.exists():
            if not begun.exists():
                self._begin(begun, count)
            self._fill(self._mapped(begun, count, "r+"), progress)
            begun.replace(finished)
        return self._mapped(finished, count, "r")

    def _begin(self, file: Path, count: int) -> None:
        """Make room for all rows; one that is missing holds a NaN.

        The file is complete before it gets its name: rows of zeros would pass for computed ones.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with whole_file(file) as draft, draft.open("wb") as opened:
            np.lib.format.write_array(opened, np.full((count, self.width), np.nan, np.float32))

    def _mapped(self, file: Path, count: int, mode: Literal["r", "r+"]) -> NDArray[np.float32]:
        try:
            rows: NDArray[np.float32] = np.lib.format.open_memmap(file, mode=mode)
        except (OSError, ValueError) as error:
            raise TrainingError(f"{file}: cannot be read: {error}; delete it") from error
        if rows.shape != (count, self.width) or rows.dtype != np.float32:
            raise TrainingError(f"{file}: is damaged ({rows.shape} {rows.dtype}); delete it")
        return rows

    def _fill(self, rows: Any, progress: Progress | None) -> None:
        missing = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        blocks = [missing[start : start + _BLOCK] for start in range(0, len(missing), _BLOCK)]
        done = len(rows) - len(missing)

        def work(block: NDArray[np.intp]) -> int:
            for row in block.tolist():
                rows[row] = self.compute(row)
            return len(block)

        with ThreadPoolExecutor(THREADS) as pool:
            left: set[Future[int]] = {pool.submit(work, block) for block in blocks}
            try:
                while left:
                    ended, left = wait(left, return_when=FIRST_EXCEPTION, timeout=1.0)
                    done += sum(each.result() for each in ended)
                    if progress is not None and ended:
                        progress(done, len(rows))
            finally:
                # Where one failed, or the user had enough, nobody waits for the rest.
                pool.shutdown(wait=True, cancel_futures=True)
                rows.flush()


def digest_of(*facts: object, arrays: tuple[NDArray[Any], ...] = ()) -> str:
    """A digest of facts, by their texts, and of arrays, by shape, type and values."""
    made = hashlib.sha256("\n".join(map(repr, facts)).encode())
    for array in arrays:
        made.update(f"{array.shape} {array.dtype.str}".encode())
        rows = max(1, _HASHED_AT_ONCE // max(1, array[:1].nbytes))
        for start in range(0, len(array), rows):
            made.update(np.ascontiguousarray(array[start : start + rows]).data)
    return made.hexdigest()[:32]
