"""Thinning a camera's frames to a rate."""

from __future__ import annotations

EARLY = 0.1
"""Share of an interval by which a frame may come early, because cameras jitter."""


class Pacer:
    """Says which frames to take so that at most `rate` a second are; keeps the beat, not the gap."""

    def __init__(self, rate: float | None) -> None:
        self._interval = 1.0 / rate if rate else 0.0
        self._due: float | None = None

    def takes(self, seconds: float) -> bool:
        """True where the frame of that time, in seconds of any one clock, is to be taken."""
        if not self._interval:
            return True
        if self._due is None:
            self._due = seconds
        if seconds < self._due - EARLY * self._interval:
            return False
        late = seconds - self._due > self._interval
        self._due = (seconds if late else self._due) + self._interval
        return True
