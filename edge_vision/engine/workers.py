"""One pool of worker threads for all cameras."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from math import inf
from threading import Condition, Lock, Thread, current_thread
from typing import NamedTuple

from edge_vision.engine.shares import Share, Shares, Task

log = logging.getLogger(__name__)

OVERDUE = 1.0
"""Seconds after which a worker still busy with one frame is taken for stuck and gets a substitute."""


class _Run(NamedTuple):
    """A task that a worker is busy with: since when, whose it is, what was charged for it."""

    since: float
    share: Share
    charged: float


class Claim:
    """The workers as one camera sees them: what it submits is done as its share allows."""

    def __init__(self, workers: Workers, share: Share) -> None:
        self._workers = workers
        self._share = share

    @property
    def count(self) -> int:
        """So many threads compute at once."""
        return self._workers.count

    @property
    def free(self) -> int:
        """So many of them have nothing to do, those that are stuck left out."""
        return self._workers.free

    @property
    def busy(self) -> float:
        """Seconds that they have spent on what was submitted here."""
        return self._workers.busy(self._share)

    def weigh(self, weight: float) -> None:
        """Claim with another weight from now on."""
        self._share.weight = weight

    def submit(self, task: Task, *, first: bool = False, patience: float = 0.0) -> None:
        """Queue a task.

        first     before all others of this claim
        patience  seconds within which a worker that is busy now may take it, rather than one be woken
                  that sleeps; infinite from a worker that is about to be done with its own task
        """
        self._workers.submit(self._share, task, first=first, patience=patience)

    def remind(self, patience: float) -> None:
        """What was submitted with patience still waits: wake a worker for it where that is due."""
        self._workers.remind(patience)


class Workers:
    """So many threads, taking tasks in turn. A task is a piece of work on one frame.

    Where there is more to do than they can, each share gets as much of their time as its weight says.

    A stage that hangs takes its thread with it, and Python cannot stop a thread. So `check`, called
    every now and then, starts a substitute for each worker that has been busy for too long; when
    the stuck one comes back after all, one thread too many goes home. One camera never stops another.
    """

    def __init__(
        self, count: int, *, overdue: float = OVERDUE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count = count
        self._overdue = overdue
        self._clock = clock
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._tasks = Shares()
        self._runs: dict[Thread, _Run] = {}
        self._threads: set[Thread] = set()
        self._stuck: set[Thread] = set()
        self._stopping = False
        self._started = 0
        self._resting = 0

    @property
    def count(self) -> int:
        """How many threads compute at once."""
        return self._count

    @property
    def stuck(self) -> int:
        """How many threads are busy with one frame for too long."""
        return len(self._stuck)

    @property
    def free(self) -> int:
        """How many threads have nothing to do, those that are stuck left out."""
        with self._lock:
            return max(0, self._count - (len(self._runs) - len(self._stuck)))

    def start(self) -> None:
        """Start the threads."""
        with self._lock:
            self._fill()

    def resize(self, count: int) -> None:
        """Work with another number of threads from now on."""
        with self._lock:
            self._count = count
            self._fill()
            self._changed.notify_all()

    def claim(self, weight: float = 1.0) -> Claim:
        """What somebody may claim of the threads' time, by a weight beside the others' weights."""
        return Claim(self, Share(weight))

    def remind(self, patience: float) -> None:
        """Wake a worker for what waits, unless one that is busy is free within `patience` seconds."""
        with self._lock:
            if self._resting and self._tasks and not self._free_within(patience):
                self._changed.notify()

    def submit(self, share: Share, task: Task, *, first: bool, patience: float) -> None:
        """Queue a task of a share, see `Claim.submit`."""
        with self._lock:
            self._tasks.put(share, task, first=first)
            if self._resting and not (patience and self._free_within(patience)):
                self._changed.notify()

    def busy(self, share: Share) -> float:
        """Seconds that threads have spent on a share's tasks, with those that are not over yet."""
        with self._lock:
            now = self._clock()
            running = (run.since for run in self._runs.values() if run.share is share)
            return share.busy + sum(now - since for since in running)

    def check(self) -> None:
        """Start substitutes for workers that are stuck, and see that no task is forgotten."""
        with self._lock:
            limit = self._clock() - self._overdue
            if self._tasks:
                self._changed.notify()  # one may wait for a worker that was to be free by now
            for thread, run in self._runs.items():
                if run.since < limit and thread not in self._stuck:
                    self._stuck.add(thread)
                    log.warning("%s is busy with one frame for over %g s", thread.name, self._overdue)
            self._fill()

    def stop(self, timeout: float) -> bool:
        """Let the threads go home; False where some are stuck after `timeout` seconds."""
        with self._lock:
            self._stopping = True
            self._changed.notify_all()
            threads = list(self._threads)
        deadline = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _fill(self) -> None:
        while not self._stopping and len(self._threads) - len(self._stuck) < self._count:
            thread = Thread(target=self._work, name=f"worker-{self._started}", daemon=True)
            self._started += 1
            self._threads.add(thread)
            thread.start()

    def _work(self) -> None:
        me = current_thread()
        while (task := self._next_task(me)) is not None:
            try:
                task()
            except Exception:  # a camera guards its own tasks: this is a mistake of the engine
                log.exception("a worker's task failed")

    def _next_task(self, me: Thread) -> Task | None:
        with self._lock:
            self._end(me)
            self._stuck.discard(me)
            while not self._tasks:
                if self._goes_home():
                    self._threads.discard(me)
                    return None
                self._resting += 1
                self._changed.wait()
                self._resting -= 1
            if self._goes_home():
                self._threads.discard(me)
                self._changed.notify()
                return None
            share, task, charged = self._tasks.take()
            self._runs[me] = _Run(self._clock(), share, charged)
            return task

    def _free_within(self, patience: float) -> bool:
        """True where a worker is about to be done, as its tasks usually go, and only one task waits."""
        if patience == inf:
            return True
        now = self._clock()
        ends = (run.since + run.charged - now for run in self._runs.values())
        return len(self._tasks) == 1 and any(0.0 < left < patience for left in ends)

    def _end(self, me: Thread) -> None:
        run = self._runs.pop(me, None)
        if run is not None:
            run.share.settle(self._clock() - run.since, run.charged)

    def _goes_home(self) -> bool:
        return self._stopping or len(self._threads) - len(self._stuck) > self._count
