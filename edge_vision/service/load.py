"""Load: which share of the workers' time was used lately, and by which camera."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

WINDOW = 10.0
"""Seconds over which it is taken."""


class Load:
    """The busy seconds of each camera, looked at every now and then."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, Mapping[str, float]]] = deque()

    def look(self, now: float, busy: Mapping[str, float]) -> None:
        """Take what workers have spent on each camera so far, seconds, at a time.monotonic()."""
        self._samples.append((now, dict(busy)))
        while len(self._samples) > 2 and self._samples[1][0] <= now - WINDOW:
            self._samples.popleft()

    def by_camera(self, workers: int) -> dict[str, float]:
        """The share of all workers' time that each camera used, 0 to 1; empty before two looks."""
        if len(self._samples) < 2 or self._samples[-1][0] <= self._samples[0][0]:
            return {}
        (began, before), (ended, after) = self._samples[0], self._samples[-1]
        seconds = (ended - began) * max(1, workers)
        # A camera that was rebuilt counts from nothing again.
        used = {name: spent - min(before.get(name, 0.0), spent) for name, spent in after.items()}
        return {name: min(1.0, spent / seconds) for name, spent in used.items()}
