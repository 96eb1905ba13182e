"""Waiting longer and longer between attempts, with jitter so that many do not come back at once."""

from __future__ import annotations

import random


class Backoff:
    """Seconds to wait before each next attempt: doubling from `first` to `longest`, less up to a third.

    Jitter after Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 (the
    "equal jitter" idea with a smaller random part, so that the wait still grows).
    """

    def __init__(
        self, first: float = 1.0, longest: float = 30.0, rng: random.Random | None = None
    ) -> None:
        self._first = first
        self._longest = longest
        self._random = rng or random.Random()  # noqa: S311 - spreads attempts, guards no secret
        self._next = first

    def wait(self) -> float:
        """The seconds to wait now; the next wait is longer."""
        wait, self._next = self._next, min(self._next * 2, self._longest)
        return wait * (1.0 - self._random.random() / 3.0)

    def reset(self) -> None:
        """Begin again with the shortest wait."""
        self._next = self._first
