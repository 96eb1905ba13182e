"""Lasting: since when something has been at a place, though it may move and flicker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GAP_SECONDS = 1.0
"""What is missed for so long, and the time between two frames, is still the same."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A region: its box (4,) x1, y1, x2, y2, since when it was there, and when it was seen last."""

    box: NDArray[np.float64]
    since: float
    last: float


class Lasting:
    """Remembers regions from frame to frame: one that touches where one was before goes on."""

    def __init__(self) -> None:
        self._known: list[_Seen] = []
        self._before = 0.0

    def seconds(self, boxes: NDArray[np.floating], now: float, reach: float) -> NDArray[np.float64]:
        """For how long each region has been there, (n,) in seconds.

        boxes  (n, 4) of this frame
        reach  how far a region may jump between two frames, in the boxes' unit
        """
        oldest = min(self._before, now) - GAP_SECONDS
        self._before = now
        self._known = [seen for seen in self._known if seen.last >= oldest]
        since = [
            min([now, *(seen.since for seen in self._known if _touch(box, seen.box, reach))])
            for box in boxes
        ]
        fresh = [
            _Seen(np.asarray(box, np.float64), begun, now)
            for box, begun in zip(boxes, since, strict=True)
        ]
        # What is not seen now may come back; what goes on is known by where it is now.
        gone = [seen for seen in self._known if not any(_touch(box, seen.box, reach) for box in boxes)]
        self._known = fresh + gone
        return now - np.asarray(since, np.float64)


def _touch(one: NDArray[np.floating], other: NDArray[np.floating], reach: float) -> bool:
    """True where two boxes are no further apart than that."""
    return bool((one[:2] <= other[2:] + reach).all() and (other[:2] <= one[2:] + reach).all())
