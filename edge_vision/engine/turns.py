"""Ordered turns: frames of one camera overtake each other only where that changes nothing.

Several frames of a camera are in flight at once. At an ordered step (a stateful stage, and the
delivery) a frame may go on only when every earlier frame in flight is past that step. A frame whose
turn has not come is parked, and its worker goes on with other work; whoever makes its turn come is
handed the parked frame. The oldest frame in flight is never parked, so there is no deadlock.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from edge_vision.data.result import Result


@dataclass(slots=True, eq=False)
class Job:
    """One frame on its way: what is known about it, the step it is at, when it was captured and begun.

    received and begun are time.monotonic() seconds; waited is how long it lay in the mailbox.
    """

    result: Result
    received: float
    begun: float
    step: int = 0
    ticket: int = -1
    waited: float = 0.0


class Turns:
    """Who of the frames in flight may go on. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tickets = 0
        self._flying: dict[int, Job] = {}
        self._parked: dict[int, Job] = {}

    def __len__(self) -> int:
        return len(self._flying)

    def have_room(self, most: int, first: bool) -> bool:
        """True where another job may be begun: fewer than `most` are worked on, and as many may wait.

        first  the first step is ordered, so that all jobs in flight must be past it
        """
        with self._lock:
            working = len(self._flying) - len(self._parked)
            if working >= most or len(self._flying) >= 2 * most:
                return False
            return not first or all(job.step for job in self._flying.values())

    def enter(self, job: Job) -> None:
        """Line up behind all frames in flight."""
        with self._lock:
            job.ticket = self._tickets
            self._tickets += 1
            self._flying[job.ticket] = job

    def admit(self, job: Job) -> bool:
        """True where the job may run its ordered step now; else it is parked until its turn comes."""
        with self._lock:
            if self._is_due(job):
                return True
            self._parked[job.ticket] = job
            return False

    def passed(self, job: Job) -> list[Job]:
        """The job is past its step; gives the parked jobs whose turn has come."""
        with self._lock:
            job.step += 1
            return self._unpark()

    def left(self, job: Job) -> list[Job]:
        """The job is done, delivered or not; gives the parked jobs whose turn has come."""
        with self._lock:
            del self._flying[job.ticket]
            return self._unpark()

    def oldest_begun(self) -> float | None:
        """When the oldest job that is being worked on was begun, None where there is none."""
        with self._lock:
            working = [job.begun for ticket, job in self._flying.items() if ticket not in self._parked]
            return min(working, default=None)

    def _is_due(self, job: Job) -> bool:
        return all(
            other.step > job.step for ticket, other in self._flying.items() if ticket < job.ticket
        )

    def _unpark(self) -> list[Job]:
        due = [job for job in self._parked.values() if self._is_due(job)]
        for job in due:
            del self._parked[job.ticket]
        return due
