"""The daemon: signals, the service manager, and the life of the system in between."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path
from threading import Event
from types import FrameType
from uuid import uuid4

import cv2

from edge_vision.service.config import ConfigFileError
from edge_vision.service.draft import make_draft
from edge_vision.service.logs import redaction
from edge_vision.service.notify import Notifier
from edge_vision.service.system import System

log = logging.getLogger(__name__)

TICK = 0.25
"""Seconds between two looks at how things stand."""
STOP_WITHIN = 4.5
"""Seconds in which everything is stopped."""
PROGRESS = 60.0
"""Seconds without progress of some camera after which the watchdog is no longer fed."""
FINAL_FLUSH = 30.0
"""Seconds at most to hand over the results of recordings that are over."""


class Daemon:
    """Runs one configuration until it is told to stop or its last recording is over."""

    def __init__(self, file: Path, notifier: Notifier | None = None) -> None:
        self._file = file
        self._notifier = notifier or Notifier()
        self._system = System()
        self._boot = uuid4().hex
        self._wake = Event()
        self._stop = False
        self._reload = False
        self._next_stats = 0.0

    def run(self) -> int:
        """Run; gives the exit status. Raises ConfigFileError where the configuration is wrong."""
        cv2.setNumThreads(1)  # the workers are the parallelism; OpenCV's own would fight them
        draft = make_draft(self._file, self._boot, self._system.change_setting)
        redaction.hide(draft.secrets)
        for plugin in draft.plugins.broken:
            log.error("the plugin %s (%s) does not load: %s", plugin.name, plugin.origin, plugin.error)
        self._listen()
        self._system.start(draft)
        self._notifier.ready()
        log.info("%s: watching %s", draft.config.node, ", ".join(self._system.cameras))
        self._next_stats = time.monotonic() + draft.config.tables.stats_interval
        while not self._stop and not self._system.finished:
            self._wake.wait(TICK)
            self._wake.clear()
            if self._reload:
                self._reload = False
                self._reload_config()
            self._tick()
        return self._end()

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

    def _tick(self) -> None:
        self._system.check()
        now = time.monotonic()
        if self._system.progressed_since(now - PROGRESS):
            self._notifier.ping()
        draft = self._system.draft
        if draft is not None and now >= self._next_stats:
            self._next_stats = now + draft.config.tables.stats_interval
            self._system.delivery.stats(self._system.stats())
            self._notifier.status(self._summary())

    def _reload_config(self) -> None:
        self._notifier.reloading()
        try:
            before = self._system.draft
            draft = make_draft(self._file, self._boot, self._system.change_setting, before)
        except ConfigFileError as error:
            log.error("%s; the configuration that runs is kept", error)
            self._notifier.status(f"kept the old configuration: {error}")
        else:
            redaction.hide(draft.secrets)
            self._system.change_to(draft)
            log.info("reloaded: %s", self._summary())
            self._notifier.status(self._summary())
        self._notifier.ready()

    def _end(self) -> int:
        self._notifier.stopping()
        failed = [camera.name for camera in self._system.cameras.values() if camera.error]
        if self._stop:
            log.info("stopping")
            within = STOP_WITHIN
        else:
            log.info("the last recording is over: %s", self._summary())
            within = FINAL_FLUSH
        clean = self._system.stop(within)
        for name, counters in self._system.delivery.counters().items():
            if counters.get("lost"):
                log.warning("the sink %s lost %d messages", name, counters["lost"])
        logging.shutdown()
        status = 1 if failed else 0
        if not clean:
            os._exit(status)  # a thread is stuck inside a library; it must not hold up the exit
        return status

    def _summary(self) -> str:
        """One line on how things stand."""
        online = [n for n in self._system.cameras if self._system.delivery.status_of(n) == "online"]
        counts = [camera.tally.counts() for camera in self._system.cameras.values()]
        rate = sum(count.fps for count in counts)
        delivered = sum(count.delivered for count in counts)
        return (
            f"{len(online)} of {len(counts)} cameras online, {rate:.1f} results/s, {delivered} delivered"
        )
