"""The running system: the cameras, sinks and models of one configuration, changeable to another."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from threading import Lock, Thread
from typing import Any

from edge_vision.builtin.warp import opencv_warp
from edge_vision.contracts.sink import Sink, StateValue
from edge_vision.data.errors import ConfigError, SinkError, suggestion
from edge_vision.data.event import Event
from edge_vision.data.payload import GovernorStats, StatsPayload
from edge_vision.engine.camera import Camera
from edge_vision.engine.delivery import Delivery
from edge_vision.engine.tally import KEPT, Tally
from edge_vision.engine.workers import Workers
from edge_vision.service.draft import CameraDraft, Draft
from edge_vision.service.load import Load
from edge_vision.service.stats import stats_payload

log = logging.getLogger(__name__)

RELOAD_PATIENCE = 3.0
"""Seconds that a camera, and a sink, may take to stop at a reload."""


class Controls:
    """The settings of all cameras, as sinks that take commands reach them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._cameras: Mapping[str, Camera] = {}

    def connect(self, cameras: Mapping[str, Camera]) -> None:
        """From now on these are the cameras."""
        with self._lock:
            self._cameras = dict(cameras)

    def change(self, camera: str, key: str, text: str) -> StateValue:
        """Change a setting of a camera; raises ConfigError where it cannot be."""
        with self._lock:
            cameras = self._cameras
        if camera not in cameras:
            raise ConfigError(f"there is no camera {camera!r}{suggestion(camera, cameras)}")
        return cameras[camera].change(key, text)


