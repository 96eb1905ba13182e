"""Progress: a line an epoch on a terminal, and now and then a line elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import TextIO

from edge_vision.training.fitting.history import EpochRow, History
from edge_vision.training.fitting.watcher import Moment, Watcher

TERMINAL_SECONDS, FILE_SECONDS = 1.0, 15.0
"""At least so long, on a terminal and elsewhere, lies between two lines that stay."""


class Progress(Watcher):
    """Tells people how a training goes.

    On a terminal one line changes in place and stays when its epoch has ended; epochs shorter than a
    second share one. Elsewhere, such as in a log, a line is written at intervals. The last epoch always
    gets its line.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        interval: float | None = None,
    ) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._terminal = self._stream.isatty()
        self._clock = clock
        self._interval = interval or (TERMINAL_SECONDS if self._terminal else FILE_SECONDS)
        self._epochs = self._before = 0
        self._last = clock()
        self._measured: tuple[float, float] | None = None  # since when, and after how many epochs
        self._held = ""
        self._width = 0
        self._score = ""

    def started(self, epochs: int, history: History) -> None:
        """Take the time."""
        self._epochs, self._before = epochs, len(history.rows)
        self._measured, self._last = None, self._clock() - self._interval
        self._score = _score(history)
        if self._before and not history.complete:
            self._keep(f"going on after epoch {self._before} of {epochs}")

    def moment(self, moment: Moment) -> None:
        """Change the line in place."""
        line = self._line(moment.epoch, moment.epoch - 1 + moment.share, moment.loss)
        if self._terminal:
            self._write(line, end="")
        elif self._due():
            self._keep(line)

    def epoch(self, row: EpochRow, history: History) -> None:
        """Let the line stay."""
        self._score = _score(history)
        self._held = self._line(row.epoch, row.epoch, row.loss)
        if self._due() or row.epoch == self._epochs:
            self._keep(self._held)
        elif self._terminal:
            self._write(self._held, end="")

    def finished(self, history: History) -> None:
        """Say what the end was, if its line was not written yet."""
        if self._held:
            self._keep(self._held)
        elif self._width:
            self._write("", end="\n")
        if history.complete and history.rows and history.rows[-1].epoch < self._epochs:
            since = history.epochs_since_best
            self._keep(f"stopped: no better score for {since} epochs; kept epoch {history.best_epoch}")

    def _line(self, epoch: int, done: float, loss: float) -> str:
        left = self._left(done)
        time_left = f"  {_duration(left)} left" if left > 0 else ""
        share = done / self._epochs if self._epochs else 1.0
        figure = "" if math.isnan(loss) else f"  loss {loss:.4g}"
        return f"epoch {epoch}/{self._epochs}  {share:4.0%}{time_left}{figure}{self._score}"

    def _left(self, done: float) -> float:
        """Seconds that are left after so many epochs, 0 where that is not known yet.

        What lies before the first moment does not count: the first step compiles the network.
        """
        now = self._clock()
        if self._measured is None:
            self._measured = now, done
        since, before = self._measured
        return (now - since) / (done - before) * (self._epochs - done) if done > before else 0.0

    def _due(self) -> bool:
        return self._clock() - self._last >= self._interval

    def _keep(self, line: str) -> None:
        self._write(line, end="\n")
        self._last = self._clock()
        self._held = ""

    def _write(self, line: str, end: str) -> None:
        padded = line.ljust(self._width) if self._terminal else line
        self._stream.write(("\r" if self._terminal else "") + padded + end)
        self._stream.flush()
        self._width = 0 if end else len(line)


def _score(history: History) -> str:
    """The newest chief figure, and the best with its epoch."""
    told = [row.score[history.chief] for row in history.rows if history.chief in row.score]
    if not told:
        return ""
    best = f"best {history.best_score:.4f} in epoch {history.best_epoch}"
    return f"  {history.chief} {told[-1]:.4f} ({best})"


def _duration(seconds: float) -> str:
    """A duration for people: 45 s, 3:20 min, 2:05 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
