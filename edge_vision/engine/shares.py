"""Shares: how the workers' time is divided between cameras that all want more of it than there is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

Task: TypeAlias = Callable[[], None]
"""A piece of work on one frame."""

LEARNING = 0.2
"""Weight of the newest task in what one usually takes."""


class Share:
    """What one camera wants of the workers, and what it has had of them.

    weight  how much of their time it is due, beside the others
    busy    seconds of a worker that its finished tasks took
    """

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight
        self.busy = 0.0
        self.tasks: deque[Task] = deque()
        self.start = 0.0
        """Where its next task begins in virtual time, see `Shares`."""
        self._usual = 0.0

    def begin(self) -> float:
        """Charge the next task with what one usually takes, seconds; it is settled at its end."""
        self.start += self._usual / self.weight
        return self._usual

    def settle(self, took: float, charged: float) -> None:
        """A task is over.

        took     seconds that it took
        charged  what `begin` charged for it
        """
        self.busy += took
        self.start += (took - charged) / self.weight
        self._usual += LEARNING * (took - self._usual)


class Shares:
    """The tasks that wait, by whose they are. Start-time fair queueing; not thread-safe.

    Each share has a clock that runs as fast as it is served, divided by its weight, and whose clock is
    furthest behind is next. One that wanted nothing for a while begins where the others are, so nobody
    saves up. P. Goyal and others, "Start-time Fair Queuing", SIGCOMM 1996.
    """

    def __init__(self) -> None:
        self._waiting: dict[Share, None] = {}
        self._now = 0.0

    def __len__(self) -> int:
        """How many shares want something."""
        return len(self._waiting)

    def put(self, share: Share, task: Task, *, first: bool = False) -> None:
        """A task more; `first`: before all others of its share."""
        if share not in self._waiting:
            share.start = max(share.start, self._now)
            self._waiting[share] = None
        if first:
            share.tasks.appendleft(task)
        else:
            share.tasks.append(task)

    def take(self) -> tuple[Share, Task, float]:
        """The next task, whose it is, and what was charged for it; there is one.

        Of shares that are equally far behind the one goes first that has waited the longest.
        """
        share = min(self._waiting, key=_start)
        self._now = max(self._now, share.start)
        del self._waiting[share]
        task = share.tasks.popleft()
        if share.tasks:
            self._waiting[share] = None
        return share, task, share.begin()


def _start(share: Share) -> float:
    return share.start
