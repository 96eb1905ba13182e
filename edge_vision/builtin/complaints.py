"""Complaints: warnings that are logged once; the counters tell how often."""

from __future__ import annotations

import logging
import threading

DIFFERENT = 100
"""So many different texts are remembered; more, made by whoever sends nonsense, are not logged."""


class Complaints:
    """Logs each warning once until it is cleared; what repeats goes to the debug level."""

    def __init__(self, logger: logging.Logger, speaker: str) -> None:
        self._logger = logger
        self._speaker = speaker
        self._told: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, text: str) -> None:
        """Warn of something, unless that was done before."""
        with self._lock:
            first = text not in self._told and len(self._told) < DIFFERENT
            if first:
                self._told.add(text)
        self._logger.log(logging.WARNING if first else logging.DEBUG, "%s: %s", self._speaker, text)

    def clear(self) -> None:
        """Warn of everything again."""
        with self._lock:
            self._told.clear()
