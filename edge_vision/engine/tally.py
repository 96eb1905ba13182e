"""The tally of one camera: every captured frame is accounted for, at every moment."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

KEPT = 512
"""Of so many of the last frames it is known how long they took."""
RATE_WINDOW = 10.0
"""Seconds over which the rate of delivered frames is taken."""


@dataclass(frozen=True, slots=True)
class StageTally:
    """How one stage did: calls, failures, whether its breaker is open, mean milliseconds a call."""

    runs: int
    failures: int
    open: bool
    ms: float


@dataclass(frozen=True, slots=True)
class Passage:
    """How long a frame took from its capture until it was handed to the sinks.

    All in milliseconds.

    ms          all of it
    queue_ms    how long it waited to be begun
    stages      what each stage took, by its name
    publish_ms  how long the sinks took to take it
    """

    ms: float
    queue_ms: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)
    publish_ms: float = 0.0

    @property
    def engine_ms(self) -> float:
        """The rest: the engine's own work, and waiting for turns."""
        return self.ms - self.queue_ms - sum(self.stages.values()) - self.publish_ms


@dataclass(frozen=True, slots=True)
class Counts:
    """A consistent look at a tally: captured = delivered + dropped + failed + in_flight."""

    captured: int
    delivered: int
    failed: int
    in_flight: int
    dropped_by: Mapping[str, int]
    reconnects: int
    fps: float
    latency_ms: Mapping[str, float]
    stages: Mapping[str, StageTally] = field(default_factory=dict)

    @property
    def dropped(self) -> int:
        """Frames dropped for whatever reason."""
        return sum(self.dropped_by.values())


@dataclass(slots=True)
class _StageSums:
    runs: int = 0
    failures: int = 0
    open: bool = False
    seconds: float = 0.0


class Tally:
    """Counts what becomes of a camera's frames; it outlives the camera when that is rebuilt.

    A frame is in flight from `captured` until one of `delivered`, `dropped` or `failed`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, kept: int | None = KEPT) -> None:
        """Begin at nothing.

        kept  of so many frames it stays known how long they took; None: of all
        """
        self._clock = clock
        self._lock = Lock()
        self._captured = self._delivered = self._failed = self._reconnects = 0
        self._events = 0
        self._dropped: Counter[str] = Counter()
        self._stages: dict[str, _StageSums] = {}
        self._passages: deque[Passage] = deque(maxlen=kept)
        self._moments: deque[float] = deque(maxlen=4096)

    def captured(self) -> int:
        """Count a captured frame; gives its index, from 0."""
        with self._lock:
            self._captured += 1
            return self._captured - 1

    def next_sequence(self) -> int:
        """The sequence number of the frame about to be delivered, from 1."""
        with self._lock:
            return self._delivered + 1

    def next_event(self) -> int:
        """The sequence number of the event about to be sent, from 1."""
        with self._lock:
            self._events += 1
            return self._events

    def delivered(self, passage: Passage) -> None:
        """A frame's result went to the sinks."""
        with self._lock:
            self._delivered += 1
            self._passages.append(passage)
            self._moments.append(self._clock())

    def passages(self) -> tuple[Passage, ...]:
        """How long the last frames took, those that are kept."""
        with self._lock:
            return tuple(self._passages)

    def dropped(self, reason: str) -> None:
        """A frame was dropped: "rate", "overwritten", "stopped", or the name of the stage that did."""
        with self._lock:
            self._dropped[reason] += 1

    def failed(self) -> None:
        """A frame was lost to a failing stage."""
        with self._lock:
            self._failed += 1

    def reconnected(self) -> None:
        """The source was opened again."""
        with self._lock:
            self._reconnects += 1

    def stage_ran(self, stage: str, seconds: float, *, failed: bool) -> None:
        """A stage was called."""
        with self._lock:
            sums = self._stages.get(stage)
            if sums is None:
                sums = self._stages[stage] = _StageSums()
            sums.runs += 1
            sums.failures += failed
            sums.seconds += seconds

    def stage_open(self, stage: str, is_open: bool) -> None:
        """A stage's breaker opened or closed."""
        with self._lock:
            self._stages.setdefault(stage, _StageSums()).open = is_open

    def counts(self) -> Counts:
        """A consistent look at everything."""
        with self._lock:
            done = self._delivered + self._failed + self._dropped.total()
            return Counts(
                captured=self._captured,
                delivered=self._delivered,
                failed=self._failed,
                in_flight=self._captured - done,
                dropped_by=dict(self._dropped),
                reconnects=self._reconnects,
                fps=self._rate(),
                latency_ms=percentiles([each.ms for each in self._passages]),
                stages={name: _stage_tally(sums) for name, sums in self._stages.items()},
            )

    def _rate(self) -> float:
        now = self._clock()
        recent = [moment for moment in self._moments if now - moment <= RATE_WINDOW]
        if len(recent) < 2:
            return 0.0
        full = len(recent) < len(self._moments)
        span = RATE_WINDOW if full else max(now - recent[0], 1e-6)
        return (len(recent) if full else len(recent) - 1) / span


def percentiles(times: Sequence[float]) -> dict[str, float]:
    """The 50th, 90th and 99th percentile by name; empty of nothing."""
    if not times:
        return {}
    values = np.percentile(np.array(times), (50, 90, 99))
    return {name: round(float(v), 3) for name, v in zip(("p50", "p90", "p99"), values, strict=True)}


def _stage_tally(sums: _StageSums) -> StageTally:
    mean = sums.seconds / sums.runs * 1000.0 if sums.runs else 0.0
    return StageTally(sums.runs, sums.failures, sums.open, round(mean, 3))
