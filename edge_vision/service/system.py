"""The running system: the cameras, sinks and models of one configuration, changeable to another."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from threading import Lock, Thread

from edge_vision.builtin.warp import opencv_warp
from edge_vision.contracts.sink import Sink, StateValue
from edge_vision.data.errors import ConfigError, SinkError, suggestion
from edge_vision.data.event import Event
from edge_vision.data.payload import StatsPayload
from edge_vision.engine.camera import Camera
from edge_vision.engine.delivery import Delivery
from edge_vision.engine.tally import Tally
from edge_vision.engine.workers import Workers
from edge_vision.service.draft import CameraDraft, Draft
from edge_vision.service.stats import stats_payload

log = logging.getLogger(__name__)

READY = 10.0
"""Seconds at most that a recording waits at the start for its sinks, so that nothing of it is lost."""


class System:
    """Starts what a draft describes, changes over to another draft, and stops it.

    The parts that a new draft shares with the running one go on undisturbed.
    """

    def __init__(self) -> None:
        self.cameras: dict[str, Camera] = {}
        self.delivery = Delivery()
        self._draft: Draft | None = None
        self._workers: Workers | None = None
        self._tallies: dict[str, Tally] = {}
        self._started = time.monotonic()
        self._lock = Lock()

    @property
    def draft(self) -> Draft | None:
        """The draft that runs."""
        return self._draft

    def change_setting(self, camera: str, key: str, text: str) -> StateValue:
        """Change a setting of a camera, as sinks may ask; raises ConfigError where it cannot be."""
        with self._lock:
            known = dict(self.cameras)
        if camera not in known:
            raise ConfigError(f"there is no camera {camera!r}{suggestion(camera, known)}")
        return known[camera].change(key, text)

    def start(self, draft: Draft) -> None:
        """Start everything."""
        self._workers = Workers(draft.config.workers)
        self._workers.start()
        self.delivery.observers.append(self._observe)
        self._switch(draft)
        draft.plugins.manager.hook.service_started(cameras=tuple(self.cameras))

    def change_to(self, draft: Draft) -> None:
        """Go over to another configuration."""
        self._switch(draft)

    def check(self) -> None:
        """Look after stuck workers and silent cameras; called every now and then."""
        if self._workers is not None:
            self._workers.check()
        now = time.monotonic()
        for camera in self.cameras.values():
            camera.check(now)

    @property
    def finished(self) -> bool:
        """True where all cameras are recordings that are over."""
        return all(camera.finished.is_set() for camera in self.cameras.values())

    def progressed_since(self, moment: float) -> bool:
        """True where since then (time.monotonic()) every camera made progress."""
        return all(c.finished.is_set() or c.progressed_since(moment) for c in self.cameras.values())

    def stats(self) -> StatsPayload:
        """Rates, drops, latencies and errors as they are now."""
        if self._draft is None or self._workers is None:
            raise RuntimeError("the system has not been started")
        counts = {name: camera.tally.counts() for name, camera in self.cameras.items()}
        uptime = time.monotonic() - self._started
        return stats_payload(self._draft.identity, uptime, self._workers.count, counts, self.delivery)

    def stop(self, timeout: float) -> bool:
        """Stop everything, handing over what was accepted; False where `timeout` seconds passed."""
        deadline = time.monotonic() + timeout
        if self._draft is not None:
            self._draft.plugins.manager.hook.service_stopping()
        clean = self._stop_cameras(list(self.cameras.values()), timeout * 0.4)
        if self._draft is not None:
            self.delivery.stats(self.stats())
        for name, sink in self.delivery.sinks.items():
            if not sink.flush(max(0.1, (deadline - time.monotonic()) * 0.6)):
                log.warning("the sink %s could not hand over everything", name)
                clean = False
        for sink in self.delivery.sinks.values():
            self._close_sink(sink)
        if self._workers is not None:
            clean &= self._workers.stop(max(0.1, deadline - time.monotonic()))
        if self._draft is not None and clean:
            self._draft.shelf.close()
        return clean

    def _switch(self, draft: Draft) -> None:
        before = self._draft
        kept = {n for n in self.cameras if before is not None and draft.keeps_camera(n, before)}
        self._stop_cameras([c for name, c in self.cameras.items() if name not in kept], 3.0)
        for name in [name for name in self.cameras if name not in draft.cameras]:
            self.delivery.forget(name)
            del self._tallies[name]
        self._switch_sinks({name: made.sink for name, made in draft.sinks.items()})
        if self._workers is not None:
            self._workers.resize(draft.config.workers)
        cameras = {
            name: self.cameras[name] if name in kept else self._camera(made)
            for name, made in draft.cameras.items()
        }
        with self._lock:
            self.cameras = cameras
        self._draft = draft
        if before is not None:
            before.shelf.close(keep=draft.shelf)
        for name in [name for name in cameras if name not in kept]:
            self._start_camera(draft.cameras[name], cameras[name])

    def _camera(self, made: CameraDraft) -> Camera:
        if self._workers is None:
            raise RuntimeError("the system has not been started")
        tally = self._tallies.setdefault(made.plan.name, Tally())
        self.delivery.route(made.plan.name, made.table.sinks)
        return Camera(made.plan, self._workers, self.delivery, tally, warp=opencv_warp)

    def _start_camera(self, made: CameraDraft, camera: Camera) -> None:
        if not made.plan.source.live:
            for name, sink in self.delivery.sinks.items():
                if not sink.wait_until_ready(READY):
                    log.warning("the sink %s is not ready; %s starts without it", name, camera.name)
        camera.start()

    def _switch_sinks(self, sinks: Mapping[str, Sink]) -> None:
        old = self.delivery.sinks
        for name, sink in old.items():
            if sinks.get(name) is not sink:
                sink.flush(1.0)
                self._close_sink(sink)
        for name, sink in sinks.items():
            if old.get(name) is not sink:
                try:
                    sink.open()
                except SinkError as error:
                    log.error("the sink %s cannot be opened: %s", name, error)
        self.delivery.connect(sinks)

    def _stop_cameras(self, cameras: list[Camera], timeout: float) -> bool:
        """Stop cameras at the same time, because each may be in a read."""
        outcomes: list[bool] = []
        for camera in cameras:
            camera.request_stop()
        threads = [
            Thread(target=lambda camera=camera: outcomes.append(camera.stop(timeout)))
            for camera in cameras
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return all(outcomes)

    def _close_sink(self, sink: Sink) -> None:
        try:
            sink.close()
        except Exception:
            log.exception("the sink %s failed to close", sink.context.name)

    def _observe(self, event: Event) -> None:
        if self._draft is not None:
            try:
                self._draft.plugins.manager.hook.event_emitted(event=event)
            except Exception:
                log.exception("a plugin failed on an event")
