"""Logging: lines on standard error, levels for the journal, and no secret in any of them."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable

from edge_vision.builtin.capture.redaction import conceal

JOURNAL_LEVELS = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}


class Redaction:
    """Replaces known secrets, by their value, wherever they turn up in a text."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()

    def hide(self, secrets: Iterable[str]) -> None:
        """Hide these from now on, too."""
        self._secrets = tuple({*self._secrets, *secrets})

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        return conceal(text, self._secrets)


class LineFormatter(logging.Formatter):
    """One line a record with its level; tracebacks below it. Under the journal, with its level marks."""

    def __init__(self, redaction: Redaction, *, journal: bool) -> None:
        super().__init__("%(message)s" if journal else "%(asctime)s %(levelname)-7s %(message)s")
        self._redaction = redaction
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """The record's text, redacted."""
        text = self._redaction(super().format(record))
        if not self._journal:
            return text
        mark = f"<{JOURNAL_LEVELS.get(record.levelno, 6)}>"
        return "\n".join(mark + line for line in text.splitlines())


redaction = Redaction()
"""The redaction of this process's log; secrets are process-wide, as the log is."""


def start_logging(level: str = "info") -> None:
    """Log to standard error from now on; warnings of the warnings module too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(redaction, journal=_is_journal()))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)


def _is_journal() -> bool:
    """True where standard error is the journal (systemd.exec(5), $JOURNAL_STREAM)."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    if not inode:
        return False
    try:
        stat = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return device == str(stat.st_dev) and inode == str(stat.st_ino)