class System:
    """Starts what a draft describes, changes over to another draft, and stops it.

    The parts that a new draft shares with the running one go on undisturbed.

    unopened  the sinks that could not be opened and are left out
    standing  where the governor stands; None without one
    """

    def __init__(self, draft: Draft, controls: Controls, kept: int | None = KEPT) -> None:
        """Get ready to start a draft.

        kept  of so many frames of each camera it stays known how long they took; None: of all
        """
        self.draft = draft
        self._kept = kept
        self.cameras: dict[str, Camera] = {}
        self.delivery = Delivery()
        self._controls = controls
        self._workers = Workers(draft.config.workers)
        self._tallies: dict[str, Tally] = {}
        self._load = Load()
        self.standing: GovernorStats | None = None
        self._started = time.monotonic()
        self.unopened: list[str] = []
        self.delivery.observers.append(self._observe)

    def start(self) -> None:
        """Start everything."""
        self._workers.start()
        self._switch(self.draft, kept=set())
        self._call_plugins("service_started", cameras=tuple(self.cameras))

    def change_to(self, draft: Draft) -> None:
        """Go over to another configuration."""
        before = self.draft
        kept = {name for name in self.cameras if draft.keeps_camera(name, before)}
        self._switch(draft, kept)
        for name in kept:
            plan = draft.cameras[name].plan
            self.cameras[name].adjust(plan.fps, plan.weight)
        self._load = Load()
        before.shelf.close(keep=draft.shelf)

    def check(self) -> None:
        """Look after stuck workers, silent cameras and the load; called every now and then."""
        self._workers.check()
        now = time.monotonic()
        self._load.look(now, {name: camera.busy for name, camera in self.cameras.items()})
        for camera in self.cameras.values():
            camera.check(now)

    @property
    def finished(self) -> bool:
        """True where all cameras are recordings that are over."""
        return all(camera.finished.is_set() for camera in self.cameras.values())

    def progressed_since(self, moment: float) -> bool:
        """True where since then (time.monotonic()) every camera made progress."""
        return all(c.finished.is_set() or c.progressed_since(moment) for c in self.cameras.values())

    @property
    def load(self) -> Mapping[str, float]:
        """The share of the workers' time that each camera used lately; empty: not known yet."""
        return self._load.by_camera(self._workers.count)

    @property
    def is_live(self) -> bool:
        """True where a camera is live: recordings take all the time there is, and may."""
        return any(made.plan.source.live for made in self.draft.cameras.values())

    def stats(self) -> StatsPayload:
        """Rates, drops, latencies and errors as they are now."""
        counts = {name: camera.tally.counts() for name, camera in self.cameras.items()}
        uptime = time.monotonic() - self._started
        models = {name: model.bundle for name, model in self.draft.shelf.models.items()}
        payload = stats_payload(
            self.draft.identity, uptime, self._workers.count, counts, self.delivery, models, self.load
        )
        if self.standing is not None:
            payload["governor"] = self.standing
        return payload

    def stop(self, timeout: float, flush: float) -> bool:
        """Stop everything, handing over what was accepted; False where something is left behind.

        timeout  seconds for all but handing over
        flush    seconds for handing over
        """
        self._call_plugins("service_stopping")
        clean = self._stop_cameras(self.cameras.values(), timeout * 0.5)
        self.delivery.stats(self.stats())
        clean &= self._flush(self.delivery.sinks.values(), flush)
        clean &= self._close_sinks(self.delivery.sinks.values(), timeout * 0.4)
        clean &= self._workers.stop(timeout * 0.1)
        if clean:
            self.draft.shelf.close()
        return clean

    def _switch(self, draft: Draft, kept: set[str]) -> None:
        """Stop what is not kept, put the draft's sinks in place, and start the draft's cameras."""
        changed = [camera for name, camera in self.cameras.items() if name not in kept]
        self._stop_cameras(changed, RELOAD_PATIENCE)
        for name in [name for name in self.cameras if name not in draft.cameras]:
            self.delivery.forget(name)
            del self._tallies[name]
        self._switch_sinks({name: made.sink for name, made in draft.sinks.items()})
        self._workers.resize(draft.config.workers)
        self.draft = draft
        self.cameras = {
            name: self.cameras[name] if name in kept else self._camera(made)
            for name, made in draft.cameras.items()
        }
        self._controls.connect(self.cameras)
        for name, camera in self.cameras.items():
            if name not in kept:
                camera.start()

    def _camera(self, made: CameraDraft) -> Camera:
        tally = self._tallies.setdefault(made.plan.name, Tally(kept=self._kept))
        self.delivery.route(made.plan.name, made.table.sinks)
        return Camera(made.plan, self._workers, self.delivery, tally, warp=opencv_warp)

    def _switch_sinks(self, sinks: Mapping[str, Sink]) -> None:
        """Close the sinks that go before others open: a broker takes a client's name only once."""
        old = self.delivery.sinks
        going = [sink for name, sink in old.items() if sinks.get(name) is not sink]
        self._flush(going, 1.0)
        self._close_sinks(going, RELOAD_PATIENCE)
        opened = {n: sink for n, sink in sinks.items() if old.get(n) is sink or self._open_sink(n, sink)}
        self.unopened = sorted(sinks.keys() - opened.keys())
        self.delivery.connect(opened)

    def _open_sink(self, name: str, sink: Sink) -> bool:
        try:
            sink.open()
        except SinkError as error:
            log.error("the sink %s cannot be opened and is left out: %s", name, error)
        except Exception:
            log.exception("the sink %s cannot be opened and is left out", name)
        else:
            return True
        return False

    def _stop_cameras(self, cameras: Iterable[Camera], timeout: float) -> bool:
        """Stop cameras at the same time, because each may be in a read."""
        for camera in cameras:
            camera.request_stop()
        outcomes: list[bool] = []

        def stop(camera: Camera) -> None:
            outcomes.append(camera.stop(timeout))

        return _at_once([partial(stop, camera) for camera in cameras], timeout + 1.0) and all(outcomes)

    def _flush(self, sinks: Iterable[Sink], timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        clean = True
        for sink in sinks:
            if not sink.flush(max(0.1, deadline - time.monotonic())):
                log.warning("the sink %s could not hand over everything", sink.context.name)
                clean = False
        return clean

    def _close_sinks(self, sinks: Iterable[Sink], timeout: float) -> bool:
        return _at_once([partial(self._close_sink, sink) for sink in sinks], timeout)

    def _close_sink(self, sink: Sink) -> None:
        try:
            sink.close()
        except Exception:
            log.exception("the sink %s failed to close", sink.context.name)

    def _observe(self, event: Event) -> None:
        self._call_plugins("event_emitted", event=event)

    def _call_plugins(self, hook: str, **arguments: Any) -> None:
        """Call a hook of all plugins; one that raises is told, and stops nothing."""
        try:
            getattr(self.draft.plugins.manager.hook, hook)(**arguments)
        except Exception:
            log.exception("a plugin failed in %s", hook)


def _at_once(calls: Iterable[Callable[[], None]], timeout: float) -> bool:
    """Make calls on a thread each; False where some are not over after `timeout` seconds."""
    threads = [Thread(target=call, daemon=True) for call in calls]
    deadline = time.monotonic() + timeout
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)
