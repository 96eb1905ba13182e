"""Watchers: who is told how a training goes."""

from __future__ import annotations

from dataclasses import dataclass

from edge_vision.training.fitting.history import EpochRow, History


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment within an epoch.

    epoch   1 is the first
    epochs  of the whole training
    share   of this epoch that is done, 0 to 1
    loss    mean over the examples of this epoch so far; not a number where that is not known yet
    """

    epoch: int
    epochs: int
    share: float
    loss: float


class Watcher:
    """The base of who is told how a training goes; each method may be left out."""

    def started(self, epochs: int, history: History) -> None:
        """It begins, or goes on after what the history holds."""

    def moment(self, moment: Moment) -> None:
        """Some steps were taken; told at most a few times a second."""

    def epoch(self, row: EpochRow, history: History) -> None:
        """An epoch is done, the last of the history."""

    def finished(self, history: History) -> None:
        """It has ended, for whatever reason."""
