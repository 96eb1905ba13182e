"""Examples: pictures that a network learns from, and what is to be told of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """n pictures of one size, what is to be told of each, and where it comes from.

    pictures  (n, height, width, channels) uint8, red, green, blue, or grey; may be mapped from a file
    targets   by name an array of n rows, such as label (n,) int64, or n things of their own, such as
              boxes: n arrays (k, 4) float32 x1, y1, x2, y2 in pixels of the picture
    names     n names for people, such as the file's, or the file's and a time
    groups    n names of what belongs together, such as the video, so that it stays in one part
    """

    pictures: NDArray[np.uint8]
    targets: Mapping[str, Sequence[Any] | NDArray[Any]] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pictures.ndim != 4 or self.pictures.dtype != np.uint8:
            raise TrainingError(
                "pictures are (n, height, width, channels) uint8, "
                f"not {self.pictures.shape} {self.pictures.dtype}"
            )
        columns = {**self.targets, "names": self.names, "groups": self.groups}
        for name, column in columns.items():
            if len(column) != len(self) and not (name in ("names", "groups") and not column):
                raise TrainingError(f"{len(self)} pictures, but {len(column)} {name}")

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels of every picture."""
        return self.pictures.shape[2], self.pictures.shape[1]

    def take(self, rows: Sequence[int] | NDArray[np.integer[Any]]) -> Examples:
        """Those of some rows, in that order."""
        chosen = np.asarray(rows, np.int64)
        return Examples(
            self.pictures[chosen],
            {name: _taken(column, chosen) for name, column in self.targets.items()},
            _taken(self.names, chosen) if self.names else (),
            _taken(self.groups, chosen) if self.groups else (),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Examples to learn from, and others that only judge what was learnt.

    labels  names of the classes, in the order of their numbers; empty where there are none
    """

    training: Examples
    validation: Examples
    labels: tuple[str, ...] = ()


def _taken(column: Any, rows: NDArray[np.int64]) -> Any:
    """Some rows of an array, or of a sequence, which keeps its kind."""
    if isinstance(column, np.ndarray):
        return column[rows]
    return type(column)(column[row] for row in rows)
