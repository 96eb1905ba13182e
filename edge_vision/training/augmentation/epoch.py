"""An epoch: all examples once or several times, each augmented anew."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.augmentation.augmentation import Augmentation, Draws, draw
from edge_vision.training.examples import Examples

CHUNK = 256
"""So many examples share a generator; changing this changes what is drawn."""


def epoch(
    examples: Examples,
    augmentation: Augmentation,
    size: tuple[int, int],
    random: np.random.Generator,
    threads: int = 2,
    repeat: int = 1,
) -> Examples:
    """Freshly augmented pictures of all examples, in their order, in memory.

    size     (width, height) of the augmented pictures
    random   what is drawn depends on it alone, not on the number of threads
    threads  at work at once
    repeat   so often each example occurs; the whole is repeated, so example i is also at i + n

    The targets `boxes`, `classes` and `mask` are changed with the pictures, all others stay as they are.
    """
    if repeat < 1 or threads < 1:
        raise TrainingError(
            f"an epoch needs at least one thread and one repetition: {threads}, {repeat}"
        )
    count = len(examples) * repeat
    made = _Epoch(examples, size, count)
    starts = range(0, count, CHUNK)
    chunks = list(zip(starts, random.spawn(len(starts)), strict=True))

    def work(chunk: tuple[int, np.random.Generator]) -> None:
        start, generator = chunk
        rows = range(start, min(start + CHUNK, count))
        drawn = draw(augmentation, len(rows), examples.size, size, generator)
        for number, row in enumerate(rows):
            made.fill(row, drawn, number)

    if threads == 1:
        for chunk in chunks:
            work(chunk)
    else:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(work, chunks):
                pass
    return made.examples(repeat)


class _Epoch:
    """The arrays of an epoch while they are filled."""

    def __init__(self, examples: Examples, size: tuple[int, int], count: int) -> None:
        self._from = examples
        width, height = size
        self._pictures = np.empty((count, height, width, examples.pictures.shape[3]), np.uint8)
        self._targets: dict[str, Any] = {}
        if "mask" in examples.targets:
            self._targets["mask"] = np.empty((count, height, width), np.uint8)
        if "boxes" in examples.targets:
            empty: list[NDArray[Any]] = [np.zeros(0)] * count
            self._targets["boxes"] = empty
            if "classes" in examples.targets:
                self._targets["classes"] = list(empty)

    def fill(self, row: int, drawn: Draws, number: int) -> None:
        """Put in one row what a row of the draws makes of its example."""
        source = row % len(self._from)
        targets = self._from.targets
        self._pictures[row] = drawn.picture(self._from.pictures[source], number)
        if "mask" in self._targets:
            self._targets["mask"][row] = drawn.mask(targets["mask"][source], number)
        if "boxes" in self._targets:
            boxes, kept = drawn.boxes(targets["boxes"][source], number)
            self._targets["boxes"][row] = boxes
            if "classes" in self._targets:
                self._targets["classes"][row] = targets["classes"][source][kept]

    def examples(self, repeat: int) -> Examples:
        """All of it."""
        targets = {
            name: self._targets.get(name, _repeated(column, repeat))
            for name, column in self._from.targets.items()
        }
        names, groups = self._from.names * repeat, self._from.groups * repeat
        return Examples(self._pictures, targets, names, groups)


def _repeated(column: Sequence[Any] | NDArray[Any], repeat: int) -> Sequence[Any] | NDArray[Any]:
    if isinstance(column, np.ndarray):
        return column if repeat == 1 else np.concatenate([column] * repeat)
    return [*column] * repeat
