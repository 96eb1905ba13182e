"""The daemon: signals, the service manager, and the life of the system in between."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from pathlib import Path
from threading import Event
from types import FrameType
from uuid import uuid4

import cv2

from edge_vision.service.config import ConfigFileError
from edge_vision.service.draft import Draft, check_ladder, make_draft
from edge_vision.service.governor import Governor, Quota, Standing
from edge_vision.service.logs import redaction
from edge_vision.service.notify import Notifier
from edge_vision.service.system import Controls, System

log = logging.getLogger(__name__)

TICK = 0.25
"""Seconds between two looks at how things stand."""
STOP_WITHIN = 3.0
"""Seconds in which everything is stopped, but for handing over."""
FLUSH = 1.5
"""Seconds at most to hand over what was accepted when told to stop."""
PROGRESS = 60.0
"""Seconds without progress of some camera after which the watchdog is no longer fed."""
LOOK = 1.0
"""Seconds between two looks of the governor at the load."""
FINAL_FLUSH = 30.0
"""Seconds at most to hand over the results of recordings that are over."""


class Daemon:
    """Runs one configuration until it is told to stop or its last recording is over."""

    def __init__(self, file: Path, notifier: Notifier | None = None) -> None:
        self._file = file
        self._notifier = notifier or Notifier()
        self._boot = uuid4().hex
        self._wake = Event()
        self._stop = False
        self._reload = False
        self._next_stats = 0.0
        self._governor: Governor | None = None
        self._quota = Quota()
        self._next_look = 0.0

    def run(self) -> int:
        """Run; gives the exit status. Raises ConfigFileError where the configuration is wrong."""
        cv2.setNumThreads(1)  # the workers are the parallelism; OpenCV's own would fight them
        self._listen()
        controls = Controls()
        draft = self._draft(controls)
        system = System(draft, controls)
        self._govern(system)
        system.start()
        self._notifier.ready()
        self._notifier.status(f"started, watching {', '.join(system.cameras)}")
        log.info("%s: watching %s", draft.config.node, ", ".join(system.cameras))
        self._next_stats = time.monotonic() + draft.config.tables.stats_interval
        while not self._stop and not system.finished:
            self._wake.wait(TICK)
            self._wake.clear()
            if self._reload:
                self._reload = False
                self._reload_config(system, controls)
            self._tick(system)
            self._look_at_load(system, controls)
        return self._end(system)

    def _draft(self, controls: Controls, before: Draft | None = None) -> Draft:
        """The configuration as it is written, checked on all rungs of its ladder."""
        draft = self._draft_on(0, controls, before)
        try:
            check_ladder(draft, self._boot, controls.change)
        except ConfigFileError:
            draft.shelf.close(keep=before.shelf if before else None)
            raise
        return draft

    def _draft_on(self, rung: int, controls: Controls, before: Draft | None) -> Draft:
        draft = make_draft(self._file, self._boot, controls.change, before, rung)
        redaction.hide(draft.secrets)
        for plugin in draft.plugins.broken:
            log.error("the plugin %s (%s) does not load: %s", plugin.name, plugin.origin, plugin.error)
        return draft

    def request_stop(self) -> None:
        """Ask it to stop, from any thread."""
        self._stop = True
        self._wake.set()

    def _listen(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reload = True
        elif self._stop:
            os._exit(1)
        else:
            self._stop = True
        self._wake.set()

    def _tick(self, system: System) -> None:
        system.check()
        now = time.monotonic()
        if system.progressed_since(now - PROGRESS):
            self._notifier.ping()
        if now >= self._next_stats:
            self._next_stats = now + system.draft.config.tables.stats_interval
            system.delivery.stats(system.stats())
            self._notifier.status(_summary(system))

    def _govern(self, system: System) -> None:
        """Begin at the top of the ladder, where there is one."""
        table = system.draft.config.tables.governor
        self._governor = None if table is None else Governor(table)
        system.standing = None if table is None else {"rung": 0, "rungs": len(table.ladder)}

    def _look_at_load(self, system: System, controls: Controls) -> None:
        """Let the governor look at the load, and go where it decides."""
        now, governor = time.monotonic(), self._governor
        if governor is None or now < self._next_look or not system.is_live:
            return
        self._next_look = now + LOOK
        before, throttled = governor.standing, self._quota.throttled(now)
        if not (load := system.load):
            return
        standing = governor.look(now, sum(load.values()), throttled)
        if standing is not None and not self._go(standing, len(governor.table.ladder), system, controls):
            governor.stay(before)

    def _go(self, standing: Standing, rungs: int, system: System, controls: Controls) -> bool:
        """Go to a rung of so many; False where that cannot be."""
        told = f"rung {standing.rung} of {rungs}, because {standing.why}"
        try:
            draft = self._draft_on(standing.rung, controls, system.draft)
        except ConfigFileError as error:
            log.error("%s; the governor cannot go to %s", error, told)
            return False
        system.change_to(draft)
        system.standing = {"rung": standing.rung, "rungs": rungs, "why": standing.why}
        log.warning("the governor goes to %s", told)
        system.delivery.stats(system.stats())
        self._notifier.status(_summary(system))
        return True

    def _reload_config(self, system: System, controls: Controls) -> None:
        self._notifier.reloading()
        try:
            draft = self._draft(controls, system.draft)
        except ConfigFileError as error:
            log.error("%s; the configuration that runs is kept", error)
            self._notifier.status(f"kept the old configuration: {error}")
        else:
            system.change_to(draft)
            self._govern(system)
            log.info("reloaded: watching %s", ", ".join(system.cameras))
            self._notifier.status(_summary(system))
        self._notifier.ready()

    def _end(self, system: System) -> int:
        self._notifier.stopping()
        log.info("%s: %s", "stopping" if self._stop else "the last recording is over", _summary(system))
        clean = system.stop(STOP_WITHIN, FLUSH if self._stop else FINAL_FLUSH)
        lost = {name: counters.get("lost", 0) for name, counters in system.delivery.counters().items()}
        for name, count in lost.items():
            if count:
                log.warning("the sink %s lost %d messages", name, count)
        failed = any(camera.error for camera in system.cameras.values())
        incomplete = not self._stop and (any(lost.values()) or bool(system.unopened))
        logging.shutdown()
        status = 1 if failed or incomplete else 0
        if not clean:
            sys.stdout.flush()
            os._exit(status)  # a thread is stuck inside a library; it must not hold up the exit
        return status


def _summary(system: System) -> str:
    """One line on how things stand."""
    online = sum(system.delivery.status_of(name) == "online" for name in system.cameras)
    counts = [camera.tally.counts() for camera in system.cameras.values()]
    rate = sum(count.fps for count in counts)
    delivered = sum(count.delivered for count in counts)
    return f"{online} of {len(counts)} cameras online, {rate:.1f} results/s, {delivered} delivered"
