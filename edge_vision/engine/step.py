"""A step: one stage in its place in a camera's pipeline, guarded."""

from __future__ import annotations

import logging
import time
from types import MappingProxyType

from edge_vision.contracts.stage import Stage
from edge_vision.data.errors import SourceLost, StageError
from edge_vision.data.findings import Finding, signed
from edge_vision.data.result import Result
from edge_vision.engine.breaker import Breaker
from edge_vision.engine.incident import Incident
from edge_vision.engine.tally import Tally

log = logging.getLogger(__name__)


class FrameFailed(Exception):
    """The frame is lost: the stage raised, or is being left alone after it kept failing."""


class Step:
    """Calls the stage, names and times what it says, and leaves it alone while it keeps failing.

    A stage that fails loses its frame. It is never skipped over: behind it might be a picture that it
    was there to hide.
    """

    def __init__(self, stage: Stage, tally: Tally, incident: Incident, breaker: Breaker) -> None:
        self.stage = stage
        self.name = stage.context.name
        self._label = f"{stage.context.camera}: stage {self.name}"
        self._tally = tally
        self._incident = incident
        self._breaker = breaker
        self._opened = False

    @property
    def ordered(self) -> bool:
        """True where frames must pass one at a time, in order."""
        return self.stage.stateful

    def __call__(self, result: Result) -> Result | None:
        """What is known after the stage; None where it drops the frame. Raises FrameFailed."""
        if not self._breaker.allows():
            raise FrameFailed(f"{self._label} is being left alone")
        started = time.perf_counter()
        try:
            after = self.stage(result)
            seconds = time.perf_counter() - started
            signed = None if after is None else self._signed(after, seconds)
        except BaseException as error:  # SystemExit too: a worker must not go with its frame
            self._tally.stage_ran(self.name, time.perf_counter() - started, failed=True)
            self._failed(error)
            raise FrameFailed(self._label) from error
        self._tally.stage_ran(self.name, seconds, failed=False)
        if self._breaker.succeeded():
            log.info("%s works again", self._label)
            self._tally.stage_open(self.name, False)
            self._incident.end()
        return signed

    def open(self) -> None:
        """Open the stage, once; raises SourceLost where it cannot be opened now."""
        if self._opened:
            return
        try:
            self.stage.open()
        except BaseException as error:
            self._incident.begin(stage=self.name, error=_told(error))
            raise SourceLost(f"stage {self.name} cannot be opened: {_told(error)}") from error
        self._opened = True
        self._incident.end()

    def end_incident(self) -> None:
        """No more frames come: whatever was failing is over."""
        self._incident.end()

    def close(self) -> None:
        """End what is still open and close the stage."""
        self.end_incident()
        if not self._opened:
            return
        try:
            self.stage.close()
        except Exception:
            log.exception("%s failed to close", self._label)

    def _signed(self, result: object, seconds: float) -> Result:
        """The result with the stage's name on its findings, and its time; refuses what is none."""
        if not isinstance(result, Result):
            raise StageError(f"a stage returns a Result or None, not {type(result).__name__}")
        findings = []
        for finding in result.findings:
            if not isinstance(finding, Finding):
                raise StageError(f"a stage adds findings, not {type(finding).__name__}")
            findings.append(finding if finding.stage else signed(finding, self.name))
        timings = MappingProxyType({**result.timings, self.name: seconds * 1000.0})
        return Result(result.frame, result.view, tuple(findings), timings, result.sequence)

    def _failed(self, error: BaseException) -> None:
        opened = self._breaker.failed()
        if opened:
            log.error("%s keeps failing and is left alone for a while: %s", self._label, error)
            self._tally.stage_open(self.name, True)
            self._incident.begin(stage=self.name, error=_told(error))
        elif self._breaker.failures == 1:
            log.warning("%s lost a frame: %s", self._label, error, exc_info=error)


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:500]
