"""A camera: its source, its stages, its settings, and whether it sees anything."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event

from edge_vision.contracts.sink import CameraStatus, StateValue
from edge_vision.contracts.source import Source
from edge_vision.contracts.stage import Stage
from edge_vision.data.result import Result
from edge_vision.data.warp import Warp, reference_warp
from edge_vision.engine.backoff import Backoff
from edge_vision.engine.breaker import Breaker
from edge_vision.engine.capture import Capture
from edge_vision.engine.delivery import Delivery
from edge_vision.engine.flow import Flow
from edge_vision.engine.incident import Incident
from edge_vision.engine.reader import Drawn
from edge_vision.engine.settings import Settings
from edge_vision.engine.step import Step
from edge_vision.engine.tally import Tally
from edge_vision.engine.workers import Workers

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """What a camera is made of: its name, source and stages.

    fps     so many frames a second at most; None for all
    weight  how much of the workers' time it is due where that is short, beside other cameras
    """

    name: str
    source: Source
    stages: Sequence[Stage]
    fps: float | None = None
    weight: float = 1.0


class Camera:
    """Takes frames from a source through its stages to the sinks.

    One thread of its own captures; the workers, shared with other cameras, do the rest.

    finished  is set when a recording is over and all its frames are through, or the camera stopped
    error     why a recording could not be played, else None
    """

    def __init__(
        self,
        plan: CameraPlan,
        workers: Workers,
        delivery: Delivery,
        tally: Tally,
        *,
        warp: Warp = reference_warp,
        backoff: Backoff | None = None,
    ) -> None:
        self.name = plan.name
        self.tally = tally
        self.finished = Event()
        self.error: Exception | None = None
        self._source = plan.source
        self._delivery = delivery
        self._lost = Incident("camera-lost", plan.name, delivery, tally)
        self._steps = [self._step(stage) for stage in plan.stages]
        self.settings = Settings({step.name: step.stage for step in self._steps}, self._enable)
        self._online: bool | None = None
        self._last_frame = time.monotonic()
        self._ended = False
        self._claim = workers.claim(plan.weight)
        self._flow = Flow(
            self._steps,
            self._claim,
            tally,
            warp=warp,
            live=plan.source.live,
            deliver=self._deliver,
            drained=self._drained,
        )
        self._fps = plan.fps
        self._capture = Capture(plan.name, plan.source, tally, self, fps=plan.fps, backoff=backoff)

    def start(self) -> None:
        """Start capturing; the stages are opened first, on the capture thread."""
        for key, value in self.settings.values().items():
            self._delivery.state(self.name, key, value)
        self._delivery.status(self.name, "offline")
        self._capture.start()

    def adjust(self, fps: float | None, weight: float) -> None:
        """From now on process so many frames a second at most, with this share of the workers."""
        self._claim.weigh(weight)
        if fps != self._fps:
            self._fps = fps
            self._capture.pace(fps)

    def change(self, key: str, text: str) -> StateValue:
        """Change a setting; gives the new value. Raises ConfigError where that is not allowed."""
        value = self.settings.change(key, text)
        self._delivery.state(self.name, key, value)
        return value

    @property
    def busy(self) -> float:
        """Seconds that workers have spent on its frames."""
        return self._claim.busy

    def check(self, now: float) -> None:
        """Notice silence: called every now and then, because a stuck read cannot say so itself."""
        silence = self._source.silence
        if self._online and self._source.live and now - self._last_frame > silence:
            self.lose(f"no frame for {silence:g} s")

    def progressed_since(self, moment: float) -> bool:
        """True where since then (time.monotonic()) it captured or tried to, and no frame is stuck."""
        begun = self._flow.oldest_begun()
        alive = self._ended or self._capture.heartbeat >= moment
        return alive and (begun is None or begun >= moment)

    def request_stop(self) -> None:
        """Ask it to stop capturing, and return at once."""
        self._capture.request_stop()

    def stop(self, timeout: float) -> bool:
        """Stop, let the frames in flight finish, close the stages; False where that took too long."""
        deadline = time.monotonic() + timeout
        self._capture.request_stop()
        captured = self._capture.join(timeout)
        idle = self._flow.stop(max(0.0, deadline - time.monotonic()))
        self._lost.end()
        if idle:
            for step in self._steps:
                step.close()
        else:
            log.warning("%s: a frame is stuck in a stage and left behind", self.name)
        self._say("offline")
        self.finished.set()
        return captured and idle

    # What the capture thread tells (capture.Receiver)

    def prepare(self) -> None:
        """Open the stages that are not open yet; raises SourceLost, to be tried again."""
        for step in self._steps:
            step.open()

    def wait_for_room(self, timeout: float) -> bool:
        """Wait until a frame may be put: of a recording nothing is dropped, and its sinks keep up."""
        if self._source.live:
            return True
        deadline = time.monotonic() + timeout
        return self._flow.wait_for_room(timeout) and self._delivery.wait_for_room(
            self.name, max(0.0, deadline - time.monotonic())
        )

    def put(self, drawn: Drawn) -> None:
        """Process a frame."""
        self._flow.put(drawn)

    def lend(self, draw: Callable[[], Drawn | None]) -> None:
        """Let the workers draw the frames."""
        self._flow.lend(draw)

    def recall(self) -> None:
        """Let no worker begin to draw one any more."""
        self._flow.recall()

    def wait_for_return(self, timeout: float) -> bool:
        """Wait until no worker will draw one."""
        return self._flow.wait_for_return(timeout)

    def find(self) -> None:
        """A frame came."""
        self._last_frame = time.monotonic()
        if not self._online:
            self._online = True
            self._say("online")
            self._lost.end()

    def lose(self, reason: str) -> None:
        """The source cannot be opened, or gives no more frames."""
        if self._online is not False:
            self._online = False
            self._say("offline")
            self._lost.begin(error=reason)

    def end(self, error: Exception | None) -> None:
        """The capture thread is done; a recording may have failed to play."""
        if error is not None:
            log.error("%s: %s: %s", self.name, self._source.description, error)
        self.error = error
        self._ended = True
        self._flow.end()

    def _step(self, stage: Stage) -> Step:
        incident = Incident("stage-failing", self.name, self._delivery, self.tally)
        return Step(stage, self.tally, incident, Breaker(holds_back=self._source.live))

    def _deliver(self, result: Result) -> None:
        self._delivery.write(result, wait=not self._source.live)

    def _drained(self) -> None:
        if not self._capture.stopping:
            for step in self._steps:
                step.end_incident()
            self._say("offline")
        self.finished.set()

    def _enable(self, enabled: bool) -> None:
        self._capture.enable(enabled)
        self._lost.end()
        self._online = None
        self._say("offline" if enabled else "disabled")

    def _say(self, status: CameraStatus) -> None:
        if self.settings.enabled or status == "disabled":
            self._delivery.status(self.name, status)
