"""Delivery: results, events and settings on their way to the sinks."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from operator import methodcaller
from threading import Lock
from typing import Any

from edge_vision.contracts.sink import CameraStatus, Sink, StateValue
from edge_vision.data.event import Event
from edge_vision.data.result import Result

log = logging.getLogger(__name__)


class Delivery:
    """Hands everything to every sink that wants it. A sink that raises is counted, and stops nobody.

    It remembers the cameras' status and settings, and tells them to a sink that comes later.
    """

    def __init__(self) -> None:
        self._sinks: dict[str, Sink] = {}
        self._routes: dict[str, tuple[str, ...]] = {}
        self._status: dict[str, CameraStatus] = {}
        self._states: dict[tuple[str, str], StateValue] = {}
        self._failures: Counter[str] = Counter()
        self._lock = Lock()
        self.observers: list[Callable[[Event], None]] = []

    @property
    def sinks(self) -> Mapping[str, Sink]:
        """The sinks by their names."""
        return self._sinks

    def connect(self, sinks: Mapping[str, Sink]) -> None:
        """Deliver to these sinks from now on; new ones are told how things stand."""
        with self._lock:
            fresh = {name: sink for name, sink in sinks.items() if self._sinks.get(name) is not sink}
            self._sinks = dict(sinks)
            status, states = dict(self._status), dict(self._states)
        for camera, value in status.items():
            self._tell(fresh, methodcaller("status", camera, value))
        for (camera, key), setting in states.items():
            self._tell(fresh, methodcaller("state", camera, key, setting))

    def route(self, camera: str, sinks: tuple[str, ...] | None) -> None:
        """Send what comes from a camera to these sinks only; None: to all."""
        if sinks is None:
            self._routes.pop(camera, None)
        else:
            self._routes[camera] = sinks

    def wait_for_room(self, camera: str, timeout: float) -> bool:
        """Wait until the camera's sinks have room; False where one has none after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        for name, sink in self._of(camera).items():
            try:
                if not sink.wait_for_room(max(0.0, deadline - time.monotonic())):
                    return False
            except Exception:  # noqa: BLE001 - a sink may be anybody's
                self._failed(name)
        return True

    def write(self, result: Result, *, wait: bool) -> None:
        """Hand a result to the camera's sinks."""
        for name, sink in self._of(result.frame.camera).items():
            try:
                sink.write(result, wait=wait)
            except Exception:  # noqa: BLE001 - a sink may be anybody's
                self._failed(name)

    def notify(self, event: Event) -> None:
        """Hand an event to the camera's sinks, then to whoever observes events."""
        self._tell(self._of(event.camera), lambda sink: sink.notify(event))
        for observe in self.observers:
            observe(event)

    def status(self, camera: str, status: CameraStatus) -> None:
        """A camera is online, offline or disabled from now on."""
        with self._lock:
            if self._status.get(camera) == status:
                return
            self._status[camera] = status
        self._tell(self._of(camera), lambda sink: sink.status(camera, status))

    def status_of(self, camera: str) -> CameraStatus:
        """What was last said of a camera."""
        return self._status.get(camera, "offline")

    def state(self, camera: str, key: str, value: StateValue) -> None:
        """A setting of a camera has this value from now on."""
        with self._lock:
            self._states[camera, key] = value
        self._tell(self._of(camera), lambda sink: sink.state(camera, key, value))

    def stats(self, payload: Mapping[str, Any]) -> None:
        """Hand statistics to all sinks."""
        self._tell(self._sinks, lambda sink: sink.stats(payload))

    def forget(self, camera: str) -> None:
        """A camera is gone."""
        with self._lock:
            self._status.pop(camera, None)
            for key in [key for key in self._states if key[0] == camera]:
                del self._states[key]
        self._tell(self._of(camera), lambda sink: sink.forget(camera))
        self._routes.pop(camera, None)

    def counters(self) -> dict[str, dict[str, int]]:
        """What each sink counted, and how often it raised ("failures")."""
        return {
            name: {**sink.counters(), "failures": self._failures[name]}
            for name, sink in self._sinks.items()
        }

    def _of(self, camera: str) -> Mapping[str, Sink]:
        names = self._routes.get(camera)
        if names is None:
            return self._sinks
        return {name: sink for name, sink in self._sinks.items() if name in names}

    def _tell(self, sinks: Mapping[str, Sink], say: Callable[[Sink], None]) -> None:
        for name, sink in sinks.items():
            try:
                say(sink)
            except Exception:  # noqa: BLE001 - a sink may be anybody's
                self._failed(name)

    def _failed(self, name: str) -> None:
        with self._lock:
            self._failures[name] += 1
            first = self._failures[name] == 1
        if first:
            log.exception("the sink %s failed; from now on its failures are only counted", name)
