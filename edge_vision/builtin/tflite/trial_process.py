"""The processes of trials: each tries one model; a spare one is started ahead of time.

This module loads little, so that a spare process can load what a trial needs while this one loads
what a daemon needs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

CHILD = Path(__file__).with_name("trial_child.py")

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""What keeps numpy from starting threads that a trial does not need."""

_LAST_WORDS = 4000


class Outcome(NamedTuple):
    """Exit status of a process (below 0 the signal that ended it), its answer, and its last words."""

    status: int
    said: bytes
    last_words: str


class TrialProcess:
    """A process that waits for its model. Raises OSError where none can be started."""

    def __init__(self) -> None:
        path = json.dumps([str(each) for each in sys.path])
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
                [sys.executable, "-I", "-S", str(CHILD), path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._words,
                start_new_session=True,
                env={**os.environ, **ONE_THREAD},
            )
        except OSError:
            self._words.close()
            raise

    def ask(self, limits: Mapping[str, int], content: bytes, patience: float) -> Outcome:
        """Have it try a model; raises subprocess.TimeoutExpired after so many seconds."""
        with self._process, self._words:
            try:
                said, _ = self._process.communicate(
                    json.dumps(limits).encode() + b"\n" + content, patience
                )
            except BaseException:
                self._process.kill()
                raise
            self._words.seek(0, os.SEEK_END)
            self._words.seek(max(0, self._words.tell() - _LAST_WORDS))
            return Outcome(self._process.returncode, said, self._words.read().decode(errors="replace"))

    def end(self) -> None:
        """Have it go without a model."""
        with self._process, self._words:
            self._process.kill()


_spare: list[TrialProcess] = []


def start_spare() -> None:
    """Start a process for the first model that will be tried."""
    with suppress(OSError):  # told where it is needed
        if not _spare:
            _spare.append(TrialProcess())


def end_spare() -> None:
    """No model needs it."""
    with suppress(IndexError):
        _spare.pop().end()


def take_process() -> TrialProcess:
    """The spare process, else a new one; raises OSError where none can be started."""
    try:
        return _spare.pop()
    except IndexError:
        return TrialProcess()
