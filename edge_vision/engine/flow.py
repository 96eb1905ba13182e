"""The flow of one camera's frames: from the mailbox through the steps to the delivery."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from threading import Condition, Lock

from edge_vision.data.result import Result
from edge_vision.data.warp import Warp
from edge_vision.engine.mailbox import Mailbox
from edge_vision.engine.reader import Drawn
from edge_vision.engine.step import FrameFailed, Step
from edge_vision.engine.tally import Passage, Tally
from edge_vision.engine.turns import Job, Turns
from edge_vision.engine.workers import OVERDUE, Claim

READ_AHEAD, READ_AHEAD_BYTES = (2, 4), 4 << 20
"""Frames of a recording that are read before workers have time for them: at least and at most, and the
bytes of their pixels that they may take. Some take three times as long to decode as others; where three
lie ready, two workers hardly ever wait for one."""
PATIENCE = 0.001
"""Seconds that one of them may wait for a busy worker, rather than a sleeping one be woken: where a
model is so small that its frames take less, two workers in turns do less than one alone."""
USUAL = 3.0
"""So many times as long as usual a frame may take before it looks stuck."""
AT_LEAST = 0.03
"""Seconds that any frame may take; about the time in which a camera brings the next one."""
LEARNING = 0.2
"""Weight of the newest frame in what is usual."""


class Flow:
    """Takes frames in and sees each one to its end: delivered, dropped or failed, and counted.

    As many frames are worked on as there are workers. Those that wait for their turn do not count, up
    to as many again: a frame that takes long does not make the workers idle that are done with the
    next ones. While one is stuck in a stage no other is begun, so that a camera can hold up one worker
    and not all of them. A frame whose turn at the first stage has not come stays in the mailbox, where
    a live camera can still replace it by a fresher one.

    A recording whose source is prompt is lent: workers draw its frames themselves, one worker at a time,
    and each goes on with one. No other thread is in between, that would have to be woken for each.

    live     the newest frame counts, and is begun at once; of a recording none is overwritten
    deliver  takes the finished results, in order, one at a time
    drained  is called when the last frame of an ended source is through
    """

    def __init__(
        self,
        steps: Sequence[Step],
        workers: Claim,
        tally: Tally,
        *,
        warp: Warp,
        live: bool,
        deliver: Callable[[Result], None],
        drained: Callable[[], None],
    ) -> None:
        self._steps = steps
        self._orders_first = bool(steps) and steps[0].ordered
        self._workers = workers
        self._tally = tally
        self._warp = warp
        self._patience = 0.0 if live else PATIENCE
        self._deliver = deliver
        self._drained = drained
        self._sizes_mailbox = not live
        self._mailbox: Mailbox[Drawn] = Mailbox(1 if live else READ_AHEAD[0])
        self._turns = Turns()
        self._lock = Lock()
        self._idle = Condition(self._lock)
        self._returned = Condition(self._lock)
        self._queued = False
        self._draw: Callable[[], Drawn | None] | None = None
        self._drawing = False
        self._ended = False
        self._closed = False
        self._usual = 0.0

    def wait_for_room(self, timeout: float) -> bool:
        """Wait until a frame can be put without overwriting one; False where it still cannot."""
        return self._mailbox.wait_for_room(timeout)

    def lend(self, draw: Callable[[], Drawn | None]) -> None:
        """From now on have the workers draw the frames, until there is none or they are recalled."""
        with self._lock:
            self._draw = draw
        self._queue()

    def recall(self) -> None:
        """Let no worker begin to draw a frame any more."""
        with self._lock:
            self._draw = None
            self._returned.notify_all()

    def wait_for_return(self, timeout: float) -> bool:
        """Wait until no frame will be drawn; False where that takes longer than `timeout` seconds."""
        with self._lock:
            return self._returned.wait_for(lambda: not (self._draw or self._drawing), timeout)

    def put(self, drawn: Drawn) -> None:
        """Take a frame in."""
        self._keep(drawn)
        self._queue()

    def end(self) -> None:
        """No more frames will be put; `drained` is called when the last one is through."""
        with self._lock:
            self._ended = True
        self._notice_end()

    def stop(self, timeout: float) -> bool:
        """Drop what has not begun and wait for what has; False where that took too long."""
        with self._lock:
            while self._mailbox.take() is not None:
                self._tally.dropped("stopped")
            idle = self._idle.wait_for(lambda: not len(self._turns), timeout)
            self._closed = True
            return idle

    def oldest_begun(self) -> float | None:
        """When the frame that is being worked on for the longest was begun, time.monotonic() seconds."""
        return self._turns.oldest_begun()

    def _queue(self, *, soon: bool = False) -> None:
        """Have a worker look for the next frame; `soon`: this one is about to."""
        with self._lock:
            more = bool(self._mailbox) or self._may_draw()
            waits_already, self._queued = self._queued, self._queued or more
            wanted = self._queued and not waits_already
            patience = 0.0 if self._draw else self._patience
        if wanted:
            self._workers.submit(self._work, patience=inf if soon else patience)
        elif waits_already and patience and not soon:
            self._workers.remind(patience)

    def _work(self) -> None:
        """Begin the next frame, and go on for as long as one can be gone on with."""
        job = self._next_job()
        if job is not None:
            self._run(job)

    def _next_job(self) -> Job | None:
        """The next frame, lined up; None where there is none, or enough of them are in flight."""
        with self._lock:
            self._queued = False
            first = self._orders_first and not self._draw
            if not self._turns.have_room(self._workers.count, first) or self._should_wait():
                return None
            draw = self._draw if self._may_draw() else None
            if draw is None:
                job = self._line_up(self._mailbox.take())
            else:
                self._drawing = True
        if draw is not None:
            job = self._draw_ahead(draw)
        if job is not None:
            self._queue()
        return job

    def _draw_ahead(self, draw: Callable[[], Drawn | None]) -> Job | None:
        """Draw frames while nobody else is free to and there are places for them; gives the oldest.

        The next one may take long to draw: then those that lie ready keep the other workers busy.
        """
        while True:
            drawn = draw()
            with self._lock:
                self._drawing = False
                if drawn is None:
                    self._draw = None
                else:
                    self._keep(drawn)
                self._drawing = self._may_draw() and not self._workers.free
                if self._draw is None:
                    self._returned.notify_all()
                if not self._drawing:
                    return self._line_up(self._mailbox.take())

    def _may_draw(self) -> bool:
        has_place = len(self._mailbox) < self._mailbox.places
        return self._draw is not None and not self._drawing and has_place

    def _keep(self, drawn: Drawn) -> None:
        if self._sizes_mailbox:  # once: with fewer places a frame would be overwritten
            self._sizes_mailbox = False
            least, most = READ_AHEAD
            self._mailbox.places = min(most, max(least, READ_AHEAD_BYTES // drawn.frame.image.nbytes))
        if self._mailbox.put(drawn) is not None:
            self._tally.dropped("overwritten")

    def _line_up(self, drawn: Drawn | None) -> Job | None:
        if drawn is None:
            return None
        if self._closed:
            self._tally.dropped("stopped")
            return None
        now = time.monotonic()
        result = Result.of(drawn.frame, self._warp)
        job = Job(result, drawn.received, begun=now, waited=now - drawn.received)
        self._turns.enter(job)
        return job

    def _should_wait(self) -> bool:
        """True where a frame in flight looks stuck, so that the next would only share its fate.

        The last free worker is more precious: it is taken only while all goes on as usual.
        """
        begun = self._turns.oldest_begun()
        if begun is None:
            return False
        age = time.monotonic() - begun
        patience = max(USUAL * self._usual, AT_LEAST)
        return age > OVERDUE or (self._workers.free == 0 and age > patience)

    def _run(self, job: Job) -> None:
        """Take a frame through its steps until it is done, or parked until its turn comes.

        Frames that only waited for this one to be delivered are delivered next, on the same worker.
        """
        going: Job | None = job
        while going is not None:
            going = self._advance(going)
        self._queue(soon=True)

    def _advance(self, job: Job) -> Job | None:
        """Take a frame one step further; gives the frame to go on with, None where there is none."""
        step = self._steps[job.step] if job.step < len(self._steps) else None
        if (step is None or step.ordered) and not self._turns.admit(job):
            return None
        if step is None:
            return self._finish(job)
        try:
            after = step(job.result)
        except FrameFailed:
            return self._leave(job, self._tally.failed)
        if after is None:
            return self._leave(job, partial(self._tally.dropped, step.name))
        job.result = after
        self._resume(self._turns.passed(job))
        if self._orders_first and job.step == 1:
            self._queue()
        return job

    def _finish(self, job: Job) -> Job | None:
        if self._closed:
            return self._leave(job, partial(self._tally.dropped, "stopped"))
        began = time.monotonic()
        self._deliver(job.result.numbered(self._tally.next_sequence()))
        now = time.monotonic()
        passage = Passage(
            1000.0 * (now - job.received),
            1000.0 * job.waited,
            job.result.timings,
            1000.0 * (now - began),
        )
        return self._leave(job, partial(self._tally.delivered, passage))

    def _leave(self, job: Job, count: Callable[[], None]) -> Job | None:
        """A frame is done; gives the one that only waited for it to be delivered."""
        count()
        self._usual += LEARNING * (time.monotonic() - job.begun - self._usual)
        due = self._turns.left(job)
        done = [each for each in due if each.step == len(self._steps)]
        self._resume([each for each in due if each not in done])
        self._notice_end()
        for follower in done:  # one at most: the delivery takes them one at a time
            follower.begun = time.monotonic()
            return follower
        return None

    def _resume(self, jobs: list[Job]) -> None:
        for job in jobs:
            job.begun = time.monotonic()
            self._workers.submit(partial(self._run, job), first=True)

    def _notice_end(self) -> None:
        with self._lock:
            if len(self._turns):
                return
            self._idle.notify_all()
            drained = self._ended and not self._mailbox
            self._ended = self._ended and not drained
        if drained:
            self._drained()
