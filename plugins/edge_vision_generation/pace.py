"""A pace: at most so many pictures a second, by the source's clock."""

from __future__ import annotations

_EARLY = 1e-3
"""Share of the time between two pictures by which one may come early: clocks of cameras jitter."""


class Pace:
    """Remembers when the last picture was made."""

    def __init__(self) -> None:
        self._last: float | None = None

    def is_time(self, now: float, fps: float | None) -> bool:
        """True at most `fps` times a second, and always for None; a clock set back starts anew."""
        if fps is not None and self._last is not None and 0.0 <= now - self._last < (1.0 - _EARLY) / fps:
            return False
        self._last = now
        return True
